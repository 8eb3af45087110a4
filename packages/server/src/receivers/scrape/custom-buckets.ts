/**
 * Classic histograms into native ones with custom buckets (`convert_classic_histograms_to_nhcb`): the `_bucket`,
 * `_count` and `_sum` series of a family become one histogram per set of labels, its bounds those of `le`.
 */
import { type SampleBatch, Temporality } from "@triptych/model";
import { compactFloats } from "./compact-batch.ts";

const CUSTOM_SCHEMA = -53;
const RESET_HINT_GAUGE = 3;
/** As Prometheus: so many empty buckets in a row cost less than another span, where counts are whole. */
const EMPTY_RUN_MAX = 2;

interface Classic {
  /** Its labels as text. */
  readonly key: string;
  readonly resetHint: number;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly rows: number[];
  readonly buckets: Map<number, number>;
  count: number | undefined;
  sum: number;
}

/** What the conversion depends on besides the rules. */
export interface ClassicFormat {
  readonly keepsClassic: boolean;
  readonly isProtobuf: boolean;
  readonly isOpenMetrics: boolean;
  /** The answer could not be read to its end: the histogram at its end may lack buckets. */
  readonly isCut: boolean;
  /** Labels that a histogram gets when it has none of these names. */
  readonly hiddenLabels: ReadonlyMap<string, string> | undefined;
}

/**
 * Converts in place; the classic series are left out unless `keepsClassic`. Yields now and then. Returns where among
 * the series each histogram stands, by row: after the last series it is made of.
 */
export function* toCustomBuckets(
  batch: SampleBatch,
  format: ClassicFormat,
): Generator<void, readonly number[]> {
  const { keepsClassic, isProtobuf, isOpenMetrics, isCut } = format;
  const isGauge = (type: string): boolean => isProtobuf && type === "gaugehistogram";
  const families = new Map(
    batch.metadata
      .filter(({ type }) => type === "histogram" || isGauge(type))
      .map(({ family, type }) => [family, isGauge(type) ? RESET_HINT_GAUGE : 0]),
  );
  const { samples, histograms } = batch;
  const seriesOf = (row: number): number => samples.series[row] as number;
  const positions: number[] = [];
  const native = new Set<string>();
  for (let row = 0; row < histograms.rows; row++) {
    positions.push(histograms.series[row] as number);
    native.add(JSON.stringify(batch.series.labels(histograms.series[row] as number)));
  }
  const found: Classic[] = [];
  let open = new Map<string, Classic>();
  for (let row = 0; row < samples.rows; row++) {
    if ((row & 0xff) === 0xff) yield;
    const classic = collect(batch, row, families, open);
    // As in Prometheus, whatever stands between the series of a histogram ends it.
    if (classic === undefined || classic.key !== found.at(-1)?.key) open = new Map();
    if (classic === undefined) continue;
    open.set(String(samples.timeMs[row]), classic);
    if (classic.rows.length === 1) found.push(classic);
  }
  const converted = new Set<number>();
  let firstConverted = Number.POSITIVE_INFINITY;
  for (const classic of found) {
    if (native.has(classic.key)) continue;
    const end = classic.rows.at(-1) ?? 0;
    firstConverted = Math.min(firstConverted, seriesOf(classic.rows[0] ?? 0));
    for (const row of classic.rows) converted.add(row);
    // As with Prometheus, buckets that make no histogram are lost.
    const isOpen = isCut && !isProtobuf && end === samples.rows - 1;
    if (!isOpen && write(batch, classic, format.hiddenLabels)) positions.push(seriesOf(end) + 0.5);
    yield;
  }
  if (isOpenMetrics)
    leaveOutCreated(batch, firstConverted, (row) => !keepsClassic && converted.has(row));
  else if (!keepsClassic) compactFloats(samples, (row) => !converted.has(row));
  return positions;
}

/** Families of these types tell in a series `_created` when they began. */
const withCreated = ["counter", "histogram", "summary"];

/**
 * As in Prometheus: from the first histogram that is made on, the time when something began is no series of its own.
 * With it go the rows that `isGone` names.
 */
