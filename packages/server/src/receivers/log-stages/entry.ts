/**
 * A log line on its way through stages as promtail defines them, and what a stage is. Stages take entries one by one
 * and hand on none, one or several; those that join lines keep open blocks until a run ends.
 */
import type { Clock } from "@triptych/model";
import type { StageMetrics } from "./stage-metrics.ts";

export interface Entry {
  line: string;
  timeNs: bigint;
  readonly labels: Map<string, string>;
  /** What stages found: the values later stages work with. Begins with the labels. */
  readonly extracted: Map<string, unknown>;
  readonly metadata: Map<string, string>;
  /** The first and last source line it is made of, as numbers within the run. */
  readonly from: number;
  to: number;
}

export type Emit = (entry: Entry) => void;

/** A stage within one run over lines of one source. */
export interface StageRun {
  push(entry: Entry, emit: Emit): void;
  /** The lines end. With `flush` open blocks are handed on, else `held` tells the first line of the oldest. */
  end(emit: Emit, flush: boolean): void;
  /** Number of the first source line that must be read again; infinite when there is none. */
  readonly held: number;
}

/** A compiled stage: begins a run. What is kept between runs (limits, last times) is in its closure. */
export interface Stage {
  begin(run: RunContext): StageRun;
  /** How long an open block may wait for its next line. */
  readonly maxWaitMs: number;
}

export interface RunContext {
  /** Runs when the source line has been made durable, so that a line that is read twice counts once. */
  whenDone(at: number, run: () => void): void;
}

export interface StageDeps {
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly metrics: StageMetrics;
  /** Counts lines that stages drop, by reason. */
  readonly dropped: (reason: string) => void;
}

/** A stage that looks at one entry at a time: false drops it. */
export function perEntry(take: (entry: Entry, context: RunContext) => boolean): Stage {
  return {
    maxWaitMs: 0,
    begin: (context) => ({
      held: Number.POSITIVE_INFINITY,
      push(entry, emit) {
        if (take(entry, context)) emit(entry);
      },
      end() {
        // Nothing is kept.
      },
    }),
  };
}

/** Text of an extracted value, as promtail prints it; undefined where there is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return numberText(value);
  return undefined;
}

/** Digits without an exponent, as Go's `FormatFloat(f, 'f', -1, 64)`. */
function numberText(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(20).replace(/0+$/, "");
}
