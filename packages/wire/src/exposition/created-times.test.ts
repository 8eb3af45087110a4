import { defaultLimits } from "@triptych/model";
import { expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { parseExposition } from "./parse.ts";

const TYPE = "application/openmetrics-text; version=1.0.0";
const body = `# TYPE a counter
a_total{x="1"} 5
a_created{x="1"} 1600000000.5
a_total{x="2"} 6
# TYPE h histogram
h_bucket{le="+Inf"} 2
h_count 2
h_sum 3
h_created 1600000001
# TYPE g_created gauge
g_created 7
# EOF
`;

function rows(createdAsStart: boolean) {
  const options = { limits: defaultLimits, nowMs: 1_700_000_000_000, createdAsStart };
  const { batch } = drain(parseExposition(new TextEncoder().encode(body), TYPE, options));
  const { samples, series } = batch;
  return Array.from({ length: samples.rows }, (_, row) => [
    series.label(samples.series[row] as number, "__name__"),
    samples.value[row],
    samples.startMs[row],
  ]);
}

test("as series of their own", () => {
  expect(rows(false).filter(([name]) => String(name).endsWith("_created"))).toHaveLength(3);
  expect(rows(false).every(([, , start]) => start === 0)).toBe(true);
});

test("as start times", () => {
  expect(rows(true)).toEqual([
    ["a_total", 5, 1_600_000_000_500],
    ["a_total", 6, 0],
    ["h_bucket", 2, 1_600_000_001_000],
    ["h_count", 2, 1_600_000_001_000],
    ["h_sum", 3, 1_600_000_001_000],
    ["g_created", 7, 0],
  ]);
});
