/**
 * Metrics queries of TraceQL. What the store can count alone is one aggregation there; the rest is evaluated trace by
 * trace. Exemplars are spans of the result, spread over its intervals.
 */
import {
  attributeKey,
  combineMetrics,
  firstStatic,
  groupColumn,
  type Intervals,
  intervalOf,
  log2Bucket,
  metricsQueries,
  printTraceqlAttribute,
  type SeriesBuilder,
  type Static,
  seriesBuilder,
  staticKey,
  standingColumn,
  staticNumber,
  type TraceExemplar,
  type TraceLabel,
  type Traceql,
  type TraceSeries,
  usesBuckets,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import { broad } from "../../store/clickhouse/select/traceql-condition.ts";
import {
  type CountedCell,
  decodeGroup,
  groupSql,
  isServiceUnsure,
  numberSql,
  rangeOf,
  SERVICE_GROUP,
  selectCounts,
  selectExemplars,
} from "../../store/clickhouse/select/traceql-metrics.ts";
import { createPacing } from "../pacing.ts";
import { compareSeries } from "./compare.ts";
import { type MetricsOptions, type MetricsRun, metricsLimits } from "./metrics-run.ts";
import { planSpansets, spanCondition } from "./plan.ts";
import {
  candidatePages,
  type EvaluatedTrace,
  evaluateTraces,
  type Progress,
  tooManySpans,
  traceqlLimits,
  type Walk,
} from "./traces.ts";

export interface MetricsAnswer {
  readonly series: readonly TraceSeries[];
  /** Said beside the answer, when it is not the whole one. */
  readonly marks: readonly string[];
}

/** The query must be one that has been validated. */
export async function evaluateTraceqlMetrics(
  reader: Reader,
  expr: Traceql.MetricsExpr,
  options: MetricsOptions,
): Promise<MetricsAnswer> {
  const run: MetricsRun = { ...options, reader, pacing: createPacing(options.signal) };
  const answers = new Map<Traceql.MetricsQuery, TraceSeries[]>();
  const marks: string[] = [];
  for (const query of metricsQueries(expr)) {
    const { aggregate } = query;
    if (aggregate.kind === "compare") {
      const compared = await compareSeries(run, query.pipeline, aggregate);
      answers.set(query, compared.series);
      marks.push(...compared.marks);
    } else answers.set(query, await overTimeSeries(run, query.pipeline, aggregate));
  }
  const series = combineMetrics(expr, (query) => answers.get(query) ?? []).filter(({ values }) =>
    values.some((value) => !Number.isNaN(value)),
  );
  if (series.length > options.seriesMax)
    marks.push(`max series of ${options.seriesMax} reached; the answer is cut`);
  return { series: series.slice(0, options.seriesMax), marks };
}

async function overTimeSeries(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  aggregate: Traceql.OverTime,
): Promise<TraceSeries[]> {
  const stored = await countedInStore(run, pipeline, aggregate);
  return stored ?? countedByTrace(run, pipeline, aggregate);
}

const EXEMPLARS_PER_INTERVAL = 2;

async function countedInStore(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  aggregate: Traceql.OverTime,
): Promise<TraceSeries[] | undefined> {
  const { reader, intervals } = run;
  const condition = spanCondition(pipeline, rangeOf(intervals));
  const byService = aggregate.by.some(isService) && !(await isServiceUnsure(reader, intervals));
  const groups = aggregate.by.map((attribute) =>
    byService && isService(attribute) ? SERVICE_GROUP : groupSql(attribute),
  );
  const known = groups.filter((group) => group !== undefined);
  const number = aggregate.attribute === undefined ? undefined : numberSql(aggregate.attribute);
  if (condition === undefined || known.length < groups.length) return undefined;
  if (aggregate.attribute !== undefined && number === undefined) return undefined;
  const query = {
    intervals,
    condition: condition.sql,
    doubtful: condition.doubtful,
    groups: known,
    number,
  };
  const cells = await selectCounts(reader, {
    ...query,
    buckets: usesBuckets(aggregate),
    rowsMax: metricsLimits.cellsMax,
  });
  if (cells === undefined) return undefined;
  if (cells.length > metricsLimits.cellsMax) throw tooManyCells();
  const builder = seriesBuilder(aggregate, intervals);
  const group = groupDecoder();
  for (const cell of cells) {
    builder.add(cell.groups.map(group), cell);
    await run.pacing.pause();
  }
  const series = builder.finish();
  if (run.exemplars === 0 || series.length === 0) return series;
  const found = await selectExemplars(reader, {
    ...query,
    perInterval: EXEMPLARS_PER_INTERVAL,
    max: run.exemplars,
  });
  attachExemplars(
    { series, aggregate, intervals },
    found.map((span) => ({
      groups: span.groups.map(group),
      timeNs: span.startNs,
      value: span.value,
      labels: exemplarLabels(span),
    })),
  );
  return series;
}

const isService = ({ scope, name, intrinsic, parent }: Traceql.Attribute): boolean =>
  scope === "resource" && name === "service.name" && intrinsic === undefined && !parent;

function tooManyCells(): TriptychError {
  return new TriptychError(
    "query_limit",
    `the query has more than ${metricsLimits.cellsMax} values; a longer step or fewer groups gives fewer`,
  );
}

/** Groups repeat in every interval: each is decoded once. */
function groupDecoder(): (text: string) => Static {
  const known = new Map<string, Static>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const value = decodeGroup(text);
    known.set(text, value);
    return value;
  };
}

