/** Comparisons in a search: numbers as numbers, times as the text that ISO 8601 has for them, other texts as texts. */
import { type KqlBound, parseDateMath } from "@triptych/lang";
import type { CompareOp, ValueTest } from "../../store/clickhouse/select/value-test.ts";

export interface Bounds {
  readonly lower: KqlBound | undefined;
  readonly upper: KqlBound | undefined;
}

/** What an attribute must be like to lie within bounds; each test must pass. */
export function rangeTests(bounds: Bounds, nowMs: number): readonly ValueTest[] {
  const ops = compared(bounds);
  const numbers = ops.map(({ op, text }) => ({ op, value: numberOf(text) }));
  if (numbers.every(({ value }) => value !== undefined))
    return numbers.map(({ op, value = 0 }): ValueTest => ({ kind: "number", op, value }));
  return ops.map(({ op, text }): ValueTest => {
    const time = text.startsWith("now") ? parseDateMath(text, nowMs) : undefined;
    const value = time === undefined ? text : new Date(time.startMs).toISOString();
    return { kind: "text", op, value };
  });
}

export function compared({
  lower,
  upper,
}: Bounds): { readonly op: CompareOp; readonly text: string; readonly offset: number }[] {
  const out: { op: CompareOp; text: string; offset: number }[] = [];
  if (lower !== undefined)
    out.push({
      op: lower.inclusive ? ">=" : ">",
      text: lower.text,
      offset: lower.span.start,
    });
  if (upper !== undefined)
    out.push({
      op: upper.inclusive ? "<=" : "<",
      text: upper.text,
      offset: upper.span.start,
    });
  return out;
}

function numberOf(text: string): number | undefined {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
