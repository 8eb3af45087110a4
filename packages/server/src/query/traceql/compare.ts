/** `compare({…})`: the values of all attributes, counted apart for the selected spans and the others. */
import {
  bindTable,
  fieldColumn,
  intervalOf,
  isTrue,
  type MemorySpan,
  memoryTable,
  pipelineOver,
  printTraceqlAttribute,
  type Static,
  staticKey,
  type TraceLabel,
  type Traceql,
  type TraceSeries,
  wholeTrace,
} from "@triptych/lang";
import { compileRegex } from "../../regex/compile.ts";
import {
  type ComparedCell,
  selectCompared,
  selectSides,
} from "../../store/clickhouse/select/traceql-compare.ts";
import { conditionOf } from "../../store/clickhouse/select/traceql-condition.ts";
import {
  decodeGroup,
  rangeOf,
  selectCounts,
} from "../../store/clickhouse/select/traceql-metrics.ts";
import { selectTraces } from "../../store/clickhouse/select/traces.ts";
import { inSteps } from "../pacing.ts";
import { memorySpan } from "./memory-span.ts";
import { type MetricsRun, metricsLimits } from "./metrics-run.ts";
import { planSpansets, spanCondition } from "./plan.ts";
import { candidatePages, tooManySpans, traceqlLimits } from "./traces.ts";

/** `marks` say what the counts are worth where they are estimates. */
export async function compareSeries(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  compare: Traceql.Compare,
): Promise<{ readonly series: TraceSeries[]; readonly marks: readonly string[] }> {
  const stored = await comparedInStore(run, pipeline, compare);
  const counts = stored?.counts ?? (await comparedByTrace(run, pipeline, compare));
  const out: TraceSeries[] = [];
  const series = new Map<string, Float64Array>();
  const values = (labels: readonly TraceLabel[]): Float64Array => {
    const key = labels.map(({ name, value }) => `${name} ${staticKey(value)}`).join("\u0000");
    let found = series.get(key);
    if (found === undefined) {
      found = new Float64Array(run.intervals.count);
      series.set(key, found);
      out.push({ labels, values: found, exemplars: [] });
    }
    return found;
  };
  for (const { selected, name, value, interval, count } of counts) {
    const side = selected ? "selection" : "baseline";
    const type = value === undefined ? `${side}_total` : side;
    const at = values([
      { name: "__meta_type", value: { type: "string", value: type } },
      { name, value: value ?? { type: "nil" } },
    ]);
    at[interval] = (at[interval] as number) + count;
    await run.pacing.pause();
  }
  return { series: out, marks: stored?.marks ?? [] };
}

/** Of each side so many spans are looked at: enough for counts that are right to a percent. */
const SPANS_A_SIDE = 100_000;

interface Compared {
  readonly selected: boolean;
  /** As the attribute is written. */
  readonly name: string;
  readonly value?: Static;
  readonly interval: number;
  readonly count: number;
}

function windowOf({ start, end }: Traceql.Compare): { start: bigint; end: bigint } | undefined {
  return start === 0 ? undefined : { start: BigInt(start), end: BigInt(end) };
}

async function comparedInStore(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  compare: Traceql.Compare,
): Promise<
  { readonly counts: readonly Compared[]; readonly marks: readonly string[] } | undefined
> {
  const { reader, intervals } = run;
  const range = rangeOf(intervals);
  const condition = spanCondition(pipeline, range);
  const selection = conditionOf(compare.filter.expr, range);
  if (condition === undefined || !selection.exact || selection.sql === undefined) return undefined;
  const doubtful = [...condition.doubtful, ...selection.doubtful];
  const certain = await selectCounts(reader, {
    intervals,
    condition: condition.sql,
    doubtful,
    groups: [],
    buckets: false,
    rowsMax: metricsLimits.intervalsMax,
  });
  if (certain === undefined) return undefined;
  const sides = {
    intervals,
    condition: condition.sql,
    selection: selection.sql,
    window: windowOf(compare),
  };
  const spans = await selectSides(reader, sides);
  const oneIn = {
    selected: Math.max(1, Math.ceil(spans.selected / SPANS_A_SIDE)),
    others: Math.max(1, Math.ceil(spans.others / SPANS_A_SIDE)),
  };
  const { values, totals } = await selectCompared(reader, {
    ...sides,
    topN: compare.topN,
    rowsMax: metricsLimits.cellsMax,
    oneIn,
  });
  const sampled = (side: string, every: number): string[] =>
    every === 1
      ? []
      : [`compare() looked at one trace in ${every} of the ${side}: its counts are estimates`];
  return {
    counts: [...values, ...totals].map(comparedCell),
    marks: [...sampled("selection", oneIn.selected), ...sampled("baseline", oneIn.others)],
  };
}

function comparedCell({ selected, key, value, interval, count }: ComparedCell): Compared {
  return {
    selected,
    name: writtenName(key),
    interval,
    count,
    ...(value === undefined ? {} : { value: decodeGroup(value) }),
  };
}

