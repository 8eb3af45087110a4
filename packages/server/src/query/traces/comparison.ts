/** One stored trace beside another, or beside what is usual for its root operation; and its critical path. */
import type {
  ComparedSide,
  ComparedTrace,
  CriticalPath,
  TraceComparison,
} from "@triptych/contract";
import {
  type ComparedSpan,
  type CompareRow,
  type CompareSide,
  compareSteps,
  criticalPathSteps,
  isAsyncKind,
  type MeasuredTrace,
  measureSteps,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import type { SpanShape } from "../../store/clickhouse/select/span-shape.ts";
import {
  selectAlikeTraceIds,
  selectTraceShapes,
} from "../../store/clickhouse/select/traces-shape.ts";
import { paced } from "./paced.ts";
import { shapesSteps, skewMarks, type TraceTimes, traceTimesSteps } from "./skew.ts";

/** What a page shows of one trace. */
const SPANS_MAX = 200_000;
/** Enough for a median; and what reading them may cost. */
const ALIKE_TRACES_MAX = 100;
const ALIKE_SPANS_MAX = 50_000;
/** Rows that a person can look through. */
const ROWS_MAX = 2_000;
const DAY_NS = 86_400_000_000_000n;

interface ReadTrace {
  readonly traceId: string;
  readonly shapes: readonly SpanShape[];
  readonly times: TraceTimes;
  readonly measured: MeasuredTrace;
  readonly marks: readonly string[];
}

async function readTrace(reader: Reader, traceId: string): Promise<ReadTrace> {
  const { spans, cut } = await selectTraceShapes(reader, [traceId], SPANS_MAX);
  if (spans.length === 0)
    throw new TriptychError("not_found", `no span of trace ${traceId} is stored`);
  const read = await measured(traceId, spans);
  const marks = cut ? [`Only the first ${SPANS_MAX} spans of ${traceId} are compared.`] : [];
  return { ...read, marks: [...marks, ...skewMarks(read.times), ...rootMarks(read)] };
}

function rootMarks({ traceId, times }: Pick<ReadTrace, "traceId" | "times">): string[] {
  return times.rootMissing ? [`The root of ${traceId} is missing so far.`] : [];
}

async function measured(
  traceId: string,
  shapes: readonly SpanShape[],
): Promise<Omit<ReadTrace, "marks">> {
  const times = await paced(
    traceTimesSteps(await paced(shapesSteps({ count: shapes.length, shapes: () => shapes })), true),
  );
  const spans = shapes.map(
    (shape, i): ComparedSpan => ({
      spanId: shape.spanId,
      parentSpanId: shape.parentSpanId,
      service: shape.service,
      name: shape.name,
      kind: shape.kind.toLowerCase(),
      failed: shape.status === "Error",
      offsetNs: Number(shape.startNs - times.originNs) + (times.shiftNs[i] ?? 0),
      durationNs: shape.durationNs,
    }),
  );
  return { traceId, shapes, times, measured: await paced(measureSteps(spans)) };
}

/** Throws `not_found` when nothing of a trace is stored. */
export async function readCriticalPath(
  reader: Reader,
  traceId: string,
): Promise<{ readonly found: CriticalPath; readonly marks: readonly string[] }> {
  const { measured: trace, times, marks } = await readTrace(reader, traceId);
  const { spans, forest, criticalNs } = trace;
  const parts = await paced(
    criticalPathSteps(forest, (span) => isAsyncKind(spans[span]?.kind ?? "")),
  );
  const services = new Map<string, { criticalNs: number; selfNs: number; spans: number }>();
  spans.forEach(({ service }, i) => {
    const sum = services.get(service) ?? { criticalNs: 0, selfNs: 0, spans: 0 };
    sum.criticalNs += criticalNs[i] ?? 0;
    sum.selfNs += forest.selfNs[i] ?? 0;
    sum.spans++;
    services.set(service, sum);
  });
  const found = {
    traceId,
    startNs: String(times.originNs),
    durationNs: forest.totalNs,
    parts: parts.map(({ span, from, to }) => ({
      spanId: spans[span]?.spanId ?? "",
      service: spans[span]?.service ?? "",
      name: spans[span]?.name ?? "",
      fromNs: from,
      toNs: to,
    })),
    services: [...services]
      .map(([service, sums]) => ({ service, ...sums }))
      .sort((a, b) => b.criticalNs - a.criticalNs || b.selfNs - a.selfNs),
  };
  return { found, marks };
}

type Compared = { readonly found: TraceComparison; readonly marks: readonly string[] };

export async function compareTraces(
  reader: Reader,
  ids: { readonly here: string; readonly there: string },
): Promise<Compared> {
  const here = await readTrace(reader, ids.here);
  const there = await readTrace(reader, ids.there);
  const rows = await paced(compareSteps(here.measured, [there.measured]));
  const pair = { here: aboutOne(here), there: aboutOne(there) };
  const differ = pair.here.service !== pair.there.service || pair.here.name !== pair.there.name;
  return compared(rows, {
    ...pair,
    spanIds: [here, there],
    marks: [
      ...(differ ? ["The two traces begin with different operations."] : []),
      ...here.marks,
      ...there.marks,
    ],
  });
}

/** `range` is where the usual is looked for; the day before the trace when absent. */
export async function compareWithUsual(
  reader: Reader,
  query: { readonly traceId: string; readonly range?: NsRange | undefined },
): Promise<Compared> {
  const here = await readTrace(reader, query.traceId);
  const about = aboutOne(here);
  const startNs = BigInt(about.startNs);
  const ids = await selectAlikeTraceIds(reader, {
    service: about.service,
    name: about.name,
    asRoot: !here.times.rootMissing,
    range: query.range ?? { fromNs: startNs - DAY_NS, toNs: startNs },
    except: query.traceId,
    limit: ALIKE_TRACES_MAX,
  });
  const { spans, cut } = await selectTraceShapes(reader, ids, ALIKE_SPANS_MAX);
  const groups = [...byTrace(spans)];
  // The last one may be cut in the middle.
  if (cut && groups.length > 1) groups.pop();
  const others: Omit<ReadTrace, "marks">[] = [];
  for (const [id, shapes] of groups) others.push(await measured(id, shapes));
  const rows = await paced(
    compareSteps(
      here.measured,
      others.map((other) => other.measured),
    ),
  );
  const enough = others.length < ids.length ? [`Of ${ids.length} such traces`] : [];
  return compared(rows, {
    here: about,
    there: aboutMany(about, others),
    spanIds: [here, undefined],
    marks: [...here.marks, ...enough.map((of) => `${of} only ${others.length} were read.`)],
  });
}

function byTrace(spans: readonly SpanShape[]): Map<string, SpanShape[]> {
  const traces = new Map<string, SpanShape[]>();
  for (const span of spans) {
    const list = traces.get(span.traceId);
    if (list === undefined) traces.set(span.traceId, [span]);
    else list.push(span);
  }
  return traces;
}

function aboutOne({
  traceId,
  measured: { spans, forest },
  times,
}: Omit<ReadTrace, "marks">): ComparedTrace {
  const top = spans[forest.tops[0] ?? -1];
  return {
    traceId,
    traces: 1,
    service: top?.service ?? "",
    name: top?.name ?? "",
    startNs: String(times.originNs),
    durationNs: forest.totalNs,
    spans: spans.length,
    failed: spans.filter((span) => span.failed).length,
  };
}

function aboutMany(
  { service, name }: ComparedTrace,
  others: readonly Omit<ReadTrace, "marks">[],
): ComparedTrace {
  const each = others.map(aboutOne);
  const middle = (key: "durationNs" | "spans" | "failed"): number =>
    Float64Array.from(each, (about) => about[key]).sort()[each.length >> 1] ?? 0;
  return {
    traceId: "",
    traces: others.length,
    service,
    name,
    startNs: "",
    durationNs: middle("durationNs"),
    spans: middle("spans"),
    failed: middle("failed"),
  };
}

/** More or less time on the critical path than there, nanoseconds. */
function gapOf(row: CompareRow): number {
  return (row.here?.criticalNs ?? 0) - (row.there?.criticalNs ?? 0);
}

function compared(
  rows: readonly CompareRow[],
  about: {
    readonly here: ComparedTrace;
    readonly there: ComparedTrace;
    readonly spanIds: readonly (Omit<ReadTrace, "marks"> | undefined)[];
    readonly marks: readonly string[];
  },
): Compared {
  const [here, there] = about.spanIds;
  const kept = mostDifferent(rows);
  let finding = -1;
  kept.forEach((row, i) => {
    const best = kept[finding];
    if (gapOf(row) !== 0 && (best === undefined || Math.abs(gapOf(row)) > Math.abs(gapOf(best))))
      finding = i;
  });
  return {
    found: {
      here: about.here,
      there: about.there,
      rows: kept.map(({ here: own, there: other, ...row }) => ({
        ...row,
        ...(own !== undefined && { here: sideOf(own, here) }),
        ...(other !== undefined && { there: sideOf(other, there) }),
      })),
      finding: about.there.traces === 0 ? -1 : finding,
    },
    marks:
      kept.length < rows.length
        ? [...about.marks, `Of ${rows.length} rows the ${kept.length} that differ most are shown.`]
        : about.marks,
  };
}

function sideOf(
  { first, ...side }: CompareSide,
  trace: Omit<ReadTrace, "marks"> | undefined,
): ComparedSide {
  return { ...side, spanId: trace?.measured.spans[first]?.spanId ?? "" };
}

/** The rows that differ most, with all above them, in their order. */
function mostDifferent(rows: readonly CompareRow[]): readonly CompareRow[] {
  if (rows.length <= ROWS_MAX) return rows;
  const keep = new Set<number>();
  const byGap = [...rows.keys()].sort((a, b) => {
    const [one, other] = [rows[a], rows[b]];
    return other === undefined || one === undefined
      ? 0
      : Math.abs(gapOf(other)) - Math.abs(gapOf(one));
  });
  for (const index of byGap) {
    const chain: number[] = [];
    for (let at = index; at >= 0 && !keep.has(at); at = rows[at]?.parent ?? -1) chain.push(at);
    // A row below very many others would push all else out.
    if (keep.size + chain.length <= ROWS_MAX) for (const at of chain) keep.add(at);
    if (keep.size >= ROWS_MAX) break;
  }
  const indices = [...keep].sort((a, b) => a - b);
  const place = new Map(indices.map((index, i) => [index, i]));
  return indices.flatMap((index) => {
    const row = rows[index];
    return row === undefined ? [] : [{ ...row, parent: place.get(row.parent) ?? -1 }];
  });
}
