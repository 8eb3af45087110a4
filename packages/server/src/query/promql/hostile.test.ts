/** Queries made to fill the memory or never end: each is refused, or ends within its limits. */
import { parsePromql } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { samplesOf } from "../../store/store-for-tests.ts";
import { createHead } from "../metrics/head/head.ts";
import { createHeadSource } from "../metrics/head/head-source.ts";
import type { MetricsSource } from "../metrics/source.ts";
import { runPromql } from "./source.ts";

const T = 1_700_000_000_000;
const head = createHead({ windowMs: 1e15, bytesMax: 2 ** 24 }, T - 1e15);
head.restore.done(-1e15);
head.append(
  samplesOf(
    Array.from({ length: 50 }, (_, i) => ({
      labels: { __name__: i % 2 ? "up" : `m_${i}`, i: String(i) },
      samples: Array.from({ length: 40 }, (_, k) => [T - 600_000 + k * 15_000, k] as const),
    })),
  ),
  T,
);
const none: Partial<MetricsSource> = { selectSeries: async () => [] };
const source = createHeadSource(none as MetricsSource, head);

const repeated = (times: number, wrap: (inner: string) => string, innermost: string): string =>
  times === 0 ? innermost : wrap(repeated(times - 1, wrap, innermost));
const seed = 'label_replace(up, "a", "xxxxxxxx", "", "")';

describe("is refused", () => {
  const check = (name: string, query: string, message: string) =>
    test(name, async () => {
      const run = async (): Promise<unknown> =>
        runPromql(source, parsePromql(query, { compileRegex }), {
          times: { startMs: T - 600_000, endMs: T, stepMs: 1000 },
          ask: { timeoutMs: 20_000 },
        });
      await expect(run()).rejects.toThrow(message);
    });
  const doubled = (inner: string): string => `label_replace(${inner}, "a", "$1$1", "a", "(.*)")`;
  check("a label that doubles itself", repeated(40, doubled, seed), "label value longer than");
  const joined = (inner: string): string => `label_join(${inner}, "a", "-", "a", "a")`;
  check("a label joined with itself", repeated(40, joined, seed), "label value longer than");
  check("a subquery of a century", "count_over_time(vector(1)[100y:1s])", "about 3,200,000,000");
  check("a subquery of milliseconds", "count_over_time(up[1h:1ms])", "too many samples");
  check("all times all", '{__name__=~".+"} * on() {__name__=~".+"}', "duplicate series");
  check("deep parentheses", `${"(".repeat(9000)}1${")".repeat(9000)}`, "nested deeper");
  check("a chain of signs", `${"-".repeat(50_000)}1`, "nested deeper");
  check("a pattern of patterns", '{__name__=~"((a{100}){100}){100}"}', "repeat count");
});
