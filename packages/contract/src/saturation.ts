/** How full a service is: the fourth of the golden signals, beside latency, traffic and errors. */

export type SaturationResource = "cpu" | "memory" | "files" | "runtime" | "in-flight";

export interface SaturationMeasure {
  readonly resource: SaturationResource;
  /** What is shown, as a sentence's beginning: "CPU of its limit". */
  readonly title: string;
  /** `share` is of what there is, from 0 to 1; the others have no limit that is known. */
  readonly unit: "share" | "cores" | "bytes" | "count";
  /** One entry a step: of the fullest instance. null where nothing was measured. */
  readonly values: readonly (number | null)[];
  /** Series that say it, and the metrics they are of: the use first, then the limit. */
  readonly instances: number;
  readonly metrics: readonly string[];
  /** Labels by which the series are those of the service: `job="shop/api"`. */
  readonly by: readonly string[];
}

export interface Saturation {
  /** Milliseconds since 1970 of the first step, which begins there. */
  readonly from: number;
  readonly stepMs: number;
  readonly measures: readonly SaturationMeasure[];
  /** What nothing says, and metrics of which any would. */
  readonly missing: readonly {
    readonly resource: SaturationResource;
    readonly metrics: readonly string[];
  }[];
}
