import Fastify from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStore, otlpOf, type TestStore } from "../../store/clickhouse/select/testing.ts";
import { createTestClock, hostileTexts } from "../../store/store-for-tests.ts";
import { registerTempoApi } from "./api.ts";

const T0 = 1_700_000_000_000;
let own: TestStore;
beforeAll(async () => {
  own = await openTestStore();
});
afterAll(() => own.close());

test("hostile texts are nothing but data", async () => {
  const texts = [...new Set(hostileTexts)];
  await own.add(
    otlpOf(
      texts.map((text, i) => ({
        trace: i + 1,
        id: i + 1,
        service: "s",
        name: text,
        startMs: T0 + i,
        durationMs: 1,
        tags: { [`k${text}`]: text },
      })),
    ),
  );
  const other = Fastify();
  registerTempoApi(other, {
    engine: own.engine,
    clock: createTestClock(T0 + 60_000),
    prefix: "/tempo",
  });
  const ask = async (path: string, q: string) => {
    const answer = await other.inject({
      url: `/tempo/api/${path}?${new URLSearchParams({ q, start: String(T0 / 1000 - 1), end: String(T0 / 1000 + 60), limit: "500" })}`,
    });
    expect(answer.statusCode, `${q} → ${answer.body}`).toBe(200);
    return JSON.parse(answer.body);
  };
  for (const [i, text] of texts.entries()) {
    const key = `"${`k${text}`.replace(/[\\"]/g, "\\$&")}"`;
    const value = quoted(text);
    const ids = (answer: { traces: { traceID: string }[] }) =>
      answer.traces.map(({ traceID }) => Number.parseInt(traceID, 16));
    expect(ids(await ask("search", `{ span.${key} = ${value} }`)), text).toEqual([i + 1]);
    expect(ids(await ask("search", `{ name = ${value} && .${key} != nil }`)), text).toEqual([
      i + 1,
    ]);
    const series = (
      await ask("metrics/query_range", `{ name = ${value} } | count_over_time() by (span.${key})`)
    ).series;
    expect(series[0].labels[0].value, text).toEqual({ stringValue: text });
  }
  await other.close();
});

function quoted(text: string): string {
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    out +=
      c === '"' || c === "\\"
        ? `\\${c}`
        : code < 0x20 || code === 0x7f
          ? `\\x${code.toString(16).padStart(2, "0")}`
          : c;
  }
  return `"${out}"`;
}
