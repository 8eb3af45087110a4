/** Searches and metrics through Tempo's API. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spanIdOf, traceIdOf } from "../../store/clickhouse/select/testing.ts";
import { openTempo, T0, type TempoForTests } from "./tempo-for-tests.ts";

let tempo: TempoForTests;
beforeAll(async () => {
  tempo = await openTempo();
});
afterAll(() => tempo.close());

const get: TempoForTests["get"] = (...asked) => tempo.get(...asked);
const found = async (q: string, more = {}): Promise<string[]> => {
  const answer = await get("/api/search", { q, ...more });
  expect(answer.status, answer.text).toBe(200);
  return answer.json().traces.map((trace: { traceID: string }) => trace.traceID.replace(/^0+/, ""));
};

describe("search", () => {
  const check = (q: string, ...want: string[]) =>
    test(q, async () => expect(await found(q)).toEqual(want));
  check("{}", "3", "2", "1", "9");
  check('{ resource.service.name = "shop" && name = "GET /" }', "2", "1");
  check('{ resource.service.name = "shop" } >> { .db.system = "pg" }', "1");
  check('{ resource.service.name = "shop" } > { .db.system = "pg" }');
  check('{ name = "orphan" } > { name = "below" }', "3");
  check('{ rootServiceName = "" }', "3");
  check('{ rootName = "GET /" && span:parentID != "0000000000000000" }', "1");
  check("{ nestedSetParent < 0 }", "2", "9", "1");
  check("{ nestedSetParent < 0 } | select(nestedSetLeft)", "2", "9", "1");
  check("{ traceDuration >= 100ms }", "1");
  check("{ status = error } | count() > 0", "1");
  check("{} | count() >= 3", "1");
  check("{} | by(resource.service.name) | count() > 1", "3");
  check("{ parent.http.method = `GET` }", "1");
  check("{ span:childCount > 0 }", "3", "1");
  check("{ .list = `y` }", "9");
  check("{ .list != `y` }");
  check("{ .n = 9007199254740993 }", "9");
  check("{ .n = 9007199254740992 }");
  check("{ .f > 1 && .b }", "9");
  check("{ event:name = `log` && event.e = `v` }", "9");
  check("{ .e = `v` }");
  check("{ resource.service.name !~ `s.*|late|typed|cart|db` }");
  check("{ event:timeSinceStart = 500ns }", "9");
  check(`{ link:traceID = "${traceIdOf(1)}" }`, "9");
  check("{ instrumentation:name = `lib` }", "9");
  check("{ .code >= 200 && .code < 300 }", "9");
  check("{ !(.user = `ann`) && name = `GET /` }", "2");
  check("({ name = `add` } | count() > 0) && ({ name = `insert` } | count() > 0)", "1");
  check("{ duration > 40ms } | max(duration) - min(duration) > 10ms", "1");

  test("limits", async () => {
    expect(await found("{}", { limit: 2 })).toEqual(["3", "2"]);
    const { traces } = (
      await get("/api/search", { q: "{}", spss: 1, start: T0 / 1000 - 1, end: T0 / 1000 + 1 })
    ).json();
    expect(traces).toHaveLength(2);
    expect(traces[0].spanSets[0].matched).toBe(3);
    expect(traces[0].spanSets[0].spans).toHaveLength(1);
  });

  test("the shape of an answer", async () => {
    const answer = (
      await get("/api/search", { q: "{ status = error } | select(name, span.x)" })
    ).json();
    expect(answer.traces[0]).toEqual({
      traceID: "1",
      rootServiceName: "shop",
      rootTraceName: "GET /",
      startTimeUnixNano: `${T0}000000`,
      durationMs: 100,
      spanSet: expect.anything(),
      spanSets: [
        {
          matched: 1,
          spans: [
            {
              spanID: spanIdOf(2),
              name: "add",
              startTimeUnixNano: `${T0 + 10}000000`,
              durationNanos: "50000000",
              attributes: [{ key: "status", value: { stringValue: "error" } }],
            },
          ],
        },
      ],
      serviceStats: {
        shop: { spanCount: 1 },
        cart: { spanCount: 1, errorCount: 1 },
        db: { spanCount: 1 },
      },
    });
  });

  test("by tags", async () => {
    const ids = async (params: { [name: string]: string }) =>
      (await get("/api/search", params))
        .json()
        .traces.map((trace: { traceID: string }) => trace.traceID.slice(-1));
    expect(await ids({ tags: "service.name=SHO http.method=get" })).toEqual(["2", "1"]);
    expect(await ids({ tags: "service.name=shop", minDuration: "50ms" })).toEqual(["1"]);
    expect(await ids({ tags: 'name="GET /"', maxDuration: "50ms" })).toEqual(["2"]);
    expect(await ids({ "service.name": "db" })).toEqual(["1"]);
    expect(await ids({ tags: "error=true" })).toEqual(["1"]);
    expect(await ids({ tags: "code=200" })).toEqual(["9"]);
  });

  const refused = (params: { [name: string]: string }, status: number, want: string) =>
    test(JSON.stringify(params), async () => {
      const answer = await get("/api/search", params);
      expect([answer.status, answer.type]).toEqual([status, "text/plain; charset=utf-8"]);
      expect(answer.text).toContain(want);
    });
  refused({ q: "{ foo = 1 }" }, 400, "(at character 3)");
  refused({ q: "{ status }" }, 400, "true or false");
  refused({ q: "{ .a =~ `(` }" }, 400, "cannot be used");
  refused({ q: "{}", end: "10" }, 400, "both or neither");
  refused({ q: "{}", limit: "0" }, 400, "positive");
  refused({ q: "{}", start: "10", end: "5" }, 400, "start must be before end");
  refused({ q: "{}", tags: "a=b" }, 400, "can't specify tags and q");
  refused({ tags: "a=1 a=2" }, 400, "set twice");
  refused({ q: "({} | by(name)) > ({} | by(name))" }, 400, "coalesce");
});

describe("metrics", () => {
  const range = { start: T0 / 1000, end: T0 / 1000 + 120, step: "60s" };
  const series = async (q: string, more = {}) => {
    const answer = await get("/api/metrics/query_range", { q, ...range, ...more });
    expect(answer.status, answer.text).toBe(200);
    return answer
      .json()
      .series.map((one: { promLabels: string; samples: { value: number }[] }) => [
        one.promLabels,
        ...one.samples.map(({ value }) => value),
      ])
      .sort();
  };
  const check = (q: string, ...want: (string | number)[][]) =>
    test(q, async () => expect(await series(q)).toEqual(want));
  // T0 is 20 s behind a whole minute: the samples stand at 20 s before, and 40 s, 100 s and 160 s after it.
  check("{} | count_over_time()", ['{__name__="count_over_time"}', 0, 4, 3, 0]);
  check("{} | rate()", ['{__name__="rate"}', 0, 4 / 60, 3 / 60, 0]);
  check(
    "{ nestedSetParent < 0 } | count_over_time() by (resource.service.name)",
    ['{resource.service.name="shop"}', 0, 1, 1, 0],
    ['{resource.service.name="typed"}', 0, 1, 0, 0],
  );
  check("{ status = error } | max_over_time(duration) by (name, status)", [
    '{name="add", status="error"}',
    0.05,
  ]);
  check("{ name = `GET /` } | avg_over_time(duration)", ['{__name__="avg_over_time"}', 0.1, 0.003]);
  check("{ name = `GET /` } | min_over_time(duration)", ['{__name__="min_over_time"}', 0.1, 0.003]);
  check("{ } | sum_over_time(.code)", ['{__name__="sum_over_time"}', 200]);
  check("{ } | count_over_time() by (.missing)", ['{.missing="<nil>"}', 0, 4, 3, 0]);
  check("{ name = `add` } | histogram_over_time(duration)", [
    '{__bucket="0.067108864"}',
    0,
    1,
    0,
    0,
  ]);
  check("{ name = `add` } | quantile_over_time(duration, 0.5)", [
    '{p="0.5"}',
    0,
    0.067108864,
    0,
    0,
  ]);
  check("({ status = error } | count_over_time()) / ({} | count_over_time())", [
    '{__name__="(count_over_time / count_over_time)"}',
    0.25,
    0,
  ]);
  check("({} | count_over_time()) * 10 + 1 > 15", ['{__name__="count_over_time"}', 41, 31]);
  check(
    "{} | count_over_time() by (resource.service.name) | topk(1)",
    ['{resource.service.name="cart"}', 0, 1, 0],
    ['{resource.service.name="late"}', 2],
  );
  // Traces are looked at as a whole.
  check(
    "{ name = `GET /` } >> { } | count_over_time() by (resource.service.name)",
    ['{resource.service.name="cart"}', 0, 1, 0, 0],
    ['{resource.service.name="db"}', 0, 1, 0, 0],
  );
  check(
    "{ } | count_over_time() by (rootServiceName)",
    ['{rootServiceName=""}', 0, 0, 2, 0],
    ['{rootServiceName="shop"}', 0, 3, 1, 0],
    ['{rootServiceName="typed"}', 0, 1, 0, 0],
  );

  test("both ways count the same", async () => {
    for (const call of [
      "rate()",
      "count_over_time() by (name, kind)",
      "sum_over_time(duration) by (resource.service.name)",
      "quantile_over_time(duration, 0.5, 0.9)",
      "histogram_over_time(duration)",
      "compare({ status = error })",
    ])
      expect(await series(`{ span:childCount >= 0 } | ${call}`), call).toEqual(
        await series(`{} | ${call}`),
      );
  });

  test("exemplars", async () => {
    const answer = (
      await get("/api/metrics/query_range", {
        q: "{ name = `add` } | quantile_over_time(duration, 0.9) by (name)",
        ...range,
      })
    ).json();
    const [one] = answer.series[0].exemplars;
    expect(one.value).toBe(0.05);
    expect(one.timestampMs).toBe(String(T0 + 10));
    expect(one.labels).toContainEqual({ key: "trace:id", value: { stringValue: traceIdOf(1) } });
    const none = (
      await get("/api/metrics/query_range", { q: "{} | rate() with(exemplars=false)", ...range })
    ).json();
    expect(none.series[0].exemplars).toBeUndefined();
  });

  test("instant", async () => {
    const answer = (
      await get("/api/metrics/query", {
        q: "{} | count_over_time() by (resource.service.name)",
        start: range.start,
        end: range.end,
      })
    ).json();
    expect(
      answer.series
        .map((one: { labels: { value: { stringValue: string } }[]; value: number }) => [
          one.labels[0]?.value.stringValue,
          one.value,
        ])
        .sort(),
    ).toEqual([
      ["cart", 1],
      ["db", 1],
      ["late", 2],
      ["shop", 2],
      ["typed", 1],
    ]);
    // What is not in Tempo's messages makes Grafana refuse the whole answer.
    for (const one of answer.series) expect(Object.keys(one).sort()).toEqual(["labels", "value"]);
  });

  test("lists", async () => {
    const labels = async (by: string) => {
      const q = `{ name = "all" } | rate() by (${by})`;
      const [one] = (await get("/api/metrics/query_range", { q, ...range })).json().series;
      return one.labels;
    };
    expect(await labels("span.list")).toEqual([
      { key: "span.list", value: { stringValue: '["x", "y"]' } },
    ]);
    expect(await labels("span.single")).toEqual([{ key: "span.single", value: { intValue: "7" } }]);
    for (const filter of ['{ name = "all" }', '{ name = "all" } > { } || { name = "all" }']) {
      const q = `${filter} | sum_over_time(span.single)`;
      const answer = await get("/api/metrics/query", { q, start: range.start, end: range.end });
      expect(answer.json().series[0].value, filter).toBe(7);
    }
  });

  test("summary", async () => {
    const answer = (
      await get("/api/metrics/summary", {
        q: "{}",
        groupBy: "resource.service.name",
        start: range.start,
        end: range.end,
      })
    ).json();
    const cart = answer.summaries.find((one: object) => JSON.stringify(one).includes("cart"));
    expect(cart).toMatchObject({ spanCount: "1", errorSpanCount: "1", p50: "67108864" });
  });

  const refused = (params: { [name: string]: string | number }, want: string) =>
    test(JSON.stringify(params), async () => {
      const answer = await get("/api/metrics/query_range", params);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain(want);
    });
  refused({ q: "{}" }, "not a metrics query");
  refused({}, "q is missing");
  refused({ q: "{} | rate()", start: 1, end: 2_000_000_000, step: "1s" }, "steps");
  refused({ q: "{} | rate()", start: 10, end: 5 }, "end must be greater");
  refused({ q: "{} | rate()", start: "x" }, "could not parse 'start'");
  refused({ q: "{} | rate()", step: "x" }, "invalid step");
});

describe("hostile queries", () => {
  const refused = (name: string, q: string) =>
    test(name, async () => expect((await get("/api/search", { q })).status).toBe(400));
  refused("10,000 parentheses", `{ ${"(".repeat(10_000)} true ${")".repeat(10_000)} }`);
  refused("10,000 outer parentheses", `${"(".repeat(10_000)}{}${")".repeat(10_000)}`);
  refused("60,000 minuses", `{ ${"-".repeat(60_000)}1 = 1 }`);
  refused("5,000 conditions", `{ ${Array.from({ length: 5_000 }, () => ".a = 1").join(" && ")} }`);
  refused("a pattern that is too long", `{ .a =~ "${"a".repeat(5_000)}" }`);
  for (const pattern of [
    "(a+)+$",
    "(a|a)*$",
    "(.*a){20}",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(?:a?){50}a{50}",
  ])
    test(`the pattern ${pattern}`, async () => {
      const answer = await get("/api/search", {
        q: `{ name =~ "${pattern}" || .http.method !~ "${pattern}" }`,
      });
      expect([200, 400]).toContain(answer.status);
    });
});