function writtenName(key: string): string {
  const dot = key.indexOf(".");
  if (dot < 0) return key;
  const scope = scopes.find((one) => key.startsWith(`${one}.`)) ?? "resource";
  return attributeName(scope, key.slice(dot + 1));
}

const scopes = ["span", "resource", "instrumentation"] as const;

function attributeName(scope: (typeof scopes)[number], name: string): string {
  return printTraceqlAttribute({
    kind: "attribute",
    scope,
    parent: false,
    name,
    span: { start: 0, end: 0 },
  });
}

async function comparedByTrace(
  run: MetricsRun,
  pipeline: Traceql.Pipeline,
  compare: Traceql.Compare,
): Promise<Compared[]> {
  const range = rangeOf(run.intervals);
  const plan = planSpansets(pipeline, range);
  const counted = new Map<string, Compared & { count: number }>();
  let spans = 0;
  for (const condition of plan.candidates) {
    const walk = { reader: run.reader, pacing: run.pacing, plan, pipeline };
    for await (const page of candidatePages(walk, {
      range,
      condition,
      firstPage: traceqlLimits.pageTracesMax,
    })) {
      const stored = await selectTraces(run.reader, {
        traceIds: page.map(({ traceId }) => traceId),
        spansMax: traceqlLimits.spansAtOnceMax,
      });
      spans += stored.count;
      if (spans > traceqlLimits.metricsSpansMax || stored.cut) throw tooManySpans();
      await compareSpans(run, { pipeline, compare, spans: [...stored].map(memorySpan) }, counted);
    }
  }
  return topValues([...counted.values()], compare.topN);
}

async function compareSpans(
  run: MetricsRun,
  query: {
    readonly pipeline: Traceql.Pipeline;
    readonly compare: Traceql.Compare;
    readonly spans: readonly MemorySpan[];
  },
  counted: Map<string, Compared & { count: number }>,
): Promise<void> {
  const table = memoryTable(query.spans);
  const bound = bindTable(table, query.pipeline, compileRegex);
  const evaluate = pipelineOver(query.pipeline, bound);
  const selects = fieldColumn(query.compare.filter.expr, bound);
  const window = windowOf(query.compare);
  for (let trace = 0; trace + 1 < table.traceStarts.length; trace++) {
    const all = wholeTrace(
      table.traceStarts[trace] as number,
      table.traceStarts[trace + 1] as number,
    );
    const spansets = await inSteps(evaluate([all]), run.pacing);
    for (const row of new Set(spansets.flatMap(({ rows }) => rows))) {
      const span = table.spans[row] as MemorySpan;
      const interval = intervalOf(run.intervals, span.startNs);
      if (interval < 0) continue;
      const inside =
        window === undefined || (span.startNs > window.start && span.startNs <= window.end);
      count(span, { interval, selected: inside && isTrue(selects(row)) }, counted);
    }
    await run.pacing.pause();
  }
}

function count(
  span: MemorySpan,
  at: { readonly interval: number; readonly selected: boolean },
  counted: Map<string, Compared & { count: number }>,
): void {
  const add = (name: string, value: Static | undefined): void => {
    const key = `${at.selected} ${at.interval} ${name}\u0000${value === undefined ? "" : `=${staticKey(value)}`}`;
    const found = counted.get(key);
    if (found === undefined)
      counted.set(key, { ...at, name, count: 1, ...(value === undefined ? {} : { value }) });
    else found.count++;
  };
  const both = (name: string, value: Static): void => {
    add(name, value);
    add(name, undefined);
  };
  for (const [name, value] of span.attributes) both(attributeName("span", name), value);
  for (const [name, value] of span.resource) both(attributeName("resource", name), value);
  for (const [name, value] of span.scope) both(attributeName("instrumentation", name), value);
  both("instrumentation:name", { type: "string", value: span.scopeName });
  both("instrumentation:version", { type: "string", value: span.scopeVersion });
  both("name", { type: "string", value: span.name });
  both("kind", { type: "kind", value: span.kind });
  both("status", { type: "status", value: span.status });
  both("statusMessage", { type: "string", value: span.statusMessage });
}

/** The most frequent values of each attribute on each side, and all totals. */
function topValues(cells: readonly Compared[], topN: number): Compared[] {
  const sums = new Map<string, Map<string, number>>();
  const sideOf = ({ selected, name }: Compared): string => `${selected} ${name}`;
  for (const cell of cells) {
    if (cell.value === undefined) continue;
    const values = sums.get(sideOf(cell)) ?? new Map<string, number>();
    sums.set(sideOf(cell), values);
    const key = staticKey(cell.value);
    values.set(key, (values.get(key) ?? 0) + cell.count);
  }
  const kept = new Map<string, Set<string>>();
  for (const [side, values] of sums) {
    const order = [...values].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    kept.set(side, new Set(order.slice(0, topN).map(([key]) => key)));
  }
  return cells.filter(
    (cell) => cell.value === undefined || kept.get(sideOf(cell))?.has(staticKey(cell.value)),
  );
}
