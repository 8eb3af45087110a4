/** Runs log queries: lines in order, through the pipeline, up to a limit. */
import { compilePipeline, type LogqlQuery } from "@triptych/lang";
import { type Clock, TriptychError } from "@triptych/model";
import type { Engine } from "../../store/clickhouse/engine.ts";
import type { LogRange } from "../../store/clickhouse/select/logs-filter.ts";
import type { AttributeKeys } from "../logs/attribute-keys.ts";
import { byName, type Pair } from "../logs/loki-labels.ts";
import type { LogAsk } from "../logs/source.ts";
import { createPacing } from "../pacing.ts";
import { pipelineDeps } from "./pipeline-deps.ts";
import { planQuery } from "./plan.ts";
import { type ReadLimits, readLines } from "./read-lines.ts";

/** A line as it is answered; labels by where they come from, each sorted by name. */
export interface FoundLine {
  readonly timeNs: bigint;
  readonly text: string;
  readonly stream: readonly Pair[];
  readonly metadata: readonly Pair[];
  readonly parsed: readonly Pair[];
}

export interface LogQuestion {
  readonly query: LogqlQuery;
  readonly range: LogRange;
  readonly order: "newest" | "oldest";
  readonly limit: number;
  /** Of a stream's lines that are nearer than this to the one before, only that one is given. */
  readonly intervalNs?: bigint | undefined;
}

const LINES_PER_PAUSE = 32;
/** What one answer may hold; lines can grow on their way through the stages. */
const ANSWER_CHARS_MAX = 128 * 1024 * 1024;

export interface RunDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits?: ReadLimits | undefined;
  /** Where to learn which keys labels stand for; every line is looked at without. */
  readonly keys?: AttributeKeys | undefined;
}

export async function runLogQuery(
  { engine, clock, limits, keys }: RunDeps,
  question: LogQuestion,
  ask: LogAsk,
): Promise<FoundLine[]> {
  const { query, range, order, limit } = question;
  const { conditions: planned, applied } = planQuery(query);
  const conditions = (await keys?.resolve(planned, range, ask)) ?? planned;
  const intervalNs = question.intervalNs ?? 0n;
  const isAll = applied === query.stages.length && intervalNs === 0n;
  const pipeline = compilePipeline(query, pipelineDeps(clock), {
    from: applied,
    levelFallback: true,
  });
  const pacing = createPacing(ask.signal, ask.priority);
  const lastNs = new Map<string, bigint>();
  const out: FoundLine[] = [];
  let chars = 0;
  const options = limits === undefined ? { ask } : { ask, limits };
  const read = { range, conditions, order, limit: isAll ? limit : undefined };
  for await (const batch of readLines(engine, read, options)) {
    for (let row = 0; row < batch.rows && out.length < limit; row++) {
      const timeNs = batch.timeNs(row);
      const input = {
        timeNs,
        text: batch.text(row),
        stream: batch.stream(row),
        metadata: batch.metadata(row),
      };
      if (pipeline.run(input)) {
        const found = foundLine(pipeline.line);
        if (intervalNs === 0n || isApart(lastNs, found, intervalNs)) out.push(found);
        chars += charsOf(found);
        // Two bytes a character, and as much again for what holds them.
        ask.memory?.take(charsOf(found) * 4);
        if (chars > ANSWER_CHARS_MAX) throw tooLong(out.length);
      }
      if (row % LINES_PER_PAUSE === 0) await pacing.pause();
    }
    if (out.length >= limit) break;
  }
  return out;
}

function charsOf({ text, stream, metadata, parsed }: FoundLine): number {
  let chars = text.length;
  for (const list of [stream, metadata, parsed])
    for (const [name, value] of list) chars += name.length + value.length;
  return chars;
}

function tooLong(lines: number): TriptychError {
  const message = `the first ${lines} lines of the answer have more than ${ANSWER_CHARS_MAX} characters, labels included; ask for fewer with limit, or keep fewer labels`;
  return new TriptychError("query_limit", message);
}

export function foundLine(line: ReturnType<typeof compilePipeline>["line"]): FoundLine {
  const stream: Pair[] = [];
  const metadata: Pair[] = [];
  const parsed: Pair[] = [];
  line.labels.each((name, value, category) => {
    const list = category === "stream" ? stream : category === "metadata" ? metadata : parsed;
    list.push([name, value]);
  });
  for (const list of [stream, metadata, parsed]) list.sort(byName);
  return { timeNs: line.timeNs, text: line.text, stream, metadata, parsed };
}

function isApart(lastNs: Map<string, bigint>, line: FoundLine, intervalNs: bigint): boolean {
  const key = JSON.stringify([line.stream, line.metadata, line.parsed]);
  const last = lastNs.get(key);
  const distance = last === undefined ? intervalNs : line.timeNs - last;
  if (distance < intervalNs && -distance < intervalNs) return false;
  lastNs.set(key, line.timeNs);
  return true;
}
