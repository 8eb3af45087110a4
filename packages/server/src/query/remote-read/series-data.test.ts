/** Markers of staleness of series of native histograms. */
import { STALE_NAN_WORDS } from "@triptych/model";
import type { HistogramMessage, ReadSeries } from "@triptych/wire";
import { expect, test } from "vitest";
import { withStaleHistograms } from "./series-data.ts";

const { low, high } = STALE_NAN_WORDS;

/** `f1` a float, `s2` a float marker, `h3` a histogram, each with its time. */
function seriesOf(text: string): ReadSeries {
  const all = text.split(" ").map((item) => ({ kind: item[0], timeMs: Number(item.slice(1)) }));
  const floats = all.filter(({ kind }) => kind !== "h");
  const valueWords = floats.flatMap(({ kind }) => (kind === "s" ? [low, high] : [0, 0]));
  const histograms = all
    .filter(({ kind }) => kind === "h")
    .map(({ timeMs }) => ({ timeMs, sumWords: Uint32Array.of(0, 0) }) as HistogramMessage);
  return {
    labels: [],
    timeMs: Float64Array.from(floats, ({ timeMs }) => timeMs),
    valueWords: Uint32Array.from(valueWords),
    start: 0,
    end: floats.length,
    histograms,
  };
}

function textOf({ timeMs, valueWords, start, end, histograms }: ReadSeries): string {
  const floats = Array.from(timeMs.subarray(start, end), (at, i): [number, string] => [
    at,
    valueWords[(start + i) * 2 + 1] === high ? "s" : "f",
  ]);
  const others = histograms.map((one): [number, string] => [
    one.timeMs,
    one.sumWords[1] === high ? "H" : "h",
  ]);
  return [...floats, ...others]
    .sort(([a], [b]) => a - b)
    .map(([at, kind]) => kind + at)
    .join(" ");
}

const check = (text: string, want: string) =>
  test(text, () => expect(textOf(withStaleHistograms(seriesOf(text)))).toBe(want));
check("h1 h2 s3", "h1 h2 H3");
check("h1 s2 h3 s4", "h1 H2 h3 H4");
check("s1 h2", "H1 h2");
check("f1 s2 h3", "f1 s2 h3");
check("h1 f2 s3", "h1 f2 s3");
check("f1 h2 s3 f4 s5", "f1 h2 H3 f4 s5");
check("h1 s2 s3", "h1 H2 H3");
