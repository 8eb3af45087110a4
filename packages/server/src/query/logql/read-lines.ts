/**
 * Reads the lines of a range of time in bounded pieces, newest or oldest first: a piece is a span of time that grows
 * while little is in it, and is read in pages where much is.
 */
import type { LineColumns, StreamLabels } from "@triptych/lang";
import { streamOf } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { LOKI_SCHEMA_URL } from "@triptych/wire";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import type { LogCondition, LogRange } from "../../store/clickhouse/select/logs-filter.ts";
import {
  type LogqlCells,
  logqlCells,
  logqlLinesSql,
} from "../../store/clickhouse/select/logs-lines.ts";
import type { LinePlace, LinesQuery } from "../../store/clickhouse/select/logs.ts";
import { asPatternError } from "../../regex/regex.ts";
import {
  attributePair,
  joinedMetadata,
  lineMetadata,
  type Pair,
  resourceMetadata,
  scopeMetadata,
  streamPairs,
} from "../logs/loki-labels.ts";
import type { LogAsk } from "../logs/source.ts";

export interface ReadLimits {
  /** Lines that one query may look at here. */
  readonly linesMax: number;
  readonly bytesMax: number;
}

export const readLimits: ReadLimits = {
  /** Some ten seconds of work; a query that needs more should say more of what it wants. */
  linesMax: 5_000_000,
  bytesMax: 4 * 1024 ** 3,
};

/** A piece is decoded at once: about 10 MB. */
const PAGE_LINES = 10_000;
const FIRST_PIECE_NS = 60_000_000_000n;
/** Of a range of time, to look for a few lines in first: fifteen seconds of an hour. */
const FIRST_SHARE = 240n;

export interface ReadLines {
  readonly range: LogRange;
  readonly conditions: readonly LogCondition[];
  readonly order: "newest" | "oldest";
  /** No more lines than this are wanted, when all conditions are the store's. */
  readonly limit?: number | undefined;
}

/** Lines, and where each of them is. */
export interface PlacedLines extends LineColumns {
  readonly place: (row: number) => LinePlace;
}

export async function* readLines(
  engine: Engine,
  query: ReadLines,
  { ask, limits = readLimits }: { readonly ask: LogAsk; readonly limits?: ReadLimits },
): AsyncGenerator<PlacedLines> {
  const decoder = createDecoder();
  let lines = 0;
  let bytes = 0;
  for (const piece of pieces(query)) {
    let after: LinesQuery["after"];
    for (;;) {
      const { conditions, order } = query;
      const pageLines = Math.min(PAGE_LINES, (query.limit ?? Infinity) - lines);
      const page: LinesQuery = {
        range: piece.range,
        conditions,
        order,
        limit: pageLines,
        after,
      };
      const result = await select(engine, page, ask);
      let rows = 0;
      for (const block of result.blocks) {
        if (block.rows === 0) continue;
        const cells = logqlCells(block);
        rows += block.rows;
        after = cells.place(block.rows - 1);
        lines += block.rows;
        if (lines > limits.linesMax) throw tooMuch("lines", limits.linesMax);
        const columns = decoder(cells, block.rows);
        const text = (row: number): string => {
          const body = columns.text(row);
          bytes += body.length;
          return body;
        };
        yield { ...columns, text, place: cells.place };
        if (bytes > limits.bytesMax) throw tooMuch("bytes", limits.bytesMax);
      }
      piece.found(rows);
      if (rows < pageLines || (query.limit !== undefined && lines >= query.limit)) break;
    }
    if (query.limit !== undefined && lines >= query.limit) return;
  }
}

/** The next piece is asked for while this one is worked on. */
export async function* readAhead(pages: AsyncGenerator<LineColumns>): AsyncGenerator<LineColumns> {
  const nextPage = (): Promise<IteratorResult<LineColumns>> => {
    const page = pages.next();
    // Its error is met when it is waited for; nobody may.
    page.catch(() => {});
    return page;
  };
  let page = nextPage();
  try {
    for (;;) {
      const { done, value } = await page;
      if (done === true) return;
      page = nextPage();
      yield value;
    }
  } finally {
    pages.return(undefined).catch(() => {});
  }
}

