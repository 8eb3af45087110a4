/**
 * The head before the store: what the head knows completely comes from it, older samples and those that came late from
 * the store. The rest of the source (exemplars, metadata, catalogue) is the store's.
 */
import {
  type FloatSamples,
  type HistogramPoint,
  type Labels,
  type Matcher,
  SampleScratch,
  seriesInMemory,
  type SourceSeries,
  staleTest,
} from "@triptych/lang";
import type { SampleColumn } from "../../../store/clickhouse/select/samples.ts";
import { createPacing, inSteps } from "../../pacing.ts";
import { storeLeaf } from "../leaf.ts";
import { indexMatcher, storeMatcher } from "../matchers.ts";
import {
  floatsById,
  histogramsById,
  noFloats,
  readSeries,
  seriesOf,
  withOnes,
} from "../read-series.ts";
import { byLabelPairs } from "../series-order.ts";
import type { Ask, MetricsSource, SampleRange, Series } from "../source.ts";
import type { Head } from "./head.ts";
import { createHeadLeaves } from "./head-leaves.ts";
import type { HeadReaders } from "./head-readers.ts";
import type { HeadSeries } from "./head-view.ts";
import type { IndexMatcher } from "./series-index.ts";

/** Without `readers`, or while they cannot, everything is computed on the event loop. */
export function createHeadSource(
  store: MetricsSource,
  head: Head,
  readers?: Pick<HeadReaders, "run">,
): MetricsSource {
  const settle = createSettling(head);
  const leaves = readers && createHeadLeaves({ head, readers });
  return {
    ...store,
    ...(leaves === undefined ? {} : { fold: leaves.fold }),
    read: (matchers, range, ask, column) =>
      read({ store, head, settle }, { matchers, range, ask, column }),
    leaf: (question, ask) => storeLeaf(store, question, { untilMs: head.completeAfterMs, ask }),
  };
}

interface Parts {
  readonly store: MetricsSource;
  readonly head: Head;
  readonly settle: (matchers: readonly IndexMatcher[], ask: Ask) => Promise<void>;
}

/** One after the other: many queries that want the same list in order must not do the same work side by side. */
function createSettling(head: Head): Parts["settle"] {
  let last: Promise<void> = Promise.resolve();
  const work = async (matchers: readonly IndexMatcher[], ask: Ask): Promise<void> => {
    const pacing = createPacing(ask.signal, ask.priority);
    for (const _ of head.settle(matchers)) {
      const turn = pacing.pause();
      if (turn !== undefined) await turn;
    }
  };
  return (matchers, ask) => {
    const mine = last.then(() => work(matchers, ask));
    // Who comes later does not mind that this query was given up.
    last = mine.catch(() => undefined);
    return mine;
  };
}

interface Question {
  readonly matchers: readonly Matcher[];
  readonly range: SampleRange;
  readonly ask: Ask;
  readonly column?: SampleColumn | undefined;
}

async function read(parts: Parts, question: Question): Promise<readonly SourceSeries[]> {
  const { store, head, settle } = parts;
  const { range, matchers, ask, column } = question;
  const completeAfterMs = head.completeAfterMs;
  if (range.toMs <= completeAfterMs) return readSeries(store, matchers, range, ask, column);
  const asked = matchers.map(indexMatcher);
  await settle(asked, ask);
  const pacing = createPacing(ask.signal, ask.priority);
  const matching = await inSteps(head.match(asked), pacing);
  const found = matching.filter(
    (one) => one.lastMs > range.afterMs || seenSince(one, range.afterMs),
  );
  ask.memory?.take(found.length * BYTES_PER_VIEW);
  const older =
    range.afterMs >= completeAfterMs
      ? new Map<bigint, Series>()
      : await storedSeries(store, question);
  // The newest time of which the store must be asked, for each series that needs it.
  const late = found.filter((one) => one.lateUntilMs > range.afterMs);
  const untilMs = late.reduce(
    (max, one) => Math.max(max, one.lateUntilMs),
    older.size > 0 ? completeAfterMs : range.afterMs,
  );
  const ids = [...new Set([...older.keys(), ...late.map((one) => one.id)])];
  const past = { afterMs: range.afterMs, toMs: Math.min(range.toMs, untilMs) };
  const floats =
    ids.length === 0 ? NO_FLOATS : floatsById(await store.readSamples(ids, past, ask, column));
  const withHistograms = found.filter((one) => one.lastHistogramMs > range.afterMs);
  // Of older ones the head does not know whether they had any.
  const histogramIds = [...new Set([...older.keys(), ...withHistograms.map((one) => one.id)])];
  const histograms = await histogramsById(store, { ids: histogramIds, range }, ask);
  const out: SourceSeries[] = [];
  let known: SampleRange = { afterMs: Number.NaN, toMs: range.toMs };
  for (const [place, series] of found.entries()) {
    if (place % JOINED_AT_ONCE === JOINED_AT_ONCE - 1) await pacing.pause();
    const needsId = ids.length > 0 || histogramIds.length > 0;
    const id = needsId ? series.id : undefined;
    const before = id === undefined ? undefined : floats.get(id);
    const fromMs = Math.max(range.afterMs, completeAfterMs, series.lateUntilMs);
    // Mostly the same for all: one object less for each of very many series.
    if (fromMs !== known.afterMs) known = { afterMs: fromMs, toMs: range.toMs };
    const joined = new Joined(series, {
      range: known,
      before: before === undefined ? noFloats : upTo(before, fromMs),
      histograms: id === undefined ? NO_POINTS : (histograms.get(id) ?? NO_POINTS),
    });
    out.push(column === "Count" ? countsOf(joined, fromMs) : joined);
    if (id !== undefined) older.delete(id);
  }
  if (older.size === 0) return out;
  for (const [id, { labels }] of older) {
    const before = floats.get(id);
    const points = histograms.get(id) ?? NO_POINTS;
    if (before === undefined && points.length === 0) continue;
    out.push(seriesOf(labels, { floats: before ?? noFloats, points, column }));
  }
  return out.sort((a, b) => byLabelPairs(a.labels.pairs, b.labels.pairs));
}

