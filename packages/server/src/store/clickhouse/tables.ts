/**
 * The tables of the store as data: columns, codecs, indices, partitions, and how a journal block becomes rows.
 * DDL, inserts and golden files read this list. `otel_traces`, `otel_logs` and `otel_traces_trace_id_ts` use the
 * column names of the OpenTelemetry Collector's ClickHouse exporter, so tools that know its schema read ours; columns
 * of our own come after theirs.
 */

export interface ColumnSpec {
  readonly name: string;
  readonly type: string;
  readonly codec?: string;
  /** Type in the journal's block where it differs from the table's. */
  readonly blockType?: string;
  /** SQL over block columns that gives the table's value; the block column's own name when absent. */
  readonly from?: string;
  /** SQL over other columns: it is computed when it is read, and neither stored nor inserted. */
  readonly alias?: string;
}

export interface TableSpec {
  readonly name: string;
  readonly engine: "MergeTree" | "ReplacingMergeTree(Version)" | "ReplacingMergeTree";
  readonly columns: readonly ColumnSpec[];
  readonly indices: readonly string[];
  readonly partitionBy: string;
  readonly orderBy: string;
  /** SQL of the time by which retention counts, absent when the table is kept for ever. */
  readonly time?: string;
}

/** A kind of block that the journal carries, and the tables it is inserted into. */
export interface BlockKind {
  readonly name: string;
  /** Name and type of the block's own columns, in order. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly targets: readonly {
    readonly table: string;
    readonly select: string;
    readonly group?: string;
  }[];
}

const ATTRIBUTES = "Map(LowCardinality(String), String)";
const NAME = "LowCardinality(String)";
const Z = "ZSTD(1)";
/**
 * For what is the same in many rows that lie apart: level 1 looks back less far than the rows of another resource reach.
 * It takes no more time, because there is less to write.
 */
const Z_FAR = "ZSTD(6)";
/** Of attributes, which differ: a tenth to a third fewer bytes than level 1, for as much time. */
const Z_MORE = "ZSTD(3)";

/** Sequence number of the journal record a row came from, and the journal's own id: recovery asks for them. */
const origin: readonly ColumnSpec[] = [
  { name: "_seq", type: "UInt64", codec: "Delta, ZSTD(1)" },
  { name: "_w", type: "UInt32", codec: "ZSTD(1)" },
];
const originIndex = "INDEX idx_seq _seq TYPE minmax GRANULARITY 1";

/** Block columns are named apart from table columns, so an alias never hides what it is made of. */
const blockName = (name: string): string => `b_${name.replace(".", "_")}`;

const hexId = (name: string, bytes: number): string =>
  `if(b_${name} = unhex('${"00".repeat(bytes)}'), '', lower(hex(b_${name})))`;

const attributeIndices = (column: string, short: string): string[] => [
  `INDEX idx_${short}_key mapKeys(${column}) TYPE bloom_filter(0.01) GRANULARITY 1`,
  `INDEX idx_${short}_value mapValues(${column}) TYPE bloom_filter(0.01) GRANULARITY 1`,
];

/**
 * The letters of a line in words: numbers, of which every line has new ones, would make an index of words as large as
 * the lines. `select/logs-filter.ts` asks with the same expression.
 */
export const LETTERS_OF_BODY = "translate(lower(Body), '0123456789', '          ')";

/** More than 0 where an attribute of span or resource is an array: few are, and a search must look at those again. */
export const ARRAYS = "plus(position(SpanKinds, '6'), position(ResourceKinds, '6'))";

/**
 * More than 0 where a span has an array, an event, a link or a scope with attributes, which TraceQL must look at span by
 * span. A sum, because the engine would write a chain of `OR` in another way than the index and not find it.
 */
export const DOUBTFUL = `plus(plus(${ARRAYS}, plus(length(\`Events.Name\`), length(\`Links.TraceId\`))), length(ScopeAttributes))`;

export const traces: TableSpec = {
  name: "otel_traces",
  engine: "MergeTree",
  columns: [
    { name: "Timestamp", type: "DateTime64(9)", codec: "Delta, ZSTD(1)" },
    {
      name: "TraceId",
      type: "String",
      codec: Z,
      blockType: "FixedString(16)",
      from: hexId("TraceId", 16),
    },
    {
      name: "SpanId",
      type: "String",
      codec: Z,
      blockType: "FixedString(8)",
      from: hexId("SpanId", 8),
    },
    {
      name: "ParentSpanId",
      type: "String",
      codec: Z,
      blockType: "FixedString(8)",
      from: hexId("ParentSpanId", 8),
    },
    { name: "TraceState", type: "String", codec: Z },
    { name: "SpanName", type: NAME, codec: Z },
    { name: "SpanKind", type: NAME, codec: Z },
    { name: "ServiceName", type: NAME, codec: Z },
    { name: "ResourceAttributes", type: ATTRIBUTES, codec: Z_FAR },
    { name: "ScopeName", type: "String", codec: Z_MORE },
    { name: "ScopeVersion", type: "String", codec: Z },
    { name: "SpanAttributes", type: ATTRIBUTES, codec: Z_MORE },
    { name: "Duration", type: "UInt64", codec: "T64, ZSTD(1)" },
    { name: "StatusCode", type: NAME, codec: Z },
    { name: "StatusMessage", type: "String", codec: Z },
    { name: "Events.Timestamp", type: "Array(DateTime64(9))", codec: Z },
    { name: "Events.Name", type: `Array(${NAME})`, codec: Z },
    { name: "Events.Attributes", type: `Array(${ATTRIBUTES})`, codec: Z },
    {
      name: "Links.TraceId",
      type: "Array(String)",
      codec: Z,
      blockType: "Array(FixedString(16))",
      from: "arrayMap(x -> lower(hex(x)), b_Links_TraceId)",
    },
    {
      name: "Links.SpanId",
      type: "Array(String)",
      codec: Z,
      blockType: "Array(FixedString(8))",
      from: "arrayMap(x -> lower(hex(x)), b_Links_SpanId)",
    },
    { name: "Links.TraceState", type: "Array(String)", codec: Z },
    { name: "Links.Attributes", type: `Array(${ATTRIBUTES})`, codec: Z },
    // Ours. Kinds hold one digit (`ValueKind`) per attribute, or nothing when all are strings.
    { name: "ResourceKinds", type: NAME, codec: Z },
    { name: "SpanKinds", type: NAME, codec: Z },
    { name: "EventKinds", type: "Array(String)", codec: Z },
    { name: "LinkKinds", type: "Array(String)", codec: Z },
    { name: "ScopeAttributes", type: ATTRIBUTES, codec: Z },
    { name: "ScopeKinds", type: NAME, codec: Z },
    { name: "Flags", type: "UInt32", codec: Z },
    /** Attributes, events and links that the sender dropped. */
    { name: "Dropped", type: "Array(UInt32)", codec: Z },
    { name: "SchemaUrls", type: NAME, codec: Z },
    ...origin,
  ],
  indices: [
    "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
    ...attributeIndices("ResourceAttributes", "res_attr"),
    ...attributeIndices("SpanAttributes", "span_attr"),
    `INDEX idx_array ${ARRAYS} TYPE minmax GRANULARITY 1`,
    `INDEX idx_doubtful ${DOUBTFUL} TYPE minmax GRANULARITY 1`,
    "INDEX idx_duration Duration TYPE minmax GRANULARITY 1",
    originIndex,
  ],
  partitionBy: "toYYYYMMDD(Timestamp, 'UTC')",
  // Spans of a trace lie together, and what is new lies at the end: ADR 23.
  orderBy: "(toStartOfMinute(Timestamp), TraceId, Timestamp)",
  time: "Timestamp",
};

export const traceTimes: TableSpec = {
  name: "otel_traces_trace_id_ts",
  engine: "MergeTree",
  columns: [
    { name: "TraceId", type: "String", codec: Z },
    { name: "Start", type: "DateTime", codec: "Delta, ZSTD(1)" },
    { name: "End", type: "DateTime", codec: "Delta, ZSTD(1)" },
    ...origin,
  ],
  indices: ["INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1", originIndex],
  partitionBy: "toYYYYMMDD(Start, 'UTC')",
  orderBy: "(TraceId, Start)",
  time: "Start",
};

export const logs: TableSpec = {
  name: "otel_logs",
  engine: "MergeTree",
  columns: [
    { name: "Timestamp", type: "DateTime64(9)", codec: "Delta, ZSTD(1)" },
    {
      name: "TimestampTime",
      type: "DateTime",
      codec: "Delta, ZSTD(1)",
      from: "toDateTime(b_Timestamp)",
      blockType: "",
    },
    {
      name: "TraceId",
      type: "String",
      codec: Z,
      blockType: "FixedString(16)",
      from: hexId("TraceId", 16),
    },
    {
      name: "SpanId",
      type: "String",
      codec: Z,
      blockType: "FixedString(8)",
      from: hexId("SpanId", 8),
    },
    { name: "TraceFlags", type: "UInt8", codec: Z },
    { name: "SeverityText", type: NAME, codec: Z },
    { name: "SeverityNumber", type: "UInt8", codec: Z },
    { name: "ServiceName", type: NAME, codec: Z },
    { name: "Body", type: "String", codec: Z },
    { name: "ResourceSchemaUrl", type: NAME, codec: Z },
    { name: "ResourceAttributes", type: ATTRIBUTES, codec: Z_FAR },
    { name: "ScopeSchemaUrl", type: NAME, codec: Z },
    { name: "ScopeName", type: "String", codec: Z_MORE },
    { name: "ScopeVersion", type: NAME, codec: Z },
    { name: "ScopeAttributes", type: ATTRIBUTES, codec: Z },
    { name: "LogAttributes", type: ATTRIBUTES, codec: Z_MORE },
    { name: "EventName", type: NAME, codec: Z },
    { name: "ObservedTimestamp", type: "DateTime64(9)", codec: "Delta, ZSTD(1)" },
    { name: "BodyKind", type: "UInt8", codec: Z },
    { name: "ResourceKinds", type: NAME, codec: Z },
    { name: "ScopeKinds", type: NAME, codec: Z },
    { name: "LogKinds", type: NAME, codec: Z },
    /** Place among the lines of one record and partition: with `_w` and `_seq` it names the line for ever. */
    { name: "_n", type: "UInt32", codec: "Delta, ZSTD(1)" },
    ...origin,
  ],
  indices: [
    "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
    ...attributeIndices("ResourceAttributes", "res_attr"),
    ...attributeIndices("LogAttributes", "log_attr"),
    `INDEX idx_words ${LETTERS_OF_BODY} TYPE text(tokenizer = splitByNonAlpha)`,
    // Says that no line of a range came by Loki's push.
    "INDEX idx_schema ResourceSchemaUrl TYPE minmax GRANULARITY 1",
    originIndex,
  ],
  partitionBy: "toYYYYMMDD(Timestamp, 'UTC')",
  orderBy: "(ServiceName, TimestampTime, Timestamp)",
  time: "Timestamp",
};

export const series: TableSpec = {
  name: "series",
  engine: "ReplacingMergeTree",
  columns: [
    { name: "Name", type: NAME, codec: Z },
    { name: "Id", type: "UInt64", codec: Z },
    { name: "Labels", type: ATTRIBUTES, codec: Z },
    /** Milliseconds; the first sample of the series on this day that this process saw. */
    { name: "FirstSeen", type: "Int64", codec: "Delta, ZSTD(1)" },
    ...origin,
  ],
  indices: [originIndex],
  partitionBy: "toYYYYMMDD(fromUnixTimestamp64Milli(FirstSeen), 'UTC')",
  orderBy: "(Name, Id)",
  time: "fromUnixTimestamp64Milli(FirstSeen)",
};

/** Exactly an `Int64`, and the same float again. No number is not equal to itself. */
const IS_WHOLE = "(abs(b_Value) <= 9007199254740992 AND b_Value = floor(b_Value))";

export const samples: TableSpec = {
  name: "samples",
  engine: "MergeTree",
  columns: [
    { name: "Id", type: "UInt64", codec: Z },
    { name: "Time", type: "Int64", codec: "DoubleDelta, ZSTD(1)" },
    // Counters are whole numbers: as such, the differences take half the bytes that the best codec of floats needs.
    {
      name: "Whole",
      type: "Int64",
      codec: "Delta, T64, ZSTD(1)",
      blockType: "",
      from: `toInt64(if(${IS_WHOLE}, b_Value, 0))`,
    },
    // All others, with their bits, and both zeros; 0 where `Whole` has the number.
    {
      name: "Value",
      type: "Float64",
      codec: "FPC, ZSTD(1)",
      from: `if(${IS_WHOLE} AND b_Value != 0, 0, b_Value)`,
    },
    // What was sent.
    { name: "Number", type: "Float64", alias: "if(Whole != 0, toFloat64(Whole), Value)" },
    // A series' samples come in records at a steady pace: half of what `Delta` takes.
    ...origin.map((column) =>
      column.name === "_seq" ? { ...column, codec: "DoubleDelta, ZSTD(1)" } : column,
    ),
  ],
  indices: [originIndex],
  partitionBy: "toYYYYMMDD(fromUnixTimestamp64Milli(Time), 'UTC')",
  orderBy: "(Id, Time)",
  time: "fromUnixTimestamp64Milli(Time)",
};

/** One row for each series and stretch of time: its last sample, and what is needed of the others. */
const downsampled = (name: string): TableSpec => ({
  name,
  engine: "MergeTree",
  columns: [
    { name: "Id", type: "UInt64", codec: Z },
    { name: "Time", type: "Int64", codec: "DoubleDelta, ZSTD(1)" },
    { name: "Value", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "Min", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "Max", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "Sum", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "Count", type: "UInt32", codec: "T64, ZSTD(1)" },
  ],
  indices: [],
  partitionBy: "toYYYYMMDD(fromUnixTimestamp64Milli(Time), 'UTC')",
  orderBy: "(Id, Time)",
  time: "fromUnixTimestamp64Milli(Time)",
});

export const samples5m = downsampled("samples_5m");
export const samples1h = downsampled("samples_1h");

export const histograms: TableSpec = {
  name: "histograms",
  engine: "MergeTree",
  columns: [
    { name: "Id", type: "UInt64", codec: Z },
    { name: "Time", type: "Int64", codec: "DoubleDelta, ZSTD(1)" },
    { name: "Start", type: "Int64", codec: "Delta, ZSTD(1)" },
    { name: "Schema", type: "Int8", codec: Z },
    { name: "ResetHint", type: "UInt8", codec: Z },
    { name: "ZeroThreshold", type: "Float64", codec: Z },
    { name: "ZeroCount", type: "Float64", codec: Z },
    { name: "Count", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "Sum", type: "Float64", codec: "FPC, ZSTD(1)" },
    { name: "PositiveGaps", type: "Array(Int32)", codec: Z },
    { name: "PositiveLengths", type: "Array(UInt32)", codec: Z },
    { name: "PositiveCounts", type: "Array(Float64)", codec: Z },
    { name: "NegativeGaps", type: "Array(Int32)", codec: Z },
    { name: "NegativeLengths", type: "Array(UInt32)", codec: Z },
    { name: "NegativeCounts", type: "Array(Float64)", codec: Z },
    { name: "CustomValues", type: "Array(Float64)", codec: Z },
    ...origin,
  ],
  indices: [originIndex],
  partitionBy: "toYYYYMMDD(fromUnixTimestamp64Milli(Time), 'UTC')",
  orderBy: "(Id, Time)",
  time: "fromUnixTimestamp64Milli(Time)",
};

/** One native histogram for each series and stretch of time, the last one. */
const downsampledHistograms = (name: string): TableSpec => ({
  ...histograms,
  name,
  columns: histograms.columns.filter((column) => !origin.includes(column)),
  indices: [],
});

export const histograms5m = downsampledHistograms("histograms_5m");
export const histograms1h = downsampledHistograms("histograms_1h");

export const exemplars: TableSpec = {
  name: "exemplars",
  engine: "MergeTree",
  columns: [
    { name: "Id", type: "UInt64", codec: Z },
    { name: "Time", type: "Int64", codec: "Delta, ZSTD(1)" },
    { name: "Value", type: "Float64", codec: Z },
    {
      name: "TraceId",
      type: "String",
      codec: Z,
      blockType: "FixedString(16)",
      from: hexId("TraceId", 16),
    },
    {
      name: "SpanId",
      type: "String",
      codec: Z,
      blockType: "FixedString(8)",
      from: hexId("SpanId", 8),
    },
    { name: "Attributes", type: ATTRIBUTES, codec: Z },
    ...origin,
  ],
  indices: [originIndex],
  partitionBy: "toYYYYMMDD(fromUnixTimestamp64Milli(Time), 'UTC')",
  orderBy: "(Id, Time)",
  time: "fromUnixTimestamp64Milli(Time)",
};

export const metricMetadata: TableSpec = {
  name: "metric_metadata",
  engine: "ReplacingMergeTree(Version)",
  columns: [
    { name: "Family", type: "String", codec: Z },
    { name: "Type", type: NAME, codec: Z },
    { name: "Unit", type: NAME, codec: Z },
    { name: "Help", type: "String", codec: Z },
    { name: "Version", type: "UInt64", codec: Z },
    ...origin,
  ],
  indices: [],
  partitionBy: "tuple()",
  orderBy: "Family",
};

/** Everything that changes: incidents now; silences, alert state, dashboards later. The newest version of a key counts. */
export const state: TableSpec = {
  name: "state",
  engine: "ReplacingMergeTree(Version)",
  columns: [
    { name: "Kind", type: NAME, codec: Z },
    { name: "Key", type: "String", codec: Z },
    { name: "Version", type: "UInt64", codec: Z },
    { name: "Deleted", type: "UInt8", codec: Z },
    { name: "Json", type: "String", codec: "ZSTD(3)" },
    ...origin,
  ],
  indices: [],
  partitionBy: "tuple()",
  orderBy: "(Kind, Key)",
};

export const tables: readonly TableSpec[] = [
  traces,
  traceTimes,
  logs,
  series,
  samples,
  samples5m,
  samples1h,
  histograms,
  histograms5m,
  histograms1h,
  exemplars,
  metricMetadata,
  state,
];

/** The block of a table: its columns in the block's types, `_seq` and `_w` last (the applier adds those two). */
function blockOf(table: TableSpec): BlockKind {
  const stored = table.columns.filter(({ alias }) => alias === undefined);
  const carried = stored.filter((column) => column.blockType !== "");
  return {
    name: table.name,
    columns: carried.map(
      (column) => [blockName(column.name), column.blockType ?? column.type] as const,
    ),
    targets: [
      {
        table: table.name,
        select: stored
          .map((column) => `${column.from ?? blockName(column.name)} AS \`${column.name}\``)
          .join(", "),
      },
    ],
  };
}

const spanBlock = blockOf(traces);

export const blockKinds: readonly BlockKind[] = [
  {
    ...spanBlock,
    targets: [
      ...spanBlock.targets,
      {
        // Filled from the same block as the spans, not by a materialized view: the applier knows what it inserted.
        table: traceTimes.name,
        select:
          "lower(hex(b_TraceId)) AS TraceId, toDateTime(min(b_Timestamp)) AS Start, toDateTime(max(b_Timestamp)) AS End, b__seq AS _seq, any(b__w) AS _w",
        group: "b_TraceId, b__seq",
      },
    ],
  },
  ...[logs, series, samples, histograms, exemplars, metricMetadata, state].map(blockOf),
];
