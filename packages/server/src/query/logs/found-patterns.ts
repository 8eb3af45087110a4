/**
 * Templates of the lines that a search finds, beside those of an equally long time before: how many lines each has, how
 * they are spread over time, which level they are of, and which templates were not there before.
 */
import type { LogLevel } from "@triptych/contract";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import { lineTextCells, lineTextsSql, sidesSql } from "../../store/clickhouse/select/logs-texts.ts";
import { numberCells, readRows } from "../../store/clickhouse/select/rows.ts";
import type { Sql } from "../../store/clickhouse/sql.ts";
import { asPatternError } from "../../regex/regex.ts";
import { createPacing } from "../pacing.ts";
import { createDrain, LINE_CHARS_MAX } from "./drain.ts";
import type { LogAsk, LogFilter } from "./source.ts";

/** Lines that are read of both times together: about a second's work. Beyond it a sample stands for all. */
const LINES_MAX = 60_000;
/** Hashes do not share out evenly. */
const SAMPLE_SLACK = 1.2;
/** More templates than anyone reads; rare ones must not make others look new. */
const TEMPLATES_MAX = 1_500;
const LINES_PER_PAUSE = 64;

export interface FoundPattern {
  readonly template: string;
  readonly example: string;
  readonly lines: number;
  /** Lines in the time before. */
  readonly before: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly levels: { readonly [level in LogLevel]?: number };
  /** Most lines first. */
  readonly services: readonly string[];
  /** Lines by step. */
  readonly counts: readonly number[];
}

export interface FoundPatterns {
  /** Most lines first. */
  readonly patterns: readonly FoundPattern[];
  /** Lines that match in the range, and in the time before. */
  readonly total: number;
  readonly totalBefore: number;
  /** One in so many lines was looked at; the numbers of lines of patterns are estimates when it is more than one. */
  readonly every: number;
}

interface Tally {
  lines: number;
  before: number;
  firstMs: number;
  lastMs: number;
  readonly levels: Map<LogLevel, number>;
  readonly services: Map<string, number>;
  readonly counts: number[];
}

export async function foundPatterns(
  engine: Engine,
  {
    filter,
    steps,
  }: { filter: LogFilter; steps: { fromMs: number; stepMs: number; count: number } },
  ask: LogAsk,
): Promise<FoundPatterns> {
  const { fromNs, toNs } = filter.range;
  const both = { fromNs: fromNs - (toNs - fromNs), toNs };
  const earliest = both.fromNs < 0n ? 0n : both.fromNs;
  const wide = { ...filter, range: { fromNs: earliest, toNs } };
  const select = (query: Sql) => selected(engine, query, ask);
  const sides = readRows(await select(sidesSql(wide, fromNs)), (block) => {
    const before = numberCells(block, "before");
    const after = numberCells(block, "after");
    return (row) => ({ before: before(row), after: after(row) });
  })[0] ?? { before: 0, after: 0 };
  const every = Math.max(1, Math.ceil((sides.before + sides.after) / LINES_MAX));
  const result = await select(
    lineTextsSql(wide, {
      every,
      charsMax: LINE_CHARS_MAX,
      linesMax: Math.ceil(LINES_MAX * SAMPLE_SLACK),
    }),
  );
  const drain = createDrain({ clustersMax: TEMPLATES_MAX, slotMs: Number.MAX_SAFE_INTEGER });
  const tallies = new Map<number, Tally>();
  const pacing = createPacing(ask.signal);
  const borderMs = Number(fromNs / 1_000_000n);
  for (const block of result.blocks) {
    if (block.rows === 0) continue;
    const cell = lineTextCells(block);
    for (let row = 0; row < block.rows; row++) {
      const { text, timeMs, level, service } = cell(row);
      const id = drain.add(text, timeMs);
      const tally = tallies.get(id) ?? emptyTally(steps.count);
      tallies.set(id, tally);
      if (timeMs < borderMs) tally.before++;
      else count(tally, { timeMs, level: level as LogLevel, service }, steps);
      if (row % LINES_PER_PAUSE === 0) await pacing.pause();
    }
  }
  const patterns = drain.templates().flatMap(({ id, text, example }) => {
    const tally = tallies.get(id);
    return tally === undefined || tally.lines === 0
      ? []
      : [{ ...scaled(tally, every), template: text, example }];
  });
  patterns.sort((a, b) => b.lines - a.lines);
  return { patterns, total: sides.after, totalBefore: sides.before, every };
}

async function selected(engine: Engine, query: Sql, ask: LogAsk): Promise<SelectResult> {
  try {
    const result = await engine.select(query, { signal: ask.signal });
    if (ask.cost !== undefined) {
      ask.cost.rowsRead += result.rowsRead;
      ask.cost.bytesRead += result.bytesRead;
    }
    return result;
  } catch (error) {
    throw asPatternError(error);
  }
}

function emptyTally(steps: number): Tally {
  return {
    lines: 0,
    before: 0,
    firstMs: Number.POSITIVE_INFINITY,
    lastMs: Number.NEGATIVE_INFINITY,
    levels: new Map(),
    services: new Map(),
    counts: new Array<number>(steps).fill(0),
  };
}

function count(
  tally: Tally,
  line: { readonly timeMs: number; readonly level: LogLevel; readonly service: string },
  { fromMs, stepMs }: { readonly fromMs: number; readonly stepMs: number },
): void {
  tally.lines++;
  tally.firstMs = Math.min(tally.firstMs, line.timeMs);
  tally.lastMs = Math.max(tally.lastMs, line.timeMs);
  tally.levels.set(line.level, (tally.levels.get(line.level) ?? 0) + 1);
  tally.services.set(line.service, (tally.services.get(line.service) ?? 0) + 1);
  const step = Math.floor((line.timeMs - fromMs) / stepMs);
  const at = Math.min(Math.max(step, 0), tally.counts.length - 1);
  tally.counts[at] = (tally.counts[at] ?? 0) + 1;
}

const SERVICES_MAX = 5;

function scaled(tally: Tally, every: number): Omit<FoundPattern, "template" | "example"> {
  const levels: { [level in LogLevel]?: number } = {};
  for (const [level, lines] of tally.levels) levels[level] = lines * every;
  return {
    lines: tally.lines * every,
    before: tally.before * every,
    firstMs: tally.firstMs,
    lastMs: tally.lastMs,
    levels,
    services: [...tally.services]
      .sort((a, b) => b[1] - a[1])
      .slice(0, SERVICES_MAX)
      .map(([name]) => name),
    counts: tally.counts.map((lines) => lines * every),
  };
}
