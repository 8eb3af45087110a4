/**
 * Refuses new series beyond a bound per metric name and in total, so that a label with user ids in it does not take
 * the store with it. Series that were there within the window keep flowing; what is refused is cut out of the batch,
 * counted as `series_limit`, and told to senders whose protocol can say it.
 */
import type { Batch, Clock, SampleBatch, SeriesTable } from "@triptych/model";
import type { Refused } from "../receivers/next.ts";
import {
  compactFloats,
  rewriteExemplars,
  rewriteHistograms,
} from "../receivers/scrape/compact-batch.ts";
import { letOthersRun } from "../self/event-loop.ts";
import { type ActiveSeries, createActiveSeries } from "./active-series.ts";
import { type Processed, ROWS_AT_ONCE, type Stage } from "./pipeline.ts";

export interface SeriesLimits {
  readonly perName: number;
  readonly total: number;
  /** A series not seen for this long no longer counts; exact to a twelfth. */
  readonly windowMs: number;
  readonly clock: Clock;
  readonly discarded: (reason: string, items: number) => void;
}

export interface LimitSeries extends Stage {
  /** Series that count now. */
  active(): number;
}

export const SERIES_LIMIT = "series_limit";
const NAME_CHARS_SHOWN = 100;

const UNKNOWN = 0;
const TAKEN = 1;
const REFUSED = 2;

export function createLimitSeries(limits: SeriesLimits): LimitSeries {
  const { clock } = limits;
  const active = createActiveSeries(limits.windowMs, clock.nowMs());
  const touched: Touched = new WeakMap();
  const stepsOf = (batch: Batch): Generator<void, Processed> => {
    if (batch.signal !== "samples") return unchanged(batch);
    active.advance(clock.nowMs());
    return new Pass(batch, { active, touched }, limits).run();
  };
  return {
    name: "limit_series",
    active: () => active.total,
    process: (batch) => runAtOnce(stepsOf(batch)),
    processInSteps: (batch) => runInSteps(stepsOf(batch)),
  };
}

// biome-ignore lint/correctness/useYield: it has the form of one that takes long.
function* unchanged(batch: Batch): Generator<void, Processed> {
  return { batch };
}

function runAtOnce(steps: Generator<void, Processed>): Processed {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

async function runInSteps(steps: Generator<void, Processed>): Promise<Processed> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await letOthersRun();
  }
}

/** Per row of a lasting table the tick at which its series was touched last. */
type Touched = WeakMap<SeriesTable, Uint32Array>;

/** With room for all rows there are; of a table of one batch nothing is remembered. */
function touchedOf(table: SeriesTable, touched: Touched): Uint32Array {
  const known = touched.get(table);
  if (known !== undefined && known.length >= table.rows) return known;
  const ticks = new Uint32Array(table.lasting ? table.offsets.length : table.rows);
  if (!table.lasting) return ticks;
  if (known !== undefined) ticks.set(known);
  touched.set(table, ticks);
  return ticks;
}

class Pass {
  private readonly batch: SampleBatch;
  private readonly active: ActiveSeries;
  private readonly ticks: Uint32Array;
  private readonly limits: SeriesLimits;
  private readonly verdicts: Uint8Array;
  /** Hashes of metric names by the id of their text; 0 when not asked yet. */
  private nameHashes = new Uint32Array(0);
  private readonly nameLabel: number;
  /** Words of the hashes of the series this batch brought. */
  private readonly added: number[] = [];
  private reason = "";

  constructor(
    batch: SampleBatch,
    { active, touched }: { readonly active: ActiveSeries; readonly touched: Touched },
    limits: SeriesLimits,
  ) {
    this.batch = batch;
    this.active = active;
    this.limits = limits;
    this.ticks = touchedOf(batch.series, touched);
    this.verdicts = new Uint8Array(batch.series.rows);
    this.nameLabel = batch.series.names.find("__name__");
  }

