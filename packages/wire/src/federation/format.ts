/**
 * Which exposition format a client asks for with its `Accept` header, and how names that are no plain identifiers
 * are written for it.
 */

export type Escaping = "allow-utf-8" | "underscores" | "dots" | "values";

export interface FederationFormat {
  readonly kind: "text" | "protobuf";
  readonly contentType: string;
  readonly escaping: Escaping;
}

const PROTOBUF = "application/vnd.google.protobuf";
const CLAUSES_MAX = 50;

interface Clause {
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
  readonly weight: number;
}

function clausesOf(accept: string): Clause[] {
  const clauses = accept
    .split(",", CLAUSES_MAX)
    .map((text) => {
      const [type = "", ...rest] = text.split(";");
      const params = new Map<string, string>();
      for (const param of rest) {
        const at = param.indexOf("=");
        if (at > 0) params.set(param.slice(0, at).trim().toLowerCase(), param.slice(at + 1).trim());
      }
      const weight = Number(params.get("q") ?? "1");
      return { type: type.trim().toLowerCase(), params, weight: weight >= 0 ? weight : 0 };
    })
    .filter(({ weight }) => weight > 0);
  // Sorting is stable: among equals the first one counts.
  return clauses.sort((a, b) => b.weight - a.weight);
}

const schemes: readonly Escaping[] = ["allow-utf-8", "underscores", "dots", "values"];

/** The first format of the list that is known, OpenMetrics not among them, as with Prometheus; plain text when none is. */
export function federationFormat(accept: string): FederationFormat {
  for (const { type, params } of clausesOf(accept)) {
    const asked = params.get("escaping");
    const escaping = schemes.find((scheme) => scheme === asked) ?? "underscores";
    const suffix = `; escaping=${escaping}`;
    const version = params.get("version") ?? "";
    if (
      type === PROTOBUF &&
      params.get("proto") === "io.prometheus.client.MetricFamily" &&
      params.get("encoding") === "delimited"
    ) {
      const contentType = `${PROTOBUF}; proto=io.prometheus.client.MetricFamily; encoding=delimited${suffix}`;
      return { kind: "protobuf", contentType, escaping };
    }
    if (type === "text/plain" && ["", "0.0.4", "1.0.0"].includes(version)) {
      const told = version === "1.0.0" ? version : "0.0.4";
      return {
        kind: "text",
        contentType: `text/plain; version=${told}; charset=utf-8${suffix}`,
        escaping,
      };
    }
  }
  return {
    kind: "text",
    contentType: "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    escaping: "underscores",
  };
}

const PLAIN_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function isPlainName(name: string, kind: "metric" | "label"): boolean {
  return (kind === "metric" ? PLAIN_METRIC : PLAIN_LABEL).test(name);
}

/** The name as the client takes it; with `allow-utf-8` it stays. */
export function escapedName(name: string, kind: "metric" | "label", escaping: Escaping): string {
  if (escaping === "allow-utf-8") return name;
  const isPlain = isPlainName(name, kind);
  if (escaping === "dots") {
    if (isPlain && !name.includes("_")) return name;
  } else if (isPlain && !(escaping === "values" && name.startsWith("U__"))) return name;
  let out = escaping === "values" ? "U__" : "";
  let first = true;
  for (const char of name) {
    const valid =
      /^[a-zA-Z_]$/.test(char) ||
      (char === ":" && kind === "metric") ||
      (!first && /^[0-9]$/.test(char));
    first = false;
    if (escaping === "underscores") out += valid ? char : "_";
    else if (char === "_") out += "__";
    else if (valid) out += char;
    else if (escaping === "dots") out += char === "." ? "_dot_" : "__";
    else out += `_${(char.codePointAt(0) as number).toString(16)}_`;
  }
  return out;
}
