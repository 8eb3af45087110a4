/**
 * `pipeline_stages` as promtail writes them: a list of maps with one key each. In comes YAML, out come plans that
 * `receivers/log-stages` compiles; patterns, templates and selectors are checked there and reported with the stage's
 * place through `check`.
 */

import {
  bool,
  float,
  integer,
  type Kind,
  list,
  map,
  maybe,
  type Of,
  oneOf,
  parsed,
  problem,
  struct,
  text,
} from "../prometheus/kinds.ts";
import type { Entry, YamlNode, YamlReader } from "../prometheus/yaml-reader.ts";
import { byteSize, goDuration, textOrList } from "./go-scalars.ts";

const required = (value: string, message: string): void => {
  if (value === "") problem(message);
};

/** Names, each with what it is taken from; an empty one is taken from its own name. */
const sources: Kind<ReadonlyMap<string, string>> = {
  initial: () => new Map(),
  read(reader, node) {
    const out = new Map<string, string>();
    for (const { key, value } of reader.entries(node, "map"))
      out.set(key, reader.text(value, "string") || key);
    return out;
  },
};

const someSources = (what: string): Kind<ReadonlyMap<string, string>> => ({
  initial: sources.initial,
  read(reader, node) {
    const read = sources.read(reader, node);
    return read.size > 0 ? read : reader.fail(node, `${what} stage config cannot be empty`);
  },
});

const regex = struct(
  "stages.RegexConfig",
  { expression: text(), source: maybe(text()), labels_from_groups: bool() },
  (config) => {
    required(config.expression, "expression is required");
    if (config.source === "") problem("empty source");
    return config;
  },
);

const json = struct(
  "stages.JSONConfig",
  { expressions: sources, source: maybe(text()), drop_malformed: bool() },
  (config) => {
    if (config.expressions.size === 0) problem("JMES expression is required");
    return config;
  },
);

const logfmt = struct(
  "stages.LogfmtConfig",
  { mapping: sources, source: maybe(text()) },
  (config) => {
    if (config.mapping.size === 0) problem("logfmt mapping is required");
    return config;
  },
);

const replace = struct(
  "stages.ReplaceConfig",
  { expression: text(), source: maybe(text()), replace: text() },
  (config) => {
    required(config.expression, "expression is required in replace stage");
    return config;
  },
);

const template = struct("stages.TemplateConfig", { source: text(), template: text() }, (config) => {
  required(config.source, "template source value is required");
  required(config.template, "template value is required");
  return config;
});

const timestamp = struct(
  "stages.TimestampConfig",
  {
    source: text(),
    format: text(),
    fallback_formats: list(text()),
    location: text(),
    action_on_failure: oneOf(
      ["fudge", "skip"],
      "fudge",
      (given) =>
        `invalid action on failure ${JSON.stringify(given)} (must be one of 'skip' or 'fudge')`,
    ),
  },
  (config) => {
    required(config.source, "timestamp source value is required if timestamp is specified");
    required(config.format, "timestamp format is required");
    if (config.location !== "" && !isZone(config.location))
      problem(`invalid location specified: ${config.location}`);
    return config;
  },
);

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const drop = struct(
  "stages.DropConfig",
  {
    source: textOrList,
    separator: text(";"),
    value: maybe(text()),
    expression: maybe(text()),
    older_than: maybe(goDuration()),
    longer_than: maybe(byteSize()),
    drop_counter_reason: text("drop_stage"),
  },
  (config) => {
    const { source, value, expression, older_than, longer_than } = config;
    if (
      source.length === 0 &&
      expression === undefined &&
      older_than === undefined &&
      longer_than === undefined
    )
      problem("drop stage requires at least one of: source, expression, older_than or longer_than");
    if (value !== undefined && expression !== undefined)
      problem("only one of value or expression may be specified in a drop stage");
    if (value !== undefined && source.length === 0)
      problem("value may not be used in a drop stage without source");
    return config;
  },
);

