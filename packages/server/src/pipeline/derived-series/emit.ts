/**
 * Derived series as batches of samples. A series' first sample is preceded by a zero at the time of the emission
 * before, so that `rate` and `increase` count what it began with; a removed one ends with a staleness marker.
 */
import { SampleBatch, Temporality } from "@triptych/model";
import { boundText } from "@triptych/wire";
import { addEmptyNative, addNative } from "./native-samples.ts";
import { type DerivedState, type Exemplar, instrumentsOf } from "./state.ts";

export interface Emission {
  /** Made as it is walked, from the values of that moment. */
  readonly batches: Iterable<SampleBatch>;
  /** Call it for each batch that became durable: what it announced is not announced again. */
  sent(batch: SampleBatch): void;
  /** Call it at the end: stale sets are forgotten, and the next emission's zeros lie here. */
  end(): void;
}

/** A batch is made in one piece; this many rows take some milliseconds. */
const BATCH_ROWS_MAX = 3_000;
/** How often names, types and help are handed on, in emissions. */
const METADATA_EVERY = 240;

export type Emitter = (
  nowMs: number,
  sets: { readonly isStale: (set: number) => boolean; readonly remove: (set: number) => void },
) => Emission;

export function createEmitter(state: DerivedState): Emitter {
  let emissions = 0;
  return (now, { isStale, remove }) => {
    const nowMs = Math.max(Math.floor(now), state.lastEmitMs + 2);
    const ended: number[] = [];
    const announcing = new WeakMap<SampleBatch, readonly number[]>();
    const withMetadata = emissions++ % METADATA_EVERY === 0;
    function* batches(): Generator<SampleBatch> {
      let writer = createWriter(state, nowMs);
      if (withMetadata) addMetadata(writer.batch, state);
      for (let set = 0; set < state.labels.length; set++) {
        if (state.labels[set] === undefined || Number.isNaN(state.createdMs[set])) continue;
        const ends = isStale(set);
        if (ends) ended.push(set);
        writer.write(set, ends);
        if (writer.batch.rows < BATCH_ROWS_MAX) continue;
        announcing.set(writer.batch, writer.announced);
        yield writer.batch;
        writer = createWriter(state, nowMs);
      }
      announcing.set(writer.batch, writer.announced);
      if (writer.batch.rows > 0) yield writer.batch;
    }
    return {
      batches: batches(),
      sent(batch) {
        for (const at of announcing.get(batch) ?? []) state.announced[at] = 1;
      },
      end() {
        // One that was counted again meanwhile goes on.
        for (const set of ended) if (isStale(set)) remove(set);
        state.exemplars.clear();
        state.lastEmitMs = nowMs;
      },
    };
  };
}

function addMetadata({ metadata }: SampleBatch, { shape }: DerivedState): void {
  const add = (type: "counter" | "histogram" | "gauge") => {
    return ({ name, help, unit = "" }: { name: string; help: string; unit?: string }) =>
      void metadata.push({ family: name, type, unit, help });
  };
  shape.counters.forEach(add("counter"));
  shape.histograms.forEach(add("histogram"));
  shape.infos?.forEach(add("gauge"));
}

interface Writer {
  readonly batch: SampleBatch;
  /** Places in `state.announced` whose first samples this batch has. */
  readonly announced: number[];
  write(set: number, isStale: boolean): void;
}