/** A series' view and what is made of it while a query runs; its labels and samples are the head's. */
const BYTES_PER_VIEW = 300;
const JOINED_AT_ONCE = 1_000;
const NO_POINTS: readonly HistogramPoint[] = [];
const NO_FLOATS: ReadonlyMap<bigint, FloatSamples> = new Map();

function seenSince({ lastHistogramMs, lateUntilMs }: HeadSeries, afterMs: number): boolean {
  return lastHistogramMs > afterMs || lateUntilMs > afterMs;
}

async function storedSeries(
  store: MetricsSource,
  { matchers, range, ask }: Question,
): Promise<Map<bigint, Series>> {
  const days = { fromMs: range.afterMs, toMs: range.toMs };
  const series = await store.selectSeries(matchers.map(storeMatcher), days, ask);
  return new Map(series.map((one) => [one.id, one]));
}

/** Floats up to `toMs`. */
function upTo({ timeMs, value }: FloatSamples, toMs: number): FloatSamples {
  let end = timeMs.length;
  while (end > 0 && (timeMs[end - 1] as number) > toMs) end--;
  return { timeMs: timeMs.subarray(0, end), value: value.subarray(0, end) };
}

/** What came from the head, later than `fromMs`, are samples: each counts one. The store gave counts already. */
function countsOf(joined: Joined, fromMs: number): SourceSeries {
  const { timeMs, value } = joined.floats();
  const counts = value.slice();
  const isStale = staleTest(value);
  for (let at = 0; at < counts.length; at++)
    if ((timeMs[at] as number) > fromMs && !isStale(at)) counts[at] = 1;
  const floats = withOnes({ timeMs, value: counts }, joined.histograms);
  return seriesInMemory({ labels: joined.labels, floats, histograms: [] });
}

/** What the store gave of a series, then what the head has. */
class Joined implements SourceSeries {
  readonly histograms: readonly HistogramPoint[];
  private readonly series: HeadSeries;
  private readonly range: SampleRange;
  private readonly before: FloatSamples;

  constructor(
    series: HeadSeries,
    given: {
      readonly range: SampleRange;
      readonly before: FloatSamples;
      readonly histograms: readonly HistogramPoint[];
    },
  ) {
    this.series = series;
    this.range = given.range;
    this.before = given.before;
    this.histograms = given.histograms;
  }

  get labels(): Labels {
    return this.series.labels;
  }

  get floatCount(): number {
    return this.before.timeMs.length + this.series.count(this.range);
  }

  floats(scratch: SampleScratch = new SampleScratch()): FloatSamples {
    const { before, series, range } = this;
    const { length } = before.timeMs;
    if (length > 0) {
      scratch.reserve(length);
      scratch.timeMs.set(before.timeMs);
      scratch.value.set(before.value);
    }
    const { end, hasNaN, falls } = series.read(range, scratch, length);
    const { timeMs, value } = scratch.view(end);
    return length > 0 ? { timeMs, value } : { timeMs, value, hasNaN, falls };
  }
}
