/** What federation exposes: the newest sample of each series, grouped by family. */
import type { MetricType } from "@triptych/model";
import type { HistogramMessage } from "../remote-write/histogram-message.ts";

export interface FederatedSample {
  /** The series' own name: that of the family, or with `_bucket`, `_sum`, `_total` and so on. */
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
  readonly type: MetricType;
  readonly samples: readonly FederatedSample[];
}
