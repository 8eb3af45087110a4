/**
 * What federation exposes: the newest sample of each series, grouped by name. As with Prometheus nothing is told of
 * types: a number is untyped.
 */
import type { HistogramMessage } from "../remote-write/histogram-message.ts";

export interface FederatedSample {
  readonly name: string;
  /** Without the name; sorted. An empty value is written: it says that a label is not there. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly timeMs: number;
  readonly value: number;
  /** Instead of the value. */
  readonly histogram?: HistogramMessage | undefined;
}

export interface FederatedFamily {
  readonly name: string;
  readonly samples: readonly FederatedSample[];
}
