/**
 * Where metric data comes from. The store is one source; recent samples in memory can stand before it with the same
 * interface. Everything right of this file sees typed arrays only.
 */
import type {
  FoldAnswer,
  FoldQuestion,
  LeafAnswer,
  LeafQuestion,
  Matcher,
  SourceSeries,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { Engine, SelectResult } from "../../store/clickhouse/engine.ts";
import {
  bigintCells,
  type Entry,
  mapCells,
  numberCells,
  readRows,
  textCells,
} from "../../store/clickhouse/select/rows.ts";
import {
  countSql,
  exemplarsSql,
  histogramIdsSql,
  histogramsSql,
  newestHistogramsSql,
  type SampleColumn,
  type SampleRange,
  samplesSql,
  type TierRange,
} from "../../store/clickhouse/select/samples.ts";
import {
  labelNamesSql,
  labelValuesSql,
  metadataSql,
  metricLabelsSql,
  metricNamesSql,
  type SeriesMatcher,
  type SeriesRange,
  seriesSql,
} from "../../store/clickhouse/select/series.ts";
import { createPacing } from "../pacing.ts";
import { createReadGrid, type ReadGrid } from "./read-grid.ts";
import {
  type HistogramSample,
  histogramCells,
  SampleBuilder,
  type SampleColumns,
} from "./sample-cells.ts";
import { type Ask, chunksOf, createSelect, type Select } from "./store-select.ts";
import { createTiers } from "./tiers.ts";

export type { SampleRange } from "../../store/clickhouse/select/samples.ts";
export type { SeriesMatcher, SeriesRange } from "../../store/clickhouse/select/series.ts";
export type { HistogramSample, SampleColumns } from "./sample-cells.ts";
export type { Ask } from "./store-select.ts";

export interface Series {
  readonly id: bigint;
  /** Sorted by name; `__name__` is among them. */
  readonly labels: readonly Entry[];
}

export interface Exemplar {
  readonly id: bigint;
  readonly timeMs: number;
  readonly value: number;
  readonly traceId: string;
}

export interface MetadataEntry {
  readonly family: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
}

export interface MetricsSource {
  /** Series that match all matchers on a day that the range touches. Throws `query_limit` beyond `seriesMax`. */
  selectSeries(
    matchers: readonly SeriesMatcher[],
    range: SeriesRange,
    ask?: Ask,
  ): Promise<Series[]>;
  /**
   * The series that match all, with their samples, in the order of their labels, for a source that can do better than
   * one call after the other of those below.
   */
  read?: (
    matchers: readonly Matcher[],
    range: SampleRange,
    ask: Ask,
    column?: SampleColumn,
  ) => Promise<readonly SourceSeries[]>;
  /** Leaves that the source computes itself; see `PromqlSource`. */
  leaf?: (question: LeafQuestion, ask: Ask) => Promise<LeafAnswer | undefined>;
  fold?: (question: FoldQuestion, ask: Ask) => Promise<FoldAnswer | undefined>;
  /** A value for each step of a grid, of series that have samples; only for a store that can. */
  readGrid?: ReadGrid;
  /** Throws `query_limit` beyond `samplesMax`. */
  readSamples(
    ids: readonly bigint[],
    range: SampleRange,
    ask?: Ask,
    /** What to give of rows that were downsampled; the last sample unless told. */
    column?: SampleColumn,
  ): Promise<SampleColumns>;
  /** How far apart samples of the range are at most because they were downsampled; 0 when none were. */
  coarsestMs?: (range: SampleRange) => Promise<number>;
  /** Sorted by series and time, each time once. */
  readHistograms(ids: readonly bigint[], range: SampleRange, ask?: Ask): Promise<HistogramSample[]>;
  /** The time of the newest histogram in the range of each series that has one. */
  newestHistograms(range: SampleRange, ask?: Ask): Promise<ReadonlyMap<bigint, number>>;
  readExemplars(ids: readonly bigint[], range: SampleRange, ask?: Ask): Promise<Exemplar[]>;
  labelNames(matchers: readonly SeriesMatcher[], range: SeriesRange, ask?: Ask): Promise<string[]>;
  labelValues(
    name: string,
    select: { readonly matchers: readonly SeriesMatcher[]; readonly range: SeriesRange },
    ask?: Ask,
  ): Promise<string[]>;
  /** Newest metadata; of all families when the list is empty. */
  metadata(families: readonly string[], ask?: Ask): Promise<MetadataEntry[]>;
  /** Metric names that contain `search`, with their number of series. */
  metricNames(
    search: string,
    range: SeriesRange,
    ask?: Ask,
  ): Promise<{ metric: string; series: number }[]>;
  /** The labels of some metrics; at most 100 values each, `total` counts all. */
  metricLabels(
    names: readonly string[],
    range: SeriesRange,
    ask?: Ask,
  ): Promise<{ label: string; value: string; series: number; total: number }[]>;
}

export interface SourceLimits {
  readonly seriesMax: number;
  readonly samplesMax: number;
}

/** A query holds its samples in memory: 16 bytes each, so this is 160 MB at most; labels take as much again. */
const defaultSourceLimits: SourceLimits = { seriesMax: 300_000, samplesMax: 10_000_000 };
/** Pairs of texts and what holds them, beside the bytes that the store gave. */
const BYTES_PER_SERIES = 600;
const HISTOGRAMS_MAX = 200_000;
const HISTOGRAM_IDS_PER_SELECT = 500;
const NAMES_MAX = 100_000;
const VALUES_PER_LABEL = 100;
const EXEMPLARS_MAX = 300;
const EXEMPLAR_STEPS = 100;
/** One answer of the engine is taken apart at once; this many rows take some milliseconds. */
const SAMPLES_PER_SELECT = 100_000;
/** To estimate how many rows a series has; scrapes are rarely closer. */
const INTERVAL_MS_GUESS = 10_000;
/** Ids travel as text in the query. */
const IDS_PER_SELECT = 20_000;

export function createStoreSource(
  engine: Engine,
  limits: SourceLimits = defaultSourceLimits,
): MetricsSource {
  const select = createSelect(engine);
  const tiers = createTiers(select);
  return {
    async selectSeries(matchers, range, ask) {
      const result = await select(seriesSql(matchers, range, limits.seriesMax + 1), ask);
      const found = await readSeries(result, ask);
      if (found.length > limits.seriesMax)
        throw tooMuch(`more than ${limits.seriesMax} series match`);
      return found;
    },
    coarsestMs: (range) => tiers.coarsestMs(range),
    readSamples: async (ids, range, ask, column = "Value") => {
      const pieces = await tiers.pieces(range);
      const rows = await tiers.rows(range);
      return readSamples({ select, limits }, { ids, range, pieces, rows, column }, ask);
    },
    async readHistograms(ids, range, ask) {
      const out: HistogramSample[] = [];
      const pacing = createPacing(ask?.signal, ask?.priority);
      const pieces = await tiers.pieces(range);
      const few = ids.length <= HISTOGRAM_IDS_PER_SELECT;
      // Most series have none: who has some is found with one question.
      const having = few ? ids : await withHistograms(select, { ids, pieces }, ask);
      for (const chunk of chunksOf(having, HISTOGRAM_IDS_PER_SELECT)) {
        const result = await select(histogramsSql(chunk, pieces, HISTOGRAMS_MAX + 1), ask);
        for (const block of result.blocks) {
          const cell = histogramCells(block);
          for (let row = 0; row < block.rows; row++) {
            const sample = cell(row);
            const last = out.at(-1);
            if (last?.id === sample.id && last.timeMs === sample.timeMs) out.pop();
            out.push(sample);
            if (row % 64 === 63) await pacing.pause();
          }
        }
        if (out.length > HISTOGRAMS_MAX) throw tooMuch(`more than ${HISTOGRAMS_MAX} histograms`);
      }
      return out;
    },
    ...(engine.kind === "embedded" ? { readGrid: createReadGrid(select, tiers) } : {}),
    async newestHistograms(range, ask) {
      const result = await select(newestHistogramsSql(range, limits.seriesMax), ask);
      const rows = readRows(result, (block) => {
        const id = bigintCells(block, "id");
        const time = numberCells(block, "time");
        return (row) => [id(row), time(row)] as const;
      });
      return new Map(rows);
    },
    async readExemplars(ids, range, ask) {
      const stepMs = Math.max(1, Math.ceil((range.toMs - range.afterMs) / EXEMPLAR_STEPS));
      const spread = { stepMs, perStep: 3, limit: EXEMPLARS_MAX };
      const result = await select(exemplarsSql(ids.slice(0, IDS_PER_SELECT), range, spread), ask);
      return readRows(result, (block) => {
        const id = bigintCells(block, "id");
        const time = numberCells(block, "time");
        const value = numberCells(block, "value");
        const trace = textCells(block, "trace");
        return (row) => ({
          id: id(row),
          timeMs: time(row),
          value: value(row),
          traceId: trace(row),
        });
      });
    },
    async labelNames(matchers, range, ask) {
      const result = await select(labelNamesSql(matchers, range, NAMES_MAX), ask);
      return readRows(result, (block) => textCells(block, "label"));
    },
    async labelValues(name, { matchers, range }, ask) {
      const options = { range, limit: NAMES_MAX };
      const result = await select(labelValuesSql(name, matchers, options), ask);
      return readRows(result, (block) => textCells(block, "value"));
    },
    ...catalogue(select),
  };
}

async function withHistograms(
  select: Select,
  { ids, pieces }: { readonly ids: readonly bigint[]; readonly pieces: readonly TierRange[] },
  ask: Ask | undefined,
): Promise<bigint[]> {
  const out: bigint[] = [];
  for (const chunk of chunksOf(ids, IDS_PER_SELECT)) {
    const result = await select(histogramIdsSql(chunk, pieces), ask);
    for (const id of readRows(result, (block) => bigintCells(block, "id"))) out.push(id);
  }
  return out;
}

function catalogue(
  select: Select,
): Pick<MetricsSource, "metadata" | "metricNames" | "metricLabels"> {
  return {
    async metadata(families, ask) {
      const result = await select(metadataSql(families, NAMES_MAX), ask);
      return readRows(result, (block) => {
        const family = textCells(block, "family");
        const type = textCells(block, "type");
        const unit = textCells(block, "unit");
        const help = textCells(block, "help");
        return (row) => ({
          family: family(row),
          type: type(row),
          unit: unit(row),
          help: help(row),
        });
      });
    },
    async metricNames(search, range, ask) {
      const result = await select(metricNamesSql(search, range, NAMES_MAX), ask);
      return readRows(result, (block) => {
        const metric = textCells(block, "metric");
        const series = numberCells(block, "series");
        return (row) => ({ metric: metric(row), series: series(row) });
      });
    },
    async metricLabels(names, range, ask) {
      const result = await select(metricLabelsSql(names, range, VALUES_PER_LABEL), ask);
      return readRows(result, (block) => {
        const label = textCells(block, "label");
        const value = textCells(block, "value");
        const series = numberCells(block, "series");
        const total = numberCells(block, "total");
        return (row) => ({
          label: label(row),
          value: value(row),
          series: series(row),
          total: total(row),
        });
      });
    },
  };
}

async function readSeries(result: SelectResult, ask: Ask | undefined): Promise<Series[]> {
  const out: Series[] = [];
  const pacing = createPacing(ask?.signal, ask?.priority);
  for (const block of result.blocks) {
    const id = bigintCells(block, "id");
    const labels = mapCells(block, "labels");
    ask?.memory?.take(block.rows * BYTES_PER_SERIES);
    for (let row = 0; row < block.rows; row++) {
      out.push({ id: id(row), labels: labels(row) });
      if (row % 256 === 255) await pacing.pause();
    }
  }
  return out;
}

function tooMuch(what: string): TriptychError {
  return new TriptychError("query_limit", `${what}; ask for less time or fewer series`);
}

async function readSamples(
  deps: { select: Select; limits: SourceLimits },
  what: {
    readonly ids: readonly bigint[];
    readonly range: SampleRange;
    readonly pieces: readonly TierRange[];
    /** Of all series that there are in that time, about. */
    readonly rows: number;
    readonly column: SampleColumn;
  },
  ask: Ask | undefined,
): Promise<SampleColumns> {
  const builder = new SampleBuilder();
  const sorted = [...new Set(what.ids)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const perSeries = Math.ceil((what.range.toMs - what.range.afterMs) / INTERVAL_MS_GUESS) + 1;
  // A range of years is no reason to ask series by series when there is a day of data.
  const most = Math.max(
    SAMPLES_PER_SELECT / perSeries,
    (sorted.length * SAMPLES_PER_SELECT) / Math.max(1, what.rows),
  );
  const size = Math.min(IDS_PER_SELECT, Math.max(1, Math.floor(most)));
  const pacing = createPacing(ask?.signal, ask?.priority);
  if (sorted.length * perSeries > deps.limits.samplesMax)
    await refuseTooMany(deps, sorted, { pieces: what.pieces, ask });
  for (const chunk of chunksOf(sorted, size)) {
    const left = deps.limits.samplesMax - builder.rows;
    const result = await deps.select(
      samplesSql(chunk, what.pieces, { limit: left + 1, column: what.column }),
      ask,
    );
    let rows = 0;
    for (const block of result.blocks) {
      builder.append(block);
      rows += block.rows;
      await pacing.pause();
    }
    if (rows > left) throw tooMuch(`the query reads more than ${deps.limits.samplesMax} samples`);
  }
  return builder.take();
}

/** Counts before anything is read: counting takes a small part of the time and no memory. */
async function refuseTooMany(
  { select, limits }: { readonly select: Select; readonly limits: SourceLimits },
  ids: readonly bigint[],
  { pieces, ask }: { readonly pieces: readonly TierRange[]; readonly ask: Ask | undefined },
): Promise<void> {
  let count = 0;
  for (const chunk of chunksOf(ids, IDS_PER_SELECT)) {
    const result = await select(countSql(chunk, pieces), ask);
    for (const one of readRows(result, (block) => numberCells(block, "samples"))) count += one;
  }
  if (count > limits.samplesMax)
    throw tooMuch(
      `the query needs ${count.toLocaleString("en-US")} samples, more than ${limits.samplesMax.toLocaleString("en-US")}`,
    );
}
