/**
 * Files of TraceQL cases that others publish, run as test scripts: Tempo's examples (YAML lists `valid`, `parse_fails`,
 * `validate_fails`, `unsupported`), expressions with whether they parse, and searches over a trace in OTLP JSON.
 */
import {
  type AttributeMap,
  type MemorySpan,
  memoryTable,
  parseTraceql,
  parseTraceqlIdentifier,
  type Static,
  searchMemory,
  type TraceqlOutcome,
  traceqlInteger,
  validateTraceql,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { parse as parseYaml } from "yaml";
import { compileRegex } from "../../regex/compile.ts";
import { checkPattern } from "../../regex/regex.ts";

type Verdict = "valid" | "unsupported" | "validate_fails" | "parse_fails";

function verdictOf(text: string): Verdict {
  let query: ReturnType<typeof parseTraceql>;
  try {
    query = parseTraceql(text);
  } catch (error) {
    if (error instanceof TriptychError) return "parse_fails";
    throw error;
  }
  try {
    validateTraceql(query, checkPattern);
    return "valid";
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return error.code === "query_unsupported" ? "unsupported" : "validate_fails";
  }
}

const wanted: { readonly [list: string]: readonly Verdict[] } = {
  valid: ["valid"],
  parse_fails: ["parse_fails"],
  validate_fails: ["validate_fails"],
  // What others do not evaluate yet, we may.
  unsupported: ["unsupported", "valid"],
};

export function runExamples(text: string): TraceqlOutcome[] {
  const lists = parseYaml(text) as { readonly [list: string]: readonly string[] | null };
  return Object.entries(wanted).flatMap(([list, verdicts]) =>
    (lists[list] ?? []).map((query) => {
      const verdict = verdictOf(query);
      const line = text.slice(0, Math.max(0, text.indexOf(query))).split("\n").length;
      return {
        line,
        query,
        failure: verdicts.includes(verdict) ? undefined : `expected ${list}, got ${verdict}`,
      };
    }),
  );
}

interface PublishedCase {
  readonly input?: string;
  readonly ok?: boolean;
  readonly kind?: string;
  readonly query?: string;
  readonly match?: boolean;
  readonly contains_span?: { readonly [id: string]: boolean };
  readonly expected?: { readonly [traceId: string]: readonly string[] };
}

/** `otherFile` reads a file that the cases name. */
export function runCases(text: string, otherFile: (path: string) => string): TraceqlOutcome[] {
  const { meta, cases, trace_otlp_json } = JSON.parse(text) as {
    meta?: { dataset?: string };
    cases: readonly PublishedCase[];
    trace_otlp_json?: OtlpTraces;
  };
  const path = /^\S+/.exec(meta?.dataset ?? "")?.[0];
  const lines =
    path === undefined
      ? []
      : otherFile(path)
          .split("\n")
          .filter((line) => line.trim() !== "");
  const traces =
    trace_otlp_json === undefined
      ? lines.map((line) => JSON.parse(line) as OtlpTraces)
      : [trace_otlp_json];
  const table = memoryTable(traces.flatMap(memorySpans));
  return cases.flatMap((one, i) => {
    const query = one.input ?? one.query;
    if (query === undefined) return [];
    return [{ line: i + 1, query, failure: failureOf(one, query, table) }];
  });
}

function failureOf(
  one: PublishedCase,
  query: string,
  table: ReturnType<typeof memoryTable>,
): string | undefined {
  if (one.kind === "identifier") {
    try {
      parseTraceqlIdentifier(query);
      return one.ok === true ? undefined : "expected a failure, got none";
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
      return one.ok === true ? error.message : undefined;
    }
  }
  if (one.ok !== undefined) {
    const verdict = verdictOf(query);
    const fits = one.ok
      ? verdict !== "parse_fails"
      : verdict === "parse_fails" || verdict === "validate_fails";
    return fits ? undefined : `expected ${one.ok ? "that it parses" : "a failure"}, got ${verdict}`;
  }
  const parsed = parseTraceql(query);
  validateTraceql(parsed, checkPattern);
  if (parsed.kind !== "spansets") return "not a search";
  const found = searchMemory(table, parsed.pipeline, compileRegex);
  if (one.match !== undefined && found.length > 0 !== one.match)
    return `expected ${one.match ? "a" : "no"} match`;
  const ids = found.map(({ traceId, spansets }) => {
    const rows = new Set(spansets.flatMap(({ rows }) => rows));
    return [traceId, [...rows].map((row) => table.spans[row]?.spanId ?? "").sort()] as const;
  });
  for (const [id, there] of Object.entries(one.contains_span ?? {}))
    if (ids.some(([, spans]) => spans.includes(id)) !== there)
      return `expected ${there ? "" : "not "}the span ${id}`;
  if (one.expected === undefined) return undefined;
  const sorted = (entries: Iterable<readonly [string, readonly string[]]>): string =>
    JSON.stringify(
      [...entries]
        .map(([id, spans]) => [id, [...spans].sort()] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  const [want, got] = [sorted(Object.entries(one.expected)), sorted(ids)];
  return want === got ? undefined : `expected ${want}, got ${got}`;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
}
type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[];
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: OtlpAttributes;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly events?: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes?: OtlpAttributes;
  }[];
  readonly links?: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes?: OtlpAttributes;
  }[];
}
interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: OtlpAttributes };
    readonly scopeSpans: readonly {
      readonly scope?: {
        readonly name?: string;
        readonly version?: string;
        readonly attributes?: OtlpAttributes;
      };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

function mapOf(attributes: OtlpAttributes = []): AttributeMap {
  return new Map(
    attributes.flatMap(({ key, value }): [string, Static][] => {
      if (value.stringValue !== undefined)
        return [[key, { type: "string", value: value.stringValue }]];
      if (value.boolValue !== undefined) return [[key, { type: "bool", value: value.boolValue }]];
      if (value.intValue !== undefined)
        return [[key, { type: "int", value: traceqlInteger(String(value.intValue)) }]];
      return value.doubleValue === undefined
        ? []
        : [[key, { type: "float", value: value.doubleValue }]];
    }),
  );
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;
/** An id of zeros is none. */
const idOf = (id = ""): string => (/^0*$/.test(id) ? "" : id);

function memorySpans({ resourceSpans }: OtlpTraces): MemorySpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const own = mapOf(resource?.attributes);
    const service = own.get("service.name");
    return scopeSpans.flatMap(({ scope, spans }) =>
      spans.map(
        (span): MemorySpan => ({
          traceId: span.traceId,
          spanId: idOf(span.spanId),
          parentId: idOf(span.parentSpanId),
          name: span.name ?? "",
          service: service?.type === "string" ? service.value : "",
          kind: KINDS[span.kind ?? 0] ?? "unspecified",
          status: STATUSES[span.status?.code ?? 0] ?? "unset",
          statusMessage: span.status?.message ?? "",
          startNs: BigInt(span.startTimeUnixNano),
          durationNs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
          scopeName: scope?.name ?? "",
          scopeVersion: scope?.version ?? "",
          attributes: mapOf(span.attributes),
          resource: own,
          scope: mapOf(scope?.attributes),
          events: (span.events ?? []).map(({ name, timeUnixNano, attributes }) => ({
            name,
            timeNs: BigInt(timeUnixNano),
            attributes: mapOf(attributes),
          })),
          links: (span.links ?? []).map(({ traceId, spanId, attributes }) => ({
            traceId,
            spanId,
            attributes: mapOf(attributes),
          })),
        }),
      ),
    );
  });
}