function leaveOutCreated(
  batch: SampleBatch,
  firstSeries: number,
  isGone: (row: number) => boolean,
): void {
  const { samples, series } = batch;
  const created = new Set(
    batch.metadata
      .filter(({ type }) => withCreated.includes(type))
      .map(({ family }) => `${family}_created`),
  );
  compactFloats(samples, (row) => {
    const from = samples.series[row] as number;
    return !isGone(row) && (from < firstSeries || !created.has(series.label(from, "__name__")));
  });
}

/** Adds a row to the open histogram that it belongs to, or to a new one; undefined when it belongs to none. */
function collect(
  batch: SampleBatch,
  row: number,
  families: ReadonlyMap<string, number>,
  open: ReadonlyMap<string, Classic>,
): Classic | undefined {
  const { samples, series } = batch;
  const name = series.label(samples.series[row] as number, "__name__");
  const at = name.lastIndexOf("_");
  const suffix = name.slice(at + 1);
  const family = name.slice(0, at);
  const resetHint = families.get(family);
  if (resetHint === undefined || !["bucket", "count", "sum"].includes(suffix)) return undefined;
  const all = series.labels(samples.series[row] as number);
  const bound = all.find(([label]) => label === "le")?.[1];
  if ((bound === undefined) === (suffix === "bucket")) return undefined;
  const labels = all
    .filter(([label]) => label !== "le")
    .map(([label, value]): [string, string] => [label, label === "__name__" ? family : value]);
  const key = JSON.stringify(labels);
  const known = open.get(String(samples.timeMs[row]));
  const classic: Classic =
    known?.key === key
      ? known
      : { key, resetHint, labels, rows: [], buckets: new Map(), count: undefined, sum: 0 };
  classic.rows.push(row);
  const value = samples.value[row] as number;
  if (suffix === "sum") classic.sum = value;
  else if (suffix === "count") classic.count = value;
  else {
    const upper = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    // Shown twice, the first counts.
    if (!classic.buckets.has(upper)) classic.buckets.set(upper, value);
  }
  return classic;
}

/** False, and nothing written, when the buckets are not those of a histogram. */
function write(
  batch: SampleBatch,
  { labels, rows, buckets, count, sum, resetHint }: Classic,
  hiddenLabels: ReadonlyMap<string, string> | undefined,
): boolean {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  if (bounds.some(Number.isNaN)) return false;
  const total = count ?? buckets.get(bounds.at(-1) ?? Number.NaN) ?? 0;
  const finite = bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY);
  const cumulative = [
    ...finite.map((bound) => buckets.get(bound) ?? 0),
    buckets.get(Number.POSITIVE_INFINITY) ?? total,
  ];
  const counts = cumulative.map((value, i) => value - (cumulative[i - 1] ?? 0));
  if (counts.some((value) => !(value >= 0)) || cumulative.at(-1) !== total) return false;
  for (const [name, value] of labels) batch.series.addLabelText(name, value);
  for (const [name, value] of hiddenLabels ?? [])
    if (!labels.some(([label]) => label === name)) batch.series.addLabelText(name, value);
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
  const isInteger = Number.isInteger(total) && cumulative.every(Number.isInteger);
  writeBuckets(histograms, counts, isInteger ? EMPTY_RUN_MAX : 0);
  for (const bound of finite) histograms.customValues.push(bound);
  histograms.endRow();
  return true;
}

/** Leaves out buckets without observations, but for runs of at most so many between others. */
function writeBuckets(
  { positiveSpans, positiveCounts }: SampleBatch["histograms"],
  counts: readonly number[],
  emptyRunMax: number,
): void {
  for (let at = 0, end = 0; at < counts.length; ) {
    const start = counts.findIndex((count, i) => i >= at && count !== 0);
    if (start < 0) return;
    let stop = start + 1;
    for (let i = stop; i < counts.length && i - stop <= emptyRunMax; i++)
      if (counts[i] !== 0) stop = i + 1;
    positiveSpans.push(start - end, stop - start);
    for (const count of counts.slice(start, stop)) positiveCounts.push(count);
    end = stop;
    at = stop;
  }
}
