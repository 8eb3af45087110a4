/** What metrics queries are run with, and their bounds. */
import type { Intervals } from "@triptych/lang";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { Pacing } from "../pacing.ts";

export interface MetricsOptions {
  readonly intervals: Intervals;
  /** At most so many for each series' query; 0 for none. */
  readonly exemplars: number;
  readonly seriesMax: number;
  readonly signal?: AbortSignal | undefined;
}
export const metricsLimits = {
  /** Cells that the store may answer with: series times intervals. */
  cellsMax: 2_000_000,
  seriesMax: 10_000,
  intervalsMax: 11_000,
  exemplarsMax: 1_000,
} as const;

/** What a query's functions need to run. */
export interface MetricsRun extends MetricsOptions {
  readonly reader: Reader;
  readonly pacing: Pacing;
}