async function select(engine: Engine, page: LinesQuery, ask: LogAsk): Promise<SelectResult> {
  try {
    const result = await engine.select(logqlLinesSql(page), {
      signal: ask.signal,
      priority: ask.priority,
    });
    if (ask.cost !== undefined) {
      ask.cost.rowsRead += result.rowsRead;
      ask.cost.bytesRead += result.bytesRead;
    }
    return result;
  } catch (error) {
    throw asPatternError(error);
  }
}

function tooMuch(what: string, max: number): TriptychError {
  return new TriptychError(
    "query_limit",
    `the query would read too many ${what}: more than ${max}; consider adding matchers or filters, or ask for less time`,
  );
}

interface Piece {
  readonly range: LogRange;
  readonly found: (rows: number) => void;
}

/** Spans of time one after the other; where nothing much is found they grow. */
function* pieces({ range, order, limit }: ReadLines): Generator<Piece> {
  const { fromNs, toNs } = range;
  const whole = toNs - fromNs;
  // With a limit the store sorts and cuts by itself, of all lines that match: where many do, it is spared that.
  let size = limit === undefined ? FIRST_PIECE_NS : whole / FIRST_SHARE;
  if (size === 0n) size = whole;
  let done = 0n;
  while (done < whole) {
    const next = done + size < whole ? done + size : whole;
    const part =
      order === "oldest"
        ? { fromNs: fromNs + done, toNs: fromNs + next }
        : { fromNs: toNs - next, toNs: toNs - done };
    done = next;
    yield {
      range: part,
      found(rows) {
        if (limit !== undefined) size = whole;
        else if (rows < PAGE_LINES / 4) size *= 4n;
        else if (rows >= PAGE_LINES && size > 1_000_000_000n) size /= 2n;
      },
    };
  }
}

interface Resource {
  readonly isLoki: boolean;
  readonly stream: StreamLabels;
  readonly metadata: readonly Pair[];
}

/** Streams of one query that are remembered. */
const REMEMBERED_MAX = 100_000;

function createDecoder(): (cells: LogqlCells, rows: number) => LineColumns {
  const resources = new Map<bigint, Resource>();
  const scopes = new Map<bigint, readonly Pair[]>();
  const streams = new Map<string, StreamLabels>();
  const resourceOf = (cells: LogqlCells, row: number): Resource => {
    const hash = cells.resourceHash(row);
    const known = resources.get(hash);
    if (known !== undefined) return known;
    const attributes = cells.resource(row);
    const schema = cells.schema(row);
    const isLoki = schema === LOKI_SCHEMA_URL;
    const made = streamOf(streamPairs(cells.service(row), attributes, schema), isLoki);
    const key = `${isLoki}${made.labels.key}`;
    const stream = streams.get(key) ?? made;
    streams.set(key, stream);
    const metadata = resourceMetadata(attributes, schema);
    const resource = { isLoki, stream, metadata };
    if (resources.size >= REMEMBERED_MAX) resources.clear();
    resources.set(hash, resource);
    return resource;
  };
  const scopeOf = (cells: LogqlCells, row: number): readonly Pair[] => {
    const hash = cells.scopeHash(row);
    const known = scopes.get(hash);
    if (known !== undefined) return known;
    const [name, version] = [cells.scopeName(row), cells.scopeVersion(row)];
    const made = scopeMetadata({ name, version, attributes: cells.scope(row) });
    if (scopes.size >= REMEMBERED_MAX) scopes.clear();
    scopes.set(hash, made);
    return made;
  };
  return (cells, rows) => ({
    rows,
    timeNs: cells.timeNs,
    text: cells.body,
    stream: (row) => resourceOf(cells, row).stream,
    metadata(row) {
      const { isLoki, metadata } = resourceOf(cells, row);
      const own = lineMetadata({
        isLoki,
        timeNs: cells.timeNs(row),
        observedNs: cells.observedNs(row),
        traceId: cells.traceId(row),
        spanId: cells.spanId(row),
        traceFlags: cells.traceFlags(row),
        severityNumber: cells.severityNumber(row),
        severityText: cells.severityText(row),
      });
      const attributes = cells.attributes(row).map(attributePair);
      return joinedMetadata([own, attributes, scopeOf(cells, row), metadata]);
    },
  });
}
