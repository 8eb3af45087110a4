/** What every fault case is: a name, what it shows, and a run that returns figures or throws what went wrong. */
import type { Rng } from "../rng.ts";

export interface CaseContext {
  readonly seed: number;
  readonly rng: Rng;
  readonly short: boolean;
  /** A directory of the case's own, removed afterwards. */
  readonly directory: string;
  readonly log: (text: string) => void;
}

/** Figures for the report; units in the names. */
export interface Figures {
  readonly [name: string]: number | string | undefined;
}

export interface FaultCase {
  readonly name: string;
  /** It takes a minute or more also in its short form: not run with the others unless it is named. */
  readonly isSlow?: boolean;
  readonly title: string;
  run(context: CaseContext): Promise<Figures>;
}

/** The case does not apply on this machine. */
export class Skipped extends Error {}

export function expectThat(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return Math.round((sorted[at] ?? 0) * 100) / 100;
}