  *run(): Generator<void, Processed> {
    const { batch, verdicts, added, active } = this;
    const { samples, histograms, exemplars } = batch;
    let refused = 0;
    for (const { rows, series } of [samples, histograms])
      for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
        if (from > 0) yield;
        refused += this.judge(series, from, Math.min(rows, from + ROWS_AT_ONCE));
      }
    const undo = (): void => {
      for (let i = 0; i < added.length; i += 2)
        active.takeBack(added[i] as number, added[i + 1] as number);
    };
    if (refused === 0) return added.length === 0 ? { batch } : { batch, undo };
    const before = [samples.rows, histograms.rows, exemplars.rows] as const;
    const isTaken = (series: number): boolean => verdicts[series] !== REFUSED;
    compactFloats(samples, (row) => isTaken(samples.series[row] as number));
    if (histograms.rows > 0)
      rewriteHistograms(batch, (row, histogram) =>
        isTaken(histograms.series[row] as number) ? histogram : undefined,
      );
    if (exemplars.rows > 0)
      rewriteExemplars(batch, (_row, series) => (isTaken(series) ? series : -1));
    const result: Refused = {
      samples: before[0] - batch.samples.rows,
      histograms: before[1] - batch.histograms.rows,
      exemplars: before[2] - batch.exemplars.rows,
      others: 0,
      message: this.reason,
    };
    this.limits.discarded(SERIES_LIMIT, result.samples + result.histograms);
    return { batch, undo, refused: result };
  }

  /** Gives the series of these rows a verdict; how many rows are refused. */
  private judge(series: Uint32Array, from: number, to: number): number {
    const { verdicts, active, ticks } = this;
    const { hashLow, hashHigh } = this.batch.series;
    const { tick } = active;
    let refused = 0;
    for (let row = from; row < to; row++) {
      const at = series[row] as number;
      if (ticks[at] === tick) continue;
      let verdict = verdicts[at] as number;
      if (verdict === UNKNOWN) {
        if (active.touch(hashLow[at] as number, hashHigh[at] as number)) {
          verdict = TAKEN;
          ticks[at] = tick;
        } else verdict = this.verdict(at);
        verdicts[at] = verdict;
      }
      if (verdict === REFUSED) refused++;
    }
    return refused;
  }

  /** Of a series that was not there. */
  private verdict(series: number): number {
    const { active, limits, batch } = this;
    const low = batch.series.hashLow[series] as number;
    const high = batch.series.hashHigh[series] as number;
    const nameHash = this.nameHash(series);
    if (active.total >= limits.total) return this.refuse(series, "total");
    if (active.ofName(nameHash) >= limits.perName) return this.refuse(series, "name");
    active.add(low, high, nameHash);
    this.added.push(low, high);
    return TAKEN;
  }

  private refuse(series: number, bound: "total" | "name"): number {
    if (this.reason !== "") return REFUSED;
    const { limits, batch } = this;
    const name = batch.series.label(series, "__name__");
    const shown = JSON.stringify(name.slice(0, NAME_CHARS_SHOWN));
    const minutes = Math.round(limits.windowMs / 60_000);
    this.reason =
      bound === "name"
        ? `series limit: metric ${shown} has ${limits.perName} series within ${minutes} minutes, and new ones are refused; find the label with many values, or raise limits.seriesPerName`
        : `series limit: there are ${limits.total} series within ${minutes} minutes, and new ones such as of ${shown} are refused; find the metric with many, or raise limits.seriesTotal`;
    return REFUSED;
  }

  /** FNV-1a over the bytes of the metric's name. */
  private nameHash(series: number): number {
    const { offsets, nameId, valueId, values } = this.batch.series;
    for (let i = offsets[series] as number; i < (offsets[series + 1] as number); i++) {
      if (nameId[i] !== this.nameLabel) continue;
      const id = valueId[i] as number;
      if (id >= this.nameHashes.length) this.nameHashes = new Uint32Array(values.entries.rows);
      const known = this.nameHashes[id] as number;
      if (known !== 0) return known;
      const { bytes, offsets: starts } = values.entries;
      let hash = 0x811c_9dc5;
      for (let at = starts[id] as number; at < (starts[id + 1] as number); at++)
        hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
      hash = (hash ^ (hash >>> 16)) >>> 0 || 1;
      this.nameHashes[id] = hash;
      return hash;
    }
    return 1;
  }
}
