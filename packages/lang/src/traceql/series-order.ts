/** Which of two series with the same value comes first in `topk` and `bottomk`, so that an answer is always the same. */
import type { Label } from "./series.ts";
import { showStatic } from "./static.ts";

/**
 * Positive when `a` is the higher one: label by label, what comes first in the alphabet is higher than what comes later;
 * numbers and truth values come before texts, by type, then by their bits. All other values are ordered as texts.
 */
export function compareSeries(a: readonly Label[], b: readonly Label[]): number {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compareLabels(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareLabels(a: Label | undefined, b: Label | undefined): number {
  const [x, y] = [keyOf(a), keyOf(b)];
  if (x.text !== y.text) return x.text < y.text ? 1 : -1;
  const [nameA, nameB] = [a?.name ?? "", b?.name ?? ""];
  if (nameA !== nameB) return nameA < nameB ? 1 : -1;
  if (x.type !== y.type) return x.type - y.type;
  return x.bits === y.bits ? 0 : x.bits < y.bits ? -1 : 1;
}

interface Key {
  readonly text: string;
  readonly type: number;
  readonly bits: bigint;
}

const TYPES = ["int", "float", "string", "bool", "array"];

function keyOf(label: Label | undefined): Key {
  const none: Key = { text: "", type: -1, bits: 0n };
  if (label === undefined) return none;
  const { value } = label;
  const key = { ...none, type: TYPES.indexOf(value.type) };
  switch (value.type) {
    case "int":
      return { ...key, bits: BigInt.asUintN(64, BigInt(value.value)) };
    case "float":
      return { ...key, bits: new BigUint64Array(Float64Array.of(value.value).buffer)[0] ?? 0n };
    case "bool":
      return { ...key, bits: value.value ? 1n : 0n };
    default:
      return { ...key, text: showStatic(value), type: TYPES.indexOf("string") };
  }
}