const limit = struct(
  "stages.LimitConfig",
  {
    rate: float(),
    burst: integer(),
    drop: bool(),
    by_label_name: text(),
    max_distinct_labels: integer(10_000),
  },
  (config) => {
    if (config.rate <= 0 || config.burst <= 0)
      problem("limit stage requires rate and burst above 0");
    if (config.by_label_name !== "" && !config.drop)
      problem("limit stage by_label_name is only possible with drop: true");
    return config;
  },
);

const sampling = struct(
  "stages.SamplingConfig",
  { rate: float(1), drop_counter_reason: text("sampling_stage") },
  (config) =>
    config.rate >= 0 && config.rate <= 1
      ? config
      : problem("sampling stage failed to parse rate, value must be between 0.0 and 1.0"),
);

/** promtail's own bound is 128 lines; a block that is larger than this is no record any more. */
const MULTILINE_LINES_MAX = 10_000;

const multiline = struct(
  "stages.MultilineConfig",
  { firstline: text(), max_lines: integer(128), max_wait_time: goDuration(3000) },
  (config) => {
    required(config.firstline, "multiline stage config must define `firstline` regular expression");
    if (config.max_lines < 0 || config.max_lines > MULTILINE_LINES_MAX)
      problem(`multiline max_lines must be between 0 and ${MULTILINE_LINES_MAX}`);
    // Without a bound the chunk that is read at once bounds a block.
    return config.max_lines === 0 ? { ...config, max_lines: MULTILINE_LINES_MAX } : config;
  },
);

const pack = struct("stages.PackConfig", { labels: list(text()), ingest_timestamp: bool(true) });

const cri = struct("stages.CriConfig", {
  max_partial_lines: integer(100),
  max_partial_line_size: byteSize(),
  max_partial_line_size_truncate: bool(),
});

const eventlogmessage = struct("stages.EventLogMessageConfig", {
  source: text("message"),
  drop_invalid_labels: bool(),
  overwrite_existing: bool(),
});

const tenant = struct(
  "stages.TenantConfig",
  { label: text(), source: text(), value: text() },
  (config) => {
    if ([config.label, config.source, config.value].filter((one) => one !== "").length !== 1)
      problem("one of 'label', 'source' or 'value' is required in a tenant stage");
    return config;
  },
);

const metricConfig = struct("stages.MetricConfig", {
  value: maybe(text()),
  action: text(),
  match_all: bool(),
  count_entry_bytes: bool(),
  buckets: list(float()),
});

const metric = struct(
  "stages.MetricConfig",
  {
    type: parsed("", "", (given) => {
      const type = given.toLowerCase();
      return type === "counter" || type === "gauge" || type === "histogram"
        ? type
        : problem(`metric type must be one of 'counter', 'gauge' or 'histogram', got ${given}`);
    }),
    description: text(),
    source: text(),
    prefix: text("promtail_custom_"),
    max_idle_duration: goDuration(5 * 60_000),
    config: metricConfig,
  },
  (one) => {
    const action = one.config.action.toLowerCase();
    const allowed: { readonly [type: string]: readonly string[] } = {
      counter: ["inc", "add"],
      gauge: ["set", "inc", "dec", "add", "sub"],
      histogram: [""],
    };
    if (one.type === "") problem("metric type is required");
    if (!(allowed[one.type] ?? []).includes(action))
      problem(`action of a ${one.type} must be one of ${(allowed[one.type] ?? []).join(", ")}`);
    if (one.config.match_all && one.config.value !== undefined)
      problem("`match_all` cannot be combined with `value`");
    if (one.config.count_entry_bytes && (!one.config.match_all || action !== "add"))
      problem("`count_entry_bytes` can only be set with `match_all: true` and `action: add`");
    return { ...one, config: { ...one.config, action } };
  },
);

const name: Kind<string> = text();
const matchFields = {
  selector: text(),
  pipeline_name: name,
  stages: { initial: () => [], read: readStages } satisfies Kind<readonly StagePlan[]>,
  action: oneOf(
    ["keep", "drop"],
    "keep",
    (given) => `match stage action must be 'keep' or 'drop', got ${JSON.stringify(given)}`,
  ),
  drop_counter_reason: text("match_stage"),
};
const match: Kind<MatchConfig> = {
  initial: () => problem("match stage requires a selector"),
  read: (reader, node) => matchStruct().read(reader, node),
};