interface ExemplarSpan {
  readonly groups: readonly Static[];
  readonly timeNs: bigint;
  readonly value: number;
  readonly labels: readonly TraceLabel[];
}

interface SpanFacts {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly service: string;
  readonly durationNs: number;
}

export function exemplarLabels({
  traceId,
  spanId,
  name,
  service,
  durationNs,
}: SpanFacts): TraceLabel[] {
  const text = (key: string, value: string): TraceLabel => ({
    name: key,
    value: { type: "string", value },
  });
  return [
    text("trace:id", traceId),
    text("span:id", spanId),
    ...(name === "" ? [] : [text("name", name)]),
    ...(service === "" ? [] : [text("resource.service.name", service)]),
    { name: "duration", value: { type: "duration", value: durationNs } },
  ];
}

/** Each goes to the series of its groups; of quantiles and buckets to the one whose value lies nearest. */
function attachExemplars(
  to: {
    readonly series: readonly TraceSeries[];
    readonly aggregate: Traceql.OverTime;
    readonly intervals: Intervals;
  },
  spans: readonly ExemplarSpan[],
): void {
  const { series, aggregate, intervals } = to;
  const names = aggregate.by.map(printTraceqlAttribute);
  const keyOf = (values: readonly (Static | undefined)[]): string =>
    values.map((value) => (value === undefined ? "" : staticKey(value))).join("\u0000");
  const byGroup = new Map<string, TraceSeries[]>();
  for (const one of series) {
    const key = keyOf(names.map((name) => one.labels.find((label) => label.name === name)?.value));
    byGroup.set(key, [...(byGroup.get(key) ?? []), one]);
  }
  for (const span of spans) {
    const interval = intervalOf(intervals, span.timeNs);
    const candidates = byGroup.get(keyOf(span.groups)) ?? [];
    const target = nearest(candidates, interval, span.value);
    if (target === undefined) continue;
    const counts = aggregate.op === "rate" || aggregate.op === "count_over_time";
    const exemplar: TraceExemplar = {
      labels: span.labels,
      value: counts || Number.isNaN(span.value) ? (target.values[interval] ?? 0) : span.value,
      timeMs: Number(span.timeNs / 1_000_000n),
    };
    target.exemplars.push(exemplar);
  }
}

function nearest(
  candidates: readonly TraceSeries[],
  interval: number,
  value: number,
): TraceSeries | undefined {
  let best: TraceSeries | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (const one of candidates) {
    const at = one.values[interval] ?? Number.NaN;
    if (Number.isNaN(at)) continue;
    const away = Number.isNaN(value) ? 0 : Math.abs(at - value);
    if (best === undefined || away < distance) [best, distance] = [one, away];
  }
  return best;
}

