/** Answers of queries in the JSON of Loki's HTTP API, as small pieces of text. */
import { formatFloat, type LogqlValue, type Row } from "@triptych/lang";
import { labelsOf, type Pair } from "../../query/logs/loki-labels.ts";
import type { FoundLine } from "../../query/logql/run-logs.ts";
import { commaSeparated } from "../comma-separated.ts";

/** With this flag structured metadata stays with the lines; without it, it is among the labels of the stream. */
export const CATEGORIZE_LABELS = "categorize-labels";

export interface Stats {
  readonly seconds: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

interface Stream {
  readonly labels: string;
  /** Finished JSON. */
  readonly values: string[];
}

export function* streamsJson(
  lines: readonly FoundLine[],
  { categorize, stats }: { readonly categorize: boolean; readonly stats: Stats },
): Generator<string> {
  const streams = new Map<string, Stream>();
  for (const line of lines) {
    addLine(streams, line, categorize);
    // Nothing to write yet, but a place to pause.
    yield "";
  }
  yield '{"status":"success","data":{"resultType":"streams",';
  if (categorize) yield `"encodingFlags":["${CATEGORIZE_LABELS}"],`;
  yield '"result":[';
  let comma = "";
  const sorted = [...streams.values()].sort((a, b) => (a.labels < b.labels ? -1 : 1));
  for (const { labels, values } of sorted) {
    yield `${comma}{"stream":${labels},"values":[`;
    yield* commaSeparated(values, (value) => value);
    yield "]}";
    comma = ",";
  }
  yield `],"stats":${statsJson(stats, lines.length)}}}`;
}

const pairsJson = (pairs: readonly Pair[]): string => JSON.stringify(labelsOf(pairs));

/** `["time","text"]`, and with categories what is not the stream's as a third. */
export function valueJson(line: FoundLine, categorize: boolean): string {
  const value = [`"${line.timeNs}"`, JSON.stringify(line.text)];
  if (categorize) {
    const parts: string[] = [];
    if (line.metadata.length > 0) parts.push(`"structuredMetadata":${pairsJson(line.metadata)}`);
    if (line.parsed.length > 0) parts.push(`"parsed":${pairsJson(line.parsed)}`);
    value.push(`{${parts.join(",")}}`);
  }
  return `[${value.join(",")}]`;
}

export function streamJson(line: FoundLine, categorize: boolean): string {
  return pairsJson(categorize ? line.stream : [...line.stream, ...line.metadata, ...line.parsed]);
}

function addLine(streams: Map<string, Stream>, line: FoundLine, categorize: boolean): void {
  const labels = streamJson(line, categorize);
  let stream = streams.get(labels);
  if (stream === undefined) {
    stream = { labels, values: [] };
    streams.set(labels, stream);
  }
  stream.values.push(valueJson(line, categorize));
}

/** A number as Go's `strconv` writes it, in quotes. */
const numberJson = (value: number): string => `"${formatFloat(value)}"`;
const secondsOf = (ms: number): string => String(ms / 1000);

export function* metricJson(
  value: LogqlValue,
  { atMs, stats }: { readonly atMs: number; readonly stats: Stats },
): Generator<string> {
  const types = { scalar: "scalar", vector: "vector", range: "matrix" } as const;
  yield `{"status":"success","data":{"resultType":"${types[value.kind]}","result":`;
  if (value.kind === "scalar") {
    yield `[${secondsOf(atMs)},${numberJson(value.value)}]`;
  } else if (value.kind === "vector") {
    yield "[";
    yield* commaSeparated(
      value.rows,
      (row) =>
        `{"metric":${metricLabels(row)},"value":[${secondsOf(atMs)},${numberJson(row.value[0] ?? Number.NaN)}]}`,
    );
    yield "]";
  } else {
    yield "[";
    let comma = "";
    for (const row of value.rows) {
      yield `${comma}{"metric":${metricLabels(row)},"values":[`;
      yield* points(row, value.grid);
      yield "]}";
      comma = ",";
    }
    yield "]";
  }
  yield `,"stats":${statsJson(stats, 0)}}}`;
}

const metricLabels = (row: Row): string => JSON.stringify(Object.fromEntries(row.labels.pairs));

function* points(
  row: Row,
  grid: { readonly startMs: number; readonly stepMs: number },
): Generator<string> {
  let comma = "";
  for (let step = 0; step < row.kind.length; step++) {
    if (row.kind[step] === 0) continue;
    const at = secondsOf(grid.startMs + step * grid.stepMs);
    yield `${comma}[${at},${numberJson(row.value[step] as number)}]`;
    comma = ",";
  }
}

function statsJson({ seconds, rowsRead, bytesRead }: Stats, lines: number): string {
  const rate = seconds > 0 ? seconds : 1;
  return JSON.stringify({
    summary: {
      bytesProcessedPerSecond: Math.round(bytesRead / rate),
      linesProcessedPerSecond: Math.round(rowsRead / rate),
      totalBytesProcessed: bytesRead,
      totalLinesProcessed: rowsRead,
      execTime: seconds,
      queueTime: 0,
      subqueries: 0,
      totalEntriesReturned: lines,
      splits: 0,
      shards: 0,
      totalPostFilterLines: lines,
      totalStructuredMetadataBytesProcessed: 0,
    },
  });
}