export interface MatchConfig {
  readonly selector: string;
  readonly pipeline_name: string;
  readonly stages: readonly StagePlan[];
  readonly action: "keep" | "drop";
  readonly drop_counter_reason: string;
}

function matchStruct(): Kind<MatchConfig> {
  return struct("stages.MatcherConfig", matchFields, (config) => {
    required(config.selector, "selector statement required for match stage");
    if (config.action === "drop" && config.stages.length > 0)
      problem("match stage configured to drop entries cannot contains stages");
    if (config.action === "keep" && config.stages.length === 0)
      problem("match stage requires at least one additional stage to be defined in '- stages'");
    return config;
  });
}

const empty = struct("stages.Empty", {});

const kinds = {
  docker: empty,
  cri,
  regex,
  json,
  logfmt,
  replace,
  template,
  timestamp,
  output: struct("stages.OutputConfig", { source: text() }, (config) => {
    required(config.source, "output source value is required if output is specified");
    return config;
  }),
  labels: someSources("label"),
  labelallow: list(text()),
  labeldrop: list(text()),
  static_labels: map(text()),
  structured_metadata: someSources("structured_metadata"),
  structured_metadata_drop: list(text()),
  tenant,
  match,
  drop,
  limit,
  sampling,
  multiline,
  pack,
  decolorize: empty,
  eventlogmessage,
  metrics: map(metric),
} as const;

type StageKinds = typeof kinds;
export type StageName = keyof StageKinds;
export type StageConfig<K extends StageName> = Of<StageKinds[K]>;
/** One stage: its name, and what it is told. `line` is its place in the file. */
export type StagePlan = {
  readonly [K in StageName]: { readonly kind: K; readonly config: StageConfig<K>; fail: Fail };
}[StageName];
/** Ends the loading with an error at the stage's place. */
export type Fail = (message: string) => never;

/** Stages that are read over: lines go on without what these would add. */
const unserved: { readonly [stage: string]: string } = {
  geoip: "it needs a database of another maker; look addresses up before lines are sent",
};

/** Deeper `match` stages are a mistake, or an attack. */
const DEPTH_MAX = 16;
const depths = new WeakMap<YamlReader, number>();

export function readStages(reader: YamlReader, node: YamlNode): readonly StagePlan[] {
  const depth = depths.get(reader) ?? 0;
  if (depth >= DEPTH_MAX) reader.fail(node, `stages are nested deeper than ${DEPTH_MAX}`);
  depths.set(reader, depth + 1);
  try {
    const items = reader.items(node, "stages.PipelineStages");
    return items.flatMap((one) => readStage(reader, one) ?? []);
  } finally {
    depths.set(reader, depth);
  }
}

function readStage(reader: YamlReader, node: YamlNode): StagePlan | undefined {
  const entries = stageEntries(reader, node);
  const [first] = entries;
  if (first === undefined || entries.length !== 1)
    return reader.fail(node, "pipeline stage must contain only one key");
  const { key, keyNode, value } = first;
  if (Object.hasOwn(unserved, key)) {
    reader.remark(keyNode, `pipeline stage ${key} is not served: ${unserved[key]}`);
    return undefined;
  }
  if (!Object.hasOwn(kinds, key)) return reader.fail(keyNode, `unknown stage type: ${key}`);
  const kind = key as StageName;
  const fail: Fail = (message) => reader.fail(keyNode, `invalid ${key} stage config: ${message}`);
  const config = kinds[kind].read(reader, value);
  return { kind, config, fail } as StagePlan;
}

/** A stage without settings may be written as its name alone. */
function stageEntries(reader: YamlReader, node: YamlNode): readonly Entry[] {
  if (node !== null && "items" in node) return reader.entries(node, "stages.PipelineStage");
  const key = reader.text(node, "stages.PipelineStage");
  return key === undefined ? [] : [{ key, keyNode: node, value: null }];
}

export const pipelineStages: Kind<readonly StagePlan[]> = {
  initial: () => [],
  read: readStages,
};
