/** For tests of sources of lines: a journal in memory that knows requests again, and what it was given. */
import { defaultLimits, type Limits, type LogBatch, TriptychError } from "@triptych/model";
import type { SimClock } from "@triptych/testkit";
import { createMetrics } from "../../self/metrics.ts";
import { createProblems } from "../../self/problems.ts";
import type { IngestNext } from "../next.ts";
import type { LogSourceDeps } from "./submit.ts";

export interface KeptLine {
  readonly line: string;
  readonly timeNs: bigint;
  readonly level: string;
  readonly labels: { readonly [name: string]: string };
  readonly metadata: { readonly [name: string]: string };
  readonly traceId: string;
}

export interface TestJournal {
  readonly next: IngestNext;
  readonly lines: KeptLine[];
  readonly duplicates: () => number;
  readonly discarded: Map<string, number>;
  /** Answers every batch with this until it is undefined again. */
  fail: TriptychError | undefined;
}

export function createTestJournal(): TestJournal {
  const hashes = new Set<string>();
  const lines: KeptLine[] = [];
  const discarded = new Map<string, number>();
  let duplicates = 0;
  const journal: TestJournal = {
    lines,
    discarded,
    duplicates: () => duplicates,
    fail: undefined,
    next: {
      duplicateOf(hash) {
        if (!hashes.has(Buffer.from(hash).toString("hex"))) return null;
        duplicates++;
        return Promise.resolve();
      },
      accept(batch, hash) {
        if (journal.fail !== undefined) return Promise.reject(journal.fail);
        if (hash !== null) hashes.add(Buffer.from(hash).toString("hex"));
        if (batch.signal === "logs") lines.push(...linesOf(batch));
        return Promise.resolve();
      },
      admit: () => () => {},
      discarded: (reason, items) => {
        discarded.set(reason, (discarded.get(reason) ?? 0) + items);
      },
    },
  };
  return journal;
}

export const busy = (): TriptychError =>
  new TriptychError("memory_pressure", "busy", { retryAfterSeconds: 1 });

function linesOf(batch: LogBatch): KeptLine[] {
  const entries = (
    columns: LogBatch["attributes"],
    row: number,
  ): { readonly [name: string]: string } => {
    const out: { [name: string]: string } = {};
    for (let i = columns.offsets[row] as number; i < (columns.offsets[row + 1] as number); i++)
      out[batch.keys.text(columns.keys[i] as number)] = columns.values.text(i);
    return out;
  };
  return Array.from({ length: batch.rows }, (_, row) => ({
    line: batch.body.text(row),
    timeNs: batch.timeNs[row] as bigint,
    level: batch.strings.text(batch.severityText[row] as number),
    labels: entries(batch.resources.attributes, batch.resource[row] as number),
    metadata: entries(batch.attributes, row),
    traceId: Buffer.from(batch.traceId.subarray(row * 16, row * 16 + 16)).toString("hex"),
  }));
}

export function testDeps(
  clock: SimClock,
  journal: TestJournal,
  limits: Limits = defaultLimits,
): LogSourceDeps {
  return {
    next: journal.next,
    limits,
    clock,
    log: () => {},
    metrics: createMetrics(),
    problems: createProblems(clock),
  };
}
