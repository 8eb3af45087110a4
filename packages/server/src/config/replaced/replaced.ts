/**
 * Configurations of programs that Triptych replaces and that have no part of their own in it: Tempo's, Loki's, and
 * Grafana's data sources. In: the text. Out: what of it has a meaning here, as settings that hold where `triptych.yaml`
 * says nothing, and a note for every part that has none; or an error with file, line and column (`config_invalid`).
 */
import { TriptychError } from "@triptych/model";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { rulerOf } from "./loki-ruler.ts";
import { isSettings, merged, type Settings } from "./settings.ts";

export interface Note {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export interface Replaced {
  readonly settings: Settings;
  readonly notes: readonly Note[];
}

export type ReplacedKind = "tempo" | "loki" | "datasources";

/** What a part means here; one without a note is taken, or means nothing that anybody could miss. */
interface Part {
  readonly note?: string;
  readonly read?: (value: unknown, place: Place) => Settings;
}

/** Where a value stands, for errors. */
interface Place {
  fail(path: readonly (string | number)[], message: string): never;
}

const OWN_STORE = "data is kept in Triptych's own store, which `--data` or `store` names";
const ONE_PROCESS = "there is one process: nothing has to find or limit its parts";

const tempoParts: { readonly [key: string]: Part } = {
  server: { note: "Triptych listens where its own settings say; `--classic-ports` adds port 3200" },
  distributor: { read: receivers },
  ingester: { note: ONE_PROCESS },
  ingester_client: { note: ONE_PROCESS },
  compactor: {
    read: (value, place) => retentionOf(value, ["compaction", "block_retention"], place),
  },
  querier: { note: ONE_PROCESS },
  query_frontend: { note: "bounds of queries are those of `limits`" },
  storage: { note: OWN_STORE },
  metrics_generator: { read: generator },
  metrics_generator_client: { note: ONE_PROCESS },
  overrides: {},
  memberlist: { note: ONE_PROCESS },
  cache: { note: ONE_PROCESS },
  backend_scheduler: { note: ONE_PROCESS },
  backend_worker: { note: ONE_PROCESS },
  live_store: { note: ONE_PROCESS },
  block_builder: { note: ONE_PROCESS },
  internal_server: { note: "`/metrics` and `/readyz` are on the port of everything else" },
  usage_report: {},
  stream_over_http_enabled: {},
  multitenancy_enabled: { note: "there is one tenant" },
  auth_enabled: { note: "there is one tenant" },
  http_api_prefix: { note: "the prefix is `/tempo`" },
  target: { note: ONE_PROCESS },
};

const lokiParts: { readonly [key: string]: Part } = {
  auth_enabled: {},
  server: { note: "Triptych listens where its own settings say; `--classic-ports` adds port 3100" },
  common: { note: ONE_PROCESS },
  schema_config: { note: OWN_STORE },
  storage_config: { note: OWN_STORE },
  chunk_store_config: { note: OWN_STORE },
  compactor: {},
  limits_config: { read: (value, place) => retentionOf(value, ["retention_period"], place) },
  table_manager: { read: (value, place) => retentionOf(value, ["retention_period"], place) },
  ruler: {},
  ruler_storage: {},
  ...Object.fromEntries(
    [
      ...["ingester", "ingester_client", "distributor", "querier", "query_range", "frontend"],
      ...["frontend_worker", "query_scheduler", "index_gateway", "bloom_build", "bloom_gateway"],
      ...["pattern_ingester", "memberlist", "runtime_config", "kafka_config", "block_builder"],
      ...["tracing", "analytics", "operational_config", "profiling", "memcached", "target"],
      ...[
        "ballast_bytes",
        "shutdown_delay",
        "metrics_namespace",
        "ui",
        "dataobj",
        "compactor_grpc_client",
      ],
    ].map((key) => [key, { note: ONE_PROCESS }] as const),
  ),
};

/** Types of data sources that Triptych answers for, and under which address. */
const answered: { readonly [type: string]: string } = {
  prometheus: "http://HOST:4320",
  loki: "http://HOST:4320",
  tempo: "http://HOST:4320/tempo",
  jaeger: "http://HOST:4320/jaeger",
  zipkin: "",
  alertmanager: "",
  elasticsearch: "",
};

export function parseReplaced(kind: ReplacedKind, text: string, file: string): Replaced {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    maxAliasCount: 100,
  } as object);
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const refuse = (offset: number, message: string): never => {
    const { line, column } = at(offset);
    throw new TriptychError("config_invalid", `${file}:${line}:${column}: ${message}`);
  };
  const [broken] = document.errors;
  if (broken !== undefined) return refuse(broken.pos[0], broken.message);
  const root = document.contents;
  if (root === null) return { settings: {}, notes: [] };
  if (!isMap(root)) return refuse(root.range?.[0] ?? 0, "the file is not a map of settings");
  if (kind === "datasources")
    return datasources(root.get("datasources", true) as Node | undefined, at);
  const parts = kind === "tempo" ? tempoParts : lokiParts;
  let settings: Settings = {};
  const notes: Note[] = [];
  for (const { key, value } of root.items) {
    const name = String(key);
    const offset = (key as { range?: readonly number[] }).range?.[0] ?? 0;
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (part === undefined)
      return refuse(
        offset,
        `unknown key ${JSON.stringify(name.slice(0, 100))}: ${kind} has no such part`,
      );
    if (part.note !== undefined) notes.push({ ...at(offset), text: `${name}: ${part.note}` });
    const place: Place = {
      fail: (path, message) => {
        const node = isMap(value) ? (value.getIn(path, true) as Node | undefined) : undefined;
        return refuse(node?.range?.[0] ?? offset, `${[name, ...path].join(".")}: ${message}`);
      },
    };
    const plain: unknown = (value as Node | null)?.toJS(document) ?? {};
    if (part.read !== undefined) settings = merged(settings, part.read(plain, place));
  }
  if (kind === "tempo") return { settings, notes };
  const ruler = rulerOf(document.toJS(), file, (path, message) => {
    const node = document.getIn(path, true) as Node | undefined;
    return refuse(node?.range?.[0] ?? 0, `${path.join(".")}: ${message}`);
  });
  for (const { path, text: note } of ruler.notes) {
    const node = document.getIn(path, true) as Node | undefined;
    notes.push({ ...at(node?.range?.[0] ?? 0), text: note });
  }
  return { settings: merged(settings, ruler.settings), notes };
}