async function countedByTrace(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  aggregate: Traceql.OverTime,
): Promise<TraceSeries[]> {
  const { intervals } = run;
  const builder = seriesBuilder(aggregate, intervals);
  const also = new Map<string, Traceql.Attribute>();
  for (const attribute of [
    ...aggregate.by,
    ...(aggregate.attribute === undefined ? [] : [aggregate.attribute]),
  ]) {
    const own = { ...attribute, parent: false };
    also.set(attributeKey(own), own);
  }
  const exemplars: ExemplarSpan[] = [];
  const taken = new Uint8Array(intervals.count);
  await eachEvaluated(run, { pipeline, also, whole: [...aggregate.by] }, (evaluated) => {
    observe(evaluated, { aggregate, intervals, builder }, (span, interval) => {
      if (
        exemplars.length >= run.exemplars ||
        (taken[interval] as number) >= EXEMPLARS_PER_INTERVAL
      )
        return;
      taken[interval] = (taken[interval] as number) + 1;
      exemplars.push(span());
    });
  });
  const series = builder.finish();
  attachExemplars({ series, aggregate, intervals }, exemplars);
  return series;
}

/** Every trace in which the pipeline finds something. */
export async function eachEvaluated(
  run: MetricsRun,
  query: {
    readonly pipeline: Traceql.Pipeline;
    readonly also: ReadonlyMap<string, Traceql.Attribute>;
    readonly whole: readonly Traceql.Attribute[];
  },
  each: (evaluated: EvaluatedTrace) => void,
): Promise<void> {
  const range = rangeOf(run.intervals);
  const own = planSpansets(query.pipeline, range);
  // Attributes of the parent, and places in the tree, need whole traces wherever they are asked for.
  const selecting: Traceql.Pipeline = {
    ...query.pipeline,
    stages: [
      ...query.pipeline.stages,
      { kind: "select", attributes: query.whole, span: query.pipeline.span },
    ],
  };
  const plan = planSpansets(selecting, range);
  const all = own.candidates.includes(undefined) ? undefined : broadest(plan.candidates);
  const walk: Walk = {
    reader: run.reader,
    pacing: run.pacing,
    plan,
    pipeline: query.pipeline,
    also: query.also,
  };
  const progress: Progress = { traces: 0, spans: 0, cut: false };
  for await (const page of candidatePages(walk, {
    range,
    condition: all,
    firstPage: traceqlLimits.pageTracesMax,
  })) {
    const ids = page.map(({ traceId }) => traceId);
    for await (const evaluated of evaluateTraces(walk, ids, progress)) each(evaluated);
    if (progress.spans > traceqlLimits.metricsSpansMax) throw tooManySpans();
  }
}

function broadest(
  candidates: readonly Parameters<typeof broad>[0]["sql"][],
): ReturnType<typeof broad> {
  const [sql, ...doubtful] = candidates;
  return broad({ sql, exact: false, doubtful: doubtful.filter((one) => one !== undefined) });
}

function observe(
  { trace, table, bound, spansets }: EvaluatedTrace,
  to: {
    readonly aggregate: Traceql.OverTime;
    readonly intervals: Intervals;
    readonly builder: SeriesBuilder;
  },
  exemplar: (make: () => ExemplarSpan, interval: number) => void,
): void {
  const { aggregate, intervals, builder } = to;
  const groups = aggregate.by.map((attribute) => groupColumn(attribute, bound));
  const number =
    aggregate.attribute === undefined ? undefined : standingColumn(aggregate.attribute, bound);
  const buckets = usesBuckets(aggregate);
  for (const { rows } of spansets) {
    for (const row of rows) {
      const timeNs = table.startNs(row);
      const interval = intervalOf(intervals, timeNs);
      if (interval < 0) continue;
      const value = number === undefined ? undefined : firstStatic(number(row));
      const cell = cellOf(interval, value, buckets);
      const values = groups.map((column) => column(row));
      builder.add(values, cell);
      exemplar(() => {
        const facts = {
          traceId: trace.traceId,
          spanId: table.spanId(row),
          name: "",
          service: "",
          durationNs: table.durationNs(row),
        };
        return {
          groups: values,
          timeNs,
          value: cell.values > 0 ? cell.sum : Number.NaN,
          labels: exemplarLabels(facts),
        };
      }, interval);
    }
  }
}

function cellOf(
  interval: number,
  value: Static | undefined,
  buckets: boolean,
): Omit<CountedCell, "groups"> {
  const seconds = value?.type === "duration" ? 1e9 : 1;
  const raw = value === undefined ? Number.NaN : staticNumber(value);
  const number = raw / seconds;
  const known = Number.isNaN(number) ? 0 : 1;
  const whole = buckets && known === 1 && value?.type !== "float" ? log2Bucket(raw) : -1;
  return {
    interval,
    count: 1,
    values: known,
    sum: number,
    min: number,
    max: number,
    bucket: whole > 0 ? whole / seconds : 0,
  };
}
