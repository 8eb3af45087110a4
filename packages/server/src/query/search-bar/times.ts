/** Conditions on time in a search: what is typed as a time, and the range that a search is about at most. */
import { type KqlBound, type KqlExpr, kqlPlainText, parseDateMath } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { CompareOp } from "../../store/clickhouse/select/value-test.ts";

/** Nanoseconds since 1970; every one must hold. */
export type TimeTest = readonly { readonly op: CompareOp; readonly ns: bigint }[];

const NS_PER_MS = 1_000_000n;
const INT64_MAX = 2n ** 63n - 1n;

export function isTimeField(name: string): boolean {
  return name === "@timestamp" || name === "timestamp" || name === "_time";
}

/** A day is later than another from its end on: `> 2026-01-02` begins at the third. */
export function rangeTest(
  { lower, upper }: { readonly lower: KqlBound | undefined; readonly upper: KqlBound | undefined },
  nowMs: number,
): TimeTest {
  const out: { op: CompareOp; ns: bigint }[] = [];
  if (lower !== undefined) {
    const { startMs, endMs } = timeOf(lower.text, lower.span.start, nowMs);
    out.push({ op: ">=", ns: nsOf(lower.inclusive ? startMs : endMs) });
  }
  if (upper !== undefined) {
    const { startMs, endMs } = timeOf(upper.text, upper.span.start, nowMs);
    out.push({ op: "<", ns: nsOf(upper.inclusive ? endMs : startMs) });
  }
  return out;
}

export function momentTest(expr: KqlExpr & { readonly kind: "match" }, nowMs: number): TimeTest {
  const text = expr.value.kind === "pattern" ? kqlPlainText(expr.value.pattern) : undefined;
  if (text === undefined)
    throw new TriptychError("query_invalid", "a time is compared with a time, not with a pattern", {
      offset: expr.span.start,
    });
  const { startMs, endMs } = timeOf(text, expr.span.start, nowMs);
  return [
    { op: ">=", ns: nsOf(startMs) },
    { op: "<", ns: nsOf(endMs) },
  ];
}

function timeOf(text: string, offset: number, nowMs: number) {
  const found = parseDateMath(text, nowMs);
  if (found !== undefined) return found;
  throw new TriptychError(
    "query_invalid",
    `${JSON.stringify(text.slice(0, 60))} is not a time; write now-1h, now-1d/d, 2026-01-31, "2026-01-31T10:00:00Z" or milliseconds since 1970`,
    { offset },
  );
}

function nsOf(ms: number): bigint {
  const ns = BigInt(Math.floor(ms)) * NS_PER_MS;
  return ns > INT64_MAX ? INT64_MAX : ns < 0n ? 0n : ns;
}

/** The range within `range` outside of which nothing can be found; never empty, so that it can be asked for. */
export function narrowed<R extends { readonly fromNs: bigint; readonly toNs: bigint }>(
  range: R,
  tests: TimeTest,
): R {
  let { fromNs, toNs } = range;
  for (const { op, ns } of tests) {
    if (op === ">=" && ns > fromNs) fromNs = ns < toNs ? ns : toNs - 1n;
    if (op === "<" && ns < toNs) toNs = ns > fromNs ? ns : fromNs + 1n;
  }
  return fromNs < toNs ? { ...range, fromNs, toNs } : range;
}
