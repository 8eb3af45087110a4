/** The bytes say what the values are, wherever the buffers they lie in end. */
import { FLOAT, formatSample, labelsOf, type Row } from "@triptych/lang";
import { expect, test } from "vitest";
import { RangeValues } from "./range-values.ts";

const STEPS = 300;
const times = Array.from({ length: STEPS }, (_, i) => `[${1_700_000_000 + i},`);
const longest = [5e-324, -1.7976931348623157e308, 1.234567890123456e-300];

function rowOf(valueAt: (step: number) => number | undefined): Row {
  const kind = new Uint8Array(STEPS);
  const value = new Float64Array(STEPS);
  for (let step = 0; step < STEPS; step++) {
    const v = valueAt(step);
    if (v === undefined) continue;
    kind[step] = FLOAT;
    value[step] = v;
  }
  return { labels: labelsOf([]), dropName: false, kind, value, histograms: undefined };
}

test("1,000 rows are what they would be as texts", () => {
  const values = new RangeValues(times, 1);
  const kept: { parts: Uint8Array[]; want: string }[] = [];
  for (let n = 0; n < 1_000; n++) {
    const row = rowOf((step) => {
      if ((step * 7 + n) % 11 === 0 || n % 97 === 0) return undefined;
      if (n % 50 === 1) return longest[step % 3];
      return [Number.NaN, Infinity, -0, 1 / 3, step * n, -1e21][(step + n) % 6];
    });
    const texts: string[] = [];
    for (let step = 0; step < STEPS; step++)
      if (row.kind[step] === FLOAT)
        texts.push(`${times[step]}"${formatSample(row.value[step] as number)}"]`);
    const want = texts.length === 0 ? "" : `"values":[${texts.join(",")}]`;
    kept.push({ parts: [...values.parts(row)], want });
  }
  // Only now: what was given out must not change when more is written.
  for (const { parts, want } of kept) expect(Buffer.concat(parts).toString()).toBe(want);
});