const HOURS: { readonly [unit: string]: number } = {
  ...{ ms: 1 / 3_600_000, s: 1 / 3600, m: 1 / 60, h: 1 },
  ...{ d: 24, w: 24 * 7, y: 24 * 365 },
};

/** Whole days, at least one, of a duration such as `336h` or `14d`; 0 is for ever. */
function retentionOf(value: unknown, path: readonly string[], place: Place): Settings {
  let found = value;
  for (const key of path) found = isSettings(found) ? found[key] : undefined;
  if (found === undefined) return {};
  const text = String(found).trim();
  const pieces = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
  const whole = pieces.map(([piece]) => piece).join("");
  if (text !== "0" && (pieces.length === 0 || whole !== text))
    return place.fail(path, `${JSON.stringify(text.slice(0, 50))} is not a duration such as 336h`);
  const hours = pieces.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (HOURS[unit ?? ""] ?? 0),
    0,
  );
  const signal = path[0] === "compaction" ? "traces" : "logs";
  return { retention: { [signal]: { days: Math.ceil(hours / 24) } } };
}

const RECEIVERS = new Set(["otlp", "jaeger", "zipkin", "opencensus", "kafka"]);

/** All that are asked for listen anyway, or do with `--classic-ports`. */
function receivers(value: unknown, place: Place): Settings {
  const asked = isSettings(value) ? value["receivers"] : undefined;
  if (asked !== undefined && !isSettings(asked)) return place.fail(["receivers"], "is not a map");
  for (const name of Object.keys(asked ?? {}))
    if (!RECEIVERS.has(name.split("/", 1)[0] ?? ""))
      return place.fail(["receivers", name], "is no receiver of Tempo's");
  return {};
}

/** Dimensions of span metrics; that they are made at all is Triptych's default. */
function generator(value: unknown, place: Place): Settings {
  const processor = isSettings(value) ? value["processor"] : undefined;
  const spans = isSettings(processor) ? processor["span_metrics"] : undefined;
  const dimensions = isSettings(spans) ? spans["dimensions"] : undefined;
  if (dimensions === undefined) return {};
  const ok = Array.isArray(dimensions) && dimensions.every((one) => typeof one === "string");
  if (!ok) return place.fail(["processor", "span_metrics", "dimensions"], "is not a list of names");
  return { derive: { spanMetrics: { dimensions: dimensions as string[] } } };
}

function datasources(
  list: Node | undefined,
  at: (offset: number) => { line: number; column: number },
): Replaced {
  const notes: Note[] = [];
  if (!isSeq(list)) return { settings: {}, notes };
  for (const item of list.items) {
    if (!isMap(item)) continue;
    const type = item.get("type", true);
    const name = String(item.get("name") ?? "");
    const text = isScalar(type) ? String(type.value) : "";
    const address = Object.hasOwn(answered, text) ? answered[text] : undefined;
    const where = at((item.range?.[0] ?? 0) as number);
    const shown = JSON.stringify(name.slice(0, 100));
    if (address === undefined || address === "")
      notes.push({
        ...where,
        text: `the data source ${shown} of type ${text || "none"} is not answered by Triptych`,
      });
    else
      notes.push({
        ...where,
        text: `the data source ${shown} works unchanged with --classic-ports, or with the url ${address}`,
      });
  }
  return { settings: {}, notes };
}
