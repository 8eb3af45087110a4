/** The outline of a stored trace as the text of a `TraceOutline`, column by column, in pieces. */
import { type AnswerInfo, spanKinds, spanStatuses, type TraceOutline } from "@triptych/contract";
import type { ShapeColumns, TraceTimes } from "../../query/traces/skew.ts";
import type { OutlineSpan } from "../../store/clickhouse/select/trace-outline.ts";
import { kindOf, statusOf } from "./trace-json.ts";

/** Items that are made into text at once. */
const STEP_ITEMS = 2_048;

/** What the outline has beside the shapes of the spans. */
export interface OutlineRest {
  readonly names: readonly string[];
  readonly name: Uint32Array;
  /** Positions in `spanStatuses`. */
  readonly status: Uint8Array;
  readonly statusMessages: [number, string][];
  readonly dropped: TraceOutline["dropped"][number][];
  readonly add: (span: OutlineSpan, at: number) => void;
}

export function outlineRest(count: number): OutlineRest {
  const names = new Positions();
  const name = new Uint32Array(count);
  const status = new Uint8Array(count);
  const statusMessages: [number, string][] = [];
  const dropped: TraceOutline["dropped"][number][] = [];
  return {
    names: names.texts,
    name,
    status,
    statusMessages,
    dropped,
    add: (span, at) => {
      name[at] = names.of(span.name);
      status[at] = spanStatuses.indexOf(statusOf(span.status));
      if (span.statusMessage !== "") statusMessages.push([at, span.statusMessage]);
      const [attributes = 0, events = 0, links = 0] = span.dropped;
      if (attributes + events + links > 0) dropped.push([at, { attributes, events, links }]);
    },
  };
}

interface Outline {
  readonly shapes: ShapeColumns;
  /** Those of the shapes. */
  readonly times: TraceTimes;
  readonly rest: OutlineRest;
}

/** `info` is asked for last. */
export function* traceOutlineJson(
  traceId: string,
  { shapes, times, rest }: Outline,
  info: () => AnswerInfo,
): Generator<string> {
  const { count } = shapes;
  const services = new Positions();
  const startNs = times.originNs;
  let durationNs = 0;
  yield `{"traceId":${JSON.stringify(traceId)},"startNs":"${startNs}","columns":{"spanId":`;
  yield* items(count, (at) => shapes.spanId[at] ?? "");
  yield ',"parent":';
  yield* items(count, (at) => {
    const parent = shapes.parentSpanId[at] ?? "";
    return parent === "" ? -1 : (times.byId.get(parent) ?? -1);
  });
  yield ',"name":';
  yield* items(count, (at) => rest.name[at] ?? 0);
  yield ',"service":';
  yield* items(count, (at) => services.of(shapes.service[at] ?? ""));
  yield ',"kind":"';
  yield* digits(count, (at) => spanKinds.indexOf(kindOf(shapes.kind[at] ?? "")));
  yield '","status":"';
  yield* digits(count, (at) => rest.status[at] ?? 0);
  yield '","offsetNs":';
  yield* items(count, (at) => {
    const offsetNs = Number((shapes.startNs[at] ?? startNs) - startNs) + (times.shiftNs[at] ?? 0);
    durationNs = Math.max(durationNs, offsetNs + (shapes.durationNs[at] ?? 0));
    return offsetNs;
  });
  yield ',"durationNs":';
  yield* items(count, (at) => shapes.durationNs[at] ?? 0);
  yield '},"skewNs":[';
  yield* skews(times.shiftNs);
  const few = {
    durationNs,
    rootMissing: times.rootMissing,
    names: rest.names,
    services: services.texts,
    orphans: [...times.orphans].map((at) => [at, shapes.parentSpanId[at] ?? ""] as const),
    statusMessages: rest.statusMessages,
    dropped: rest.dropped,
    ...info(),
  };
  yield `],${JSON.stringify(few).slice(1)}`;
}

function* skews(shiftNs: Float64Array): Generator<string> {
  let comma = "";
  for (let from = 0; from < shiftNs.length; from += STEP_ITEMS) {
    let text = "";
    for (let at = from; at < Math.min(shiftNs.length, from + STEP_ITEMS); at++) {
      if ((shiftNs[at] ?? 0) === 0) continue;
      text += `${comma}[${at},${shiftNs[at]}]`;
      comma = ",";
    }
    yield text;
  }
}

/** A JSON array. */
function* items(count: number, of: (at: number) => string | number): Generator<string> {
  yield "[";
  for (let from = 0; from < count; from += STEP_ITEMS)
    yield (from > 0 ? "," : "") + JSON.stringify(slice(from, count, of)).slice(1, -1);
  yield "]";
}

function* digits(count: number, of: (at: number) => number): Generator<string> {
  for (let from = 0; from < count; from += STEP_ITEMS) yield slice(from, count, of).join("");
}

function slice<T>(from: number, count: number, of: (at: number) => T): T[] {
  const out: T[] = [];
  for (let at = from; at < Math.min(count, from + STEP_ITEMS); at++) out.push(of(at));
  return out;
}

/** Texts that repeat, by the order in which they come. */
class Positions {
  readonly texts: string[] = [];
  private readonly known = new Map<string, number>();
  of(text: string): number {
    let position = this.known.get(text);
    if (position === undefined) {
      position = this.texts.length;
      this.texts.push(text);
      this.known.set(text, position);
    }
    return position;
  }
}
