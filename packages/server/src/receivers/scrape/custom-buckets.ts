/**
 * Classic histograms into native ones with custom buckets (`convert_classic_histograms_to_nhcb`): the `_bucket`,
 * `_count` and `_sum` series of a family become one histogram per set of labels, its bounds those of `le`.
 */
import { type SampleBatch, Temporality } from "@triptych/model";
import { compactFloats } from "./compact-batch.ts";

const CUSTOM_SCHEMA = -53;
const RESET_HINT_GAUGE = 3;

interface Classic {
  readonly resetHint: number;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly rows: number[];
  readonly buckets: Map<number, number>;
  count: number | undefined;
  sum: number;
}

/** Converts in place; the classic series are left out unless `keepsClassic`. Yields now and then. */
export function* toCustomBuckets(
  batch: SampleBatch,
  format: {
    readonly keepsClassic: boolean;
    readonly isProtobuf: boolean;
    readonly isOpenMetrics: boolean;
  },
): Generator<void> {
  const { keepsClassic, isProtobuf, isOpenMetrics } = format;
  const isGauge = (type: string): boolean => isProtobuf && type === "gaugehistogram";
  const families = new Map(
    batch.metadata
      .filter(({ type }) => type === "histogram" || isGauge(type))
      .map(({ family, type }) => [family, isGauge(type) ? RESET_HINT_GAUGE : 0]),
  );
  const native = new Set<string>();
  for (let row = 0; row < batch.histograms.rows; row++)
    native.add(JSON.stringify(batch.series.labels(batch.histograms.series[row] as number)));
  const found = new Map<string, Classic>();
  for (let row = 0; row < batch.samples.rows; row++) {
    if ((row & 0xff) === 0xff) yield;
    collect(batch, row, families, found);
  }
  const converted = new Set<number>();
  for (const [key, classic] of found) {
    if (native.has(key)) continue;
    // As with Prometheus, buckets that make no histogram are lost.
    write(batch, classic);
    for (const row of classic.rows) converted.add(row);
    yield;
  }
  if (!keepsClassic) compactFloats(batch.samples, (row) => !converted.has(row));
  if (isOpenMetrics) leaveOutCreated(batch, families);
}

/** As in Prometheus: the time when a histogram began goes with the histogram, and is no series of its own any more. */
function leaveOutCreated(batch: SampleBatch, families: ReadonlyMap<string, number>): void {
  const { samples, series } = batch;
  const created = new Set([...families.keys()].map((family) => `${family}_created`));
  compactFloats(
    samples,
    (row) => !created.has(series.label(samples.series[row] as number, "__name__")),
  );
}

function collect(
  batch: SampleBatch,
  row: number,
  families: ReadonlyMap<string, number>,
  found: Map<string, Classic>,
): void {
  const { samples, series } = batch;
  const name = series.label(samples.series[row] as number, "__name__");
  const at = name.lastIndexOf("_");
  const suffix = name.slice(at + 1);
  const family = name.slice(0, at);
  const resetHint = families.get(family);
  if (resetHint === undefined || !["bucket", "count", "sum"].includes(suffix)) return;
  const all = series.labels(samples.series[row] as number);
  const bound = all.find(([label]) => label === "le")?.[1];
  if ((bound === undefined) === (suffix === "bucket")) return;
  const labels = all
    .filter(([label]) => label !== "le")
    .map(([label, value]): [string, string] => [label, label === "__name__" ? family : value]);
  const time = String(samples.timeMs[row]);
  const key = JSON.stringify(labels);
  let classic = found.get(`${key}${time}`);
  if (classic === undefined) {
    classic = { resetHint, labels, rows: [], buckets: new Map(), count: undefined, sum: 0 };
    found.set(`${key}${time}`, classic);
  }
  classic.rows.push(row);
  const value = samples.value[row] as number;
  if (suffix === "sum") classic.sum = value;
  else if (suffix === "count") classic.count = value;
  else {
    const upper = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    // Shown twice, the first counts.
    if (!classic.buckets.has(upper)) classic.buckets.set(upper, value);
  }
}

/** Writes nothing when the buckets are not those of a histogram. */
function write(
  batch: SampleBatch,
  { labels, rows, buckets, count, sum, resetHint }: Classic,
): void {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  if (bounds.some(Number.isNaN)) return;
  const total = count ?? buckets.get(bounds.at(-1) ?? Number.NaN) ?? 0;
  const finite = bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY);
  const cumulative = [
    ...finite.map((bound) => buckets.get(bound) ?? 0),
    buckets.get(Number.POSITIVE_INFINITY) ?? total,
  ];
  const counts = cumulative.map((value, i) => value - (cumulative[i - 1] ?? 0));
  if (counts.some((value) => !(value >= 0))) return;
  const isInteger = Number.isInteger(total) && cumulative.every(Number.isInteger);
  const inBuckets = cumulative.at(-1) ?? 0;
  if (isInteger && (Number.isNaN(sum) ? inBuckets > total : inBuckets !== total)) return;
  for (const [name, value] of labels) batch.series.addLabelText(name, value);
  const { histograms, samples } = batch;
  const first = rows[0] ?? 0;
  const row = histograms.addRow(
    batch.series.end(Temporality.cumulative),
    samples.timeMs[first] as number,
    samples.startMs[first] as number,
  );
  histograms.schema[row] = CUSTOM_SCHEMA;
  histograms.resetHint[row] = resetHint;
  histograms.count[row] = total;
  histograms.sum[row] = sum;
  histograms.positiveSpans.push(0, counts.length);
  for (const value of counts) histograms.positiveCounts.push(value);
  for (const bound of finite) histograms.customValues.push(bound);
  histograms.endRow();
}
