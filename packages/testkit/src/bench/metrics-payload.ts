/** Counters of many series as remote write bodies, the same for every server that is measured. */
import { encodeRemoteWrite, encodeSnappy, type WriteSeries } from "@triptych/wire";

export interface MetricsLoad {
  readonly series: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** Samples of one request. */
  readonly perRequest: number;
}

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);

function valueWords(value: number): readonly [number, number] {
  doubles[0] = value;
  return [words[0] as number, words[1] as number];
}

const labelsOf = (i: number): WriteSeries["labels"] => [
  ["__name__", "m_total"],
  ["i", String(i)],
  ["instance", `host-${i % 100}:9100`],
  ["job", "api"],
  ["k", String(i % 10)],
];

export interface MetricsBody {
  readonly body: Uint8Array;
  readonly samples: number;
  /** Bodies of the same lane hold the same series and must be sent in their order. */
  readonly lane: number;
}

/** Bodies in the order of time, one after the other: a scrape of all series, cut into requests. */
export function* metricsBodies(load: MetricsLoad): Generator<MetricsBody> {
  const labels = Array.from({ length: load.series }, (_, i) => labelsOf(i));
  const value = new Float64Array(load.series);
  for (let t = load.fromMs; t <= load.toMs; t += load.stepMs) {
    const scrape = Math.round((t - load.fromMs) / load.stepMs);
    for (let from = 0; from < load.series; from += load.perRequest) {
      const to = Math.min(load.series, from + load.perRequest);
      const series: WriteSeries[] = [];
      for (let i = from; i < to; i++) {
        value[i] = (value[i] as number) + 5 + ((i * 7 + scrape * 13) % 50);
        series.push({
          labels: labels[i] as WriteSeries["labels"],
          // Each target has its own time within the interval.
          timeMs: [t + ((i % 100) * load.stepMs) / 100],
          startMs: [0],
          valueWords: valueWords(value[i] as number),
          histograms: [],
          exemplars: [],
        });
      }
      yield {
        body: encodeSnappy(encodeRemoteWrite("1.0", series)),
        samples: to - from,
        lane: from / load.perRequest,
      };
    }
  }
}