function createWriter(state: DerivedState, nowMs: number): Writer {
  const batch = new SampleBatch(1024);
  const announced: number[] = [];
  const { series, samples } = batch;
  const { shape } = state;
  const instruments = instrumentsOf(shape);
  const nameLabel = series.names.internText("__name__");
  const leLabel = series.names.internText("le");
  const text = (value: string): number => series.values.internText(value);
  const constant = state.constantLabels.map(
    ([name, value]) => [series.names.internText(name), text(value)] as const,
  );
  const histograms = shape.histograms.map((histogram) => ({
    ...histogram,
    bucketName: text(`${histogram.name}_bucket`),
    sumName: text(`${histogram.name}_sum`),
    countName: text(`${histogram.name}_count`),
    nativeName: text(histogram.name),
    les: [...histogram.bounds, Number.POSITIVE_INFINITY].map((bound) => text(boundText(bound))),
  }));
  const counters = shape.counters.map(({ name }) => text(name));
  const infos = (shape.infos ?? []).map(({ name }) => text(name));
  let labels: (readonly [number, number])[] = [];
  let current = { set: 0, createdMs: 0, isStale: false, isNew: false };

  const openSeries = (name: number, le: number, temporality: Temporality): number => {
    series.addLabel(nameLabel, name);
    for (const [label, value] of labels) series.addLabel(label, value);
    if (le >= 0) series.addLabel(leLabel, le);
    return series.end(temporality);
  };
  const sample = (name: number, le: number, value: number): number => {
    const row = openSeries(name, le, Temporality.cumulative);
    const { createdMs, isNew, isStale } = current;
    if (isNew) samples.add(row, createdMs, createdMs, 0);
    if (isStale) samples.addStale(row, nowMs, 0);
    else samples.add(row, nowMs, createdMs, value);
    return row;
  };
  /** False when a removed series never was handed on, so that there is nothing to end. */
  const begin = (instrument: number): boolean => {
    const at = current.set * instruments + instrument;
    current.isNew = state.announced[at] === 0;
    if (current.isNew && !current.isStale) announced.push(at);
    if (!current.isStale) return true;
    const wasAnnounced = !current.isNew;
    current.isNew = false;
    return wasAnnounced;
  };
  const exemplar = (row: number, one: Exemplar | undefined): void => {
    if (one === undefined || current.isStale) return;
    const at = batch.exemplars.addRow(row, one.timeMs, one.value);
    batch.exemplars.traceId.set(one.traceId, at * 16);
    batch.exemplars.spanId.set(one.spanId, at * 8);
    batch.exemplars.attributes.endRow();
  };
  const classic = (histogram: (typeof histograms)[number], index: number): void => {
    const { set } = current;
    const first = set * state.bucketCount + (state.bucketStart[index] as number);
    const at = set * histograms.length + index;
    let below = 0;
    for (let bucket = 0; bucket < histogram.les.length; bucket++) {
      below += state.buckets[first + bucket] as number;
      const row = sample(histogram.bucketName, histogram.les[bucket] as number, below);
      exemplar(row, state.exemplars.get(first + bucket));
    }
    sample(histogram.sumName, -1, state.sums[at] as number);
    sample(histogram.countName, -1, state.counts[at] as number);
  };
  const native = (histogram: (typeof histograms)[number], index: number): void => {
    const { set } = current;
    const at = set * histograms.length + index;
    const buckets = state.native[at];
    if (buckets === undefined) return;
    const row = openSeries(histogram.nativeName, -1, Temporality.cumulative);
    if (current.isNew) addEmptyNative(batch, row, current.createdMs);
    const sum = current.isStale ? "stale" : (state.sums[at] as number);
    addNative(batch, { row, nowMs, createdMs: current.createdMs }, buckets, {
      sum,
      count: state.counts[at] as number,
    });
    if (histogram.form === "both") return;
    const first = set * state.bucketCount + (state.bucketStart[index] as number);
    for (let bucket = 0; bucket < histogram.les.length; bucket++)
      exemplar(row, state.exemplars.get(first + bucket));
  };

  return {
    batch,
    announced,
    write(set, isStale) {
      const own = state.labels[set] ?? [];
      labels = [
        ...constant,
        ...own.map(([name, value]) => [series.names.internText(name), text(value)] as const),
      ];
      const createdMs = Math.min(state.createdMs[set] as number, nowMs - 1);
      current = { set, createdMs, isStale, isNew: false };
      counters.forEach((name, i) => {
        if (begin(i)) sample(name, -1, state.counters[set * counters.length + i] as number);
      });
      histograms.forEach((histogram, i) => {
        if (state.counts[set * histograms.length + i] === 0) return;
        if (!begin(counters.length + i)) return;
        if (histogram.form !== "native") classic(histogram, i);
        if (histogram.form !== "classic") native(histogram, i);
      });
      infos.forEach((name, i) => {
        if (!begin(counters.length + histograms.length + i)) return;
        const row = openSeries(name, -1, Temporality.gauge);
        if (current.isStale) samples.addStale(row, nowMs, 0);
        else samples.add(row, nowMs, 0, 1);
      });
    },
  };
}
