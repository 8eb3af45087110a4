/** Log lines as streams in the JSON of Loki's HTTP API, as small pieces of text. */
import { type Labels, streamLabels, structuredMetadata } from "../../query/logs/loki-labels.ts";
import type { StoredLine } from "../../query/logs/source.ts";
import { commaSeparated } from "../comma-separated.ts";

/** With this flag structured metadata stays with the lines; without it, it is among the labels of the stream. */
export const CATEGORIZE_LABELS = "categorize-labels";

interface Stats {
  readonly seconds: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

interface Stream {
  readonly labels: Labels;
  /** Finished JSON. */
  readonly values: string[];
}

export function* streamsJson(
  lines: readonly StoredLine[],
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
  for (const { labels, values } of streams.values()) {
    yield `${comma}{"stream":${JSON.stringify(labels)},"values":[`;
    yield* commaSeparated(values, (value) => value);
    yield "]}";
    comma = ",";
  }
  yield `],"stats":${statsJson(stats, lines.length)}}}`;
}

function addLine(streams: Map<string, Stream>, line: StoredLine, categorize: boolean): void {
  const metadata = structuredMetadata(line);
  const index = streamLabels(line.service, line.resource);
  const labels = categorize ? index : sorted({ ...metadata, ...index });
  const key = JSON.stringify(labels);
  let stream = streams.get(key);
  if (stream === undefined) {
    stream = { labels, values: [] };
    streams.set(key, stream);
  }
  const value = [`"${line.timeNs}"`, JSON.stringify(line.body)];
  if (categorize) {
    const isEmpty = Object.keys(metadata).length === 0;
    value.push(isEmpty ? "{}" : `{"structuredMetadata":${JSON.stringify(metadata)}}`);
  }
  stream.values.push(`[${value.join(",")}]`);
}

function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
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
      totalEntriesReturned: lines,
    },
  });
}
