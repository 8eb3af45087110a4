/** Which format a target is asked for, and which its answer is in (Prometheus 3: no guessing without a fallback). */
import {
  type Escaping,
  type ScrapeProtocol,
  scrapeProtocols,
} from "../../config/prometheus/global-config.ts";

/** The `Accept` header: formats by preference, each with its weight, and anything at last. */
export function acceptHeader(protocols: readonly ScrapeProtocol[], escaping: Escaping): string {
  let weight = Object.keys(scrapeProtocols).length + 1;
  const values = protocols.map((protocol) => {
    const takesEscaping = protocol === "PrometheusText1.0.0" || protocol === "OpenMetricsText1.0.0";
    const suffix = takesEscaping ? `;escaping=${escaping}` : "";
    return `${scrapeProtocols[protocol]}${suffix};q=0.${weight--}`;
  });
  return [...values, `*/*;q=0.${weight}`].join(",");
}

/** Longer ones are no content type; this keeps reading one cheap. */
const HEADER_BYTES_MAX = 1000;
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+$/;
const PARAMETER = /^\s*;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*([\w!#$%&'*+.^`|~-]+|"(?:[^"\\\r\n]|\\.)*")/;

/** The media type in lower case; undefined when it, or a parameter, is malformed or there twice (as Go's `mime`). */
function mediaTypeOf(header: string): string | undefined {
  const end = header.indexOf(";");
  const type = (end < 0 ? header : header.slice(0, end)).trim();
  if (!MEDIA_TYPE.test(type)) return undefined;
  const names = new Set<string>();
  let rest = end < 0 ? "" : header.slice(end);
  while (rest.trim() !== "" && rest.trim() !== ";") {
    const found = PARAMETER.exec(rest);
    const name = found?.[1]?.toLowerCase();
    if (found === null || name === undefined || names.has(name)) return undefined;
    names.add(name);
    rest = rest.slice(found[0].length);
  }
  return type.toLowerCase();
}

/** The content type to parse an answer by. Throws in Prometheus' words when it is none of ours. */
export function contentTypeOf(given: string | undefined, fallback: ScrapeProtocol | ""): string {
  const instead = fallback === "" ? undefined : scrapeProtocols[fallback];
  const header = given?.trim() ?? "";
  if (header === "")
    return (
      instead ??
      fail(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
      )
    );
  const shown = JSON.stringify(header.slice(0, HEADER_BYTES_MAX));
  const media = header.length > HEADER_BYTES_MAX ? undefined : mediaTypeOf(header);
  if (media === undefined)
    return (
      instead ??
      fail(`cannot parse Content-Type ${shown} and no fallback_scrape_protocol for target`)
    );
  switch (media) {
    case "application/openmetrics-text":
    case "text/plain":
      return media;
    case "application/vnd.google.protobuf":
      return scrapeProtocols.PrometheusProto;
    default:
      return (
        instead ??
        fail(
          `received unsupported Content-Type ${shown} and no fallback_scrape_protocol specified for target`,
        )
      );
  }
}

function fail(message: string): never {
  throw new Error(message);
}
