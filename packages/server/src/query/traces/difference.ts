/**
 * What sets some spans or traces apart from others: which attribute values are commoner or rarer among them, and which
 * numbers are larger or smaller. Spans are counted exactly, up to a bound; beyond it, and of traces, a sample is.
 */
import type { Differences, DifferentNumbers, DifferentValue, LeftOutKey } from "@triptych/contract";
import type { Sql } from "../../store/clickhouse/sql.ts";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import {
  type CountedKey,
  type NumbersOfKey,
  type SideCounts,
  type Sides,
  sampledSpans,
  selectDurations,
  selectEventCounts,
  selectExamples,
  selectIntrinsicCounts,
  selectKeyProfile,
  selectNumbers,
  selectResourceCounts,
  selectSideCounts,
  selectSpanAttributeCounts,
  selectTraceSides,
  sidesOfTraces,
  type TracePick,
  type TraceSide,
} from "../../store/clickhouse/select/traces-difference.ts";
import type { SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import { benjaminiHochberg, kolmogorovSmirnov, testShares } from "./statistics.ts";

/** Spans of a side that are counted one by one: about a second of two cores. */
const SPANS_MAX = 1_000_000;
/** Traces of a side whose spans are looked at: shares are then right to about one and a half percent. */
const TRACES_MAX = 5_000;
/** Spans that tell what kind of keys there are. */
const PROFILE_SPANS = 20_000;
/** Numbers a side and key: Kolmogorov and Smirnov's gap is then right to about four percent. */
const NUMBERS_MAX = 1_000;
/** With fewer values a key is no list of ids, however few have the same. */
const IDS_DISTINCT_MIN = 20;
/** The share of spans with a value of their own above which a key is one. */
const IDS_SHARE_MIN = 0.5;
/** Numbers with fewer values, such as status codes, are names. */
const NUMBERS_DISTINCT_MIN = 10;
const NUMBER_KEYS_MAX = 20;
const VALUES_PER_KEY_MAX = 20;
const VALUES_MAX = 50;
/** What is called different. */
const ALPHA = 0.05;

/** Keys of the intrinsic scope that the selection itself decides, and attributes that it asks for. */
export type ChosenBy = ReadonlySet<string>;

const eventKeys = new Set(["event", "exception.type", "exception.message"]);

/** Spans inside against spans outside; `where` covers both. */
export async function spanDifference(
  reader: Reader,
  query: { readonly where: Sql; readonly inside: Sql; readonly chosenBy: ChosenBy },
): Promise<{ readonly found: Differences; readonly marks: readonly string[] }> {
  const sides: Sides = { unit: "spans", where: query.where, inside: query.inside };
  const all = await selectSideCounts(reader, sides);
  const oneIn = {
    inside: Math.max(1, Math.ceil(all.inside / SPANS_MAX)),
    outside: Math.max(1, Math.ceil(all.outside / SPANS_MAX)),
  };
  const sampled: Sides = { ...sides, where: sampledSpans(sides, oneIn) };
  const isSampled = oneIn.inside > 1 || oneIn.outside > 1;
  const compared = isSampled ? await selectSideCounts(reader, sampled) : all;
  const found = await compare(reader, sampled, { all, compared, chosenBy: query.chosenBy });
  const side = (name: "inside" | "outside"): string[] =>
    oneIn[name] > 1 ? [`Of the spans ${name} one in ${oneIn[name]} was compared.`] : [];
  return { found, marks: [...side("inside"), ...side("outside")] };
}

/** Traces told apart by the pick; or the picked ones against all that match another filter. */
export async function traceDifference(
  reader: Reader,
  query: {
    readonly filter: SpanFilter;
    readonly pick: TracePick;
    readonly base?: SpanFilter | undefined;
    readonly chosenBy: ChosenBy;
  },
): Promise<{ readonly found: Differences; readonly marks: readonly string[] }> {
  const { filter, pick, base } = query;
  const range = pick.box?.range ?? filter.range;
  const middleNs = (range.fromNs + range.toNs) / 2n;
  const options = { middleNs, sampleMax: TRACES_MAX };
  const sides = await selectTraceSides(reader, filter, { ...options, pick });
  const others =
    base === undefined ? sides : await selectTraceSides(reader, base, { ...options, pick: {} });
  const inside = sides.find((side) => side.inside);
  // Without a pick every trace of the base is "inside" of nothing.
  const outside = others.find((side) => side.inside === (base !== undefined));
  const all = { inside: inside?.traces ?? 0, outside: outside?.traces ?? 0 };
  const none: TraceSide = { inside: false, traces: 0, sample: [], range: filter.range };
  const found = await compare(reader, sidesOfTraces(inside ?? none, outside ?? none), {
    all,
    compared: { inside: inside?.sample.length ?? 0, outside: outside?.sample.length ?? 0 },
    chosenBy: query.chosenBy,
  });
  return {
    found,
    marks:
      Math.max(all.inside, all.outside) > TRACES_MAX
        ? [`At most ${TRACES_MAX} traces of each side were compared, those nearest in time.`]
        : [],
  };
}

interface Compared {
  readonly all: SideCounts;
  readonly compared: SideCounts;
  readonly chosenBy: ChosenBy;
}

async function compare(
  reader: Reader,
  sides: Sides,
  { all, compared, chosenBy }: Compared,
): Promise<Differences> {
  const none: Differences = {
    unit: sides.unit,
    ...all,
    compared,
    values: [],
    rarer: [],
    numbers: [],
    leftOut: [],
    examples: { inside: "", outside: "" },
  };
  if (compared.inside === 0 || compared.outside === 0) return none;
  const [examples, profile] = await Promise.all([
    selectExamples(reader, sides),
    selectKeyProfile(reader, { unit: sides.unit, where: profileWhere(sides, compared) }),
  ]);
  const idKeys = profile.filter((key) => isIds(key.distinct, key.having));
  const numberKeys = profile
    .filter((key) => key.numbers > 0.9 && key.distinct > NUMBERS_DISTINCT_MIN)
    .filter((key) => !chosenBy.has(`span.${key.key}`))
    .slice(0, NUMBER_KEYS_MAX)
    .map(({ key }) => key);
  const skip = [...new Set([...idKeys.map(({ key }) => key), ...numberKeys])];
  const query = { sides, totals: compared, valuesMax: VALUES_PER_KEY_MAX };
  const [spans, resources, intrinsics, events, numbers, durations] = await Promise.all([
    selectSpanAttributeCounts(reader, { ...query, skip }),
    selectResourceCounts(reader, query),
    selectIntrinsicCounts(reader, query),
    selectEventCounts(reader, query),
    numberKeys.length === 0
      ? []
      : selectNumbers(reader, sides, { keys: numberKeys, sampleMax: NUMBERS_MAX }),
    // The durations of the spans of a trace are of many kinds: of traces they say nothing.
    sides.unit === "traces" || chosenBy.has("duration")
      ? []
      : selectDurations(reader, sides, NUMBERS_MAX),
  ]);
  const leftOut: LeftOutKey[] = idKeys
    .filter(({ key }) => !numberKeys.includes(key))
    .map(({ key, distinct }) => ({ scope: "span", key, reason: "ids", distinct }));
  const keys = [
    ...spans.map((key) => ({ ...key, scope: "span" as const })),
    ...resources.map((key) => ({ ...key, scope: "resource" as const })),
    ...[...intrinsics, ...events].map((key) => ({
      ...key,
      scope: eventKeys.has(key.key) ? ("event" as const) : ("intrinsic" as const),
    })),
  ].filter((key) => isCompared(key, { compared, chosenBy, leftOut }));
  return {
    ...none,
    ...judged(
      keys,
      [
        ...numbers.filter(onBothSides).map((key) => judgedNumbers("span", key)),
        ...durations.filter(onBothSides).map((key) => judgedNumbers("intrinsic", key)),
      ],
      compared,
    ),
    leftOut,
    examples,
  };
}

function profileWhere(sides: Sides, { inside, outside }: SideCounts): Sql {
  const oneIn = (count: number): number => Math.max(1, Math.ceil(count / PROFILE_SPANS));
  // Sides of traces are small already; theirs are counts of traces.
  return sides.unit === "traces"
    ? sides.where
    : sampledSpans(sides, { inside: oneIn(inside), outside: oneIn(outside) });
}

function isIds(distinct: number, having: number): boolean {
  return distinct >= IDS_DISTINCT_MIN && distinct > having * IDS_SHARE_MIN;
}

type ScopedKey = CountedKey & { readonly scope: DifferentValue["scope"] };

/** Says of a key why it is left out, if it is. */
function isCompared(
  { scope, key, distinct }: ScopedKey,
  {
    compared,
    chosenBy,
    leftOut,
  }: Pick<Compared, "compared" | "chosenBy"> & { readonly leftOut: LeftOutKey[] },
): boolean {
  const chosen =
    scope === "intrinsic"
      ? chosenBy.has(key)
      : chosenBy.has(`${scope === "event" ? "log" : scope}.${key}`) || chosenBy.has(`any.${key}`);
  const reason = chosen
    ? "selection"
    : isIds(distinct, compared.inside + compared.outside)
      ? "ids"
      : undefined;
  if (reason !== undefined) leftOut.push({ scope, key, reason, distinct });
  return reason === undefined;
}

function judged(
  keys: readonly ScopedKey[],
  distributions: readonly Omit<DifferentNumbers, "pAdjusted">[],
  compared: SideCounts,
): Pick<Differences, "values" | "rarer" | "numbers"> {
  const values = keys.flatMap(({ scope, key, values: list }) =>
    list.map((value) => judgedValue(scope, key, value, compared)),
  );
  const comparisons = keys.reduce((sum, { distinct }) => sum + distinct, 0) + distributions.length;
  const adjusted = benjaminiHochberg(
    [...values, ...distributions].map(({ p }) => p),
    comparisons,
  );
  const withP = values.map((value, i) => ({ ...value, pAdjusted: adjusted[i] ?? 1 }));
  const gapOf = (value: DifferentValue): number => value.insideShare - value.outsideShare;
  const ranked = (list: readonly DifferentValue[]): DifferentValue[] =>
    [...list]
      .sort(
        (a, b) =>
          Number(b.pAdjusted <= ALPHA) - Number(a.pAdjusted <= ALPHA) ||
          Math.abs(gapOf(b)) - Math.abs(gapOf(a)) ||
          a.p - b.p ||
          compareText(a.scope + a.key + a.value, b.scope + b.key + b.value),
      )
      .slice(0, VALUES_MAX);
  return {
    values: ranked(withP.filter((value) => gapOf(value) > 0)),
    rarer: ranked(withP.filter((value) => gapOf(value) < 0)),
    numbers: distributions
      .map((each, i) => ({ ...each, pAdjusted: adjusted[values.length + i] ?? 1 }))
      .sort((a, b) => b.gap - a.gap || compareText(a.key, b.key)),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function judgedValue(
  scope: DifferentValue["scope"],
  key: string,
  { value, inside, outside }: CountedKey["values"][number],
  totals: SideCounts,
): Omit<DifferentValue, "pAdjusted"> {
  const insideShare = inside / totals.inside;
  const outsideShare = outside / totals.outside;
  const tested = testShares({
    insideWith: inside,
    insideWithout: Math.max(0, totals.inside - inside),
    outsideWith: outside,
    outsideWithout: Math.max(0, totals.outside - outside),
  });
  const lift = outside === 0 ? null : insideShare / outsideShare;
  return { scope, key, value, inside, outside, insideShare, outsideShare, lift, ...tested };
}

/** What one side does not have at all has no distribution there. */
function onBothSides({ inside, outside }: NumbersOfKey): boolean {
  return inside.count > 0 && outside.count > 0;
}

function judgedNumbers(
  scope: DifferentNumbers["scope"],
  { key, inside, outside }: NumbersOfKey,
): Omit<DifferentNumbers, "pAdjusted"> {
  return {
    scope,
    key,
    inside: inside.count,
    outside: outside.count,
    insideMedian: middle(inside.sample),
    outsideMedian: middle(outside.sample),
    ...kolmogorovSmirnov(inside.sample, outside.sample),
  };
}

/** The upper one of the two in the middle; 0 for none. */
function middle(values: readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1] ?? 0;
}
