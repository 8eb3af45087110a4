import { EventEmitter, once } from "node:events";
import { get as httpGet } from "node:http";
import type { Readable } from "node:stream";
import type {
  LogLevelsAnswer,
  LogLine,
  LogPatternsAnswer,
  LogsAnswer,
  SearchSuggestions,
} from "@triptych/contract";
import type { FastifyInstance, FastifyReply } from "fastify";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LogSource } from "../../query/logs/source.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import {
  createTestClock,
  hostileTexts,
  logsOf,
  openTestStore,
  type TestLine,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { registerOwnLogs } from "./logs.ts";
import { createTails } from "./logs-tail.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T + 600_000);
const trace = "0af7651916cd43dd8448eb211c80319c";
let store: TestStore;
let app: FastifyInstance;

const plain: TestLine[] = [
  {
    timeNs: NS,
    body: "Order É placed",
    severity: 9,
    attributes: { code: "1" },
    resource: { zone: "eu" },
  },
  {
    timeNs: NS + 1n,
    body: "payment failed",
    severity: 17,
    traceId: trace,
    spanId: "b7ad6b7169203331",
  },
  {
    timeNs: NS + 1_000_000_000n,
    body: "low stock",
    service: "cart",
    severityText: "Warning",
    attributes: { zone: "us" },
  },
  { timeNs: NS + 2_000_000_000n, body: "?", service: "cart" },
];
/** Many lines of one instant, in two records: paging must not lose or repeat any. */
const same: TestLine[] = Array.from({ length: 25 }, (_, i) => ({
  timeNs: NS + 5_000_000_000n,
  body: `same ${i}`,
  service: "same",
}));
const hostile: TestLine[] = hostileTexts.map((text, i) => ({
  timeNs: NS + 10_000_000_000n + BigInt(i),
  body: `${i}: ${text}`,
  service: "hostile",
  attributes: { [`k${text}`]: text },
}));

beforeAll(async () => {
  store = await openTestStore(clock);
  await store.put(logsOf([...plain, ...same.slice(0, 13)]));
  await store.put(logsOf([...same.slice(13), ...hostile]));
  app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerOwnLogs(app, { engine: store.engine, clock, prefix: "/api/triptych" });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await store.close();
});

async function get<A>(path: string, params: readonly (readonly [string, string])[]): Promise<A> {
  const answer = await app.inject({
    url: `/api/triptych${path}?${new URLSearchParams(params.map(([n, v]) => [n, v]))}`,
  });
  expect([answer.statusCode, answer.body.slice(0, 200)]).toEqual([200, expect.anything()]);
  return JSON.parse(answer.body) as A;
}
const range: (readonly [string, string])[] = [
  ["from", String(T)],
  ["to", String(T + 60_000)],
];
const bodies = async (...params: (readonly [string, string])[]): Promise<string[]> =>
  (
    await get<LogsAnswer>("/logs", [...range, ["order", "oldest"], ["limit", "1000"], ...params])
  ).lines.map((line) => line.body);

describe("filters", () => {
  const check = (params: [string, string][], want: string[]) =>
    test(JSON.stringify(params), async () =>
      expect(await bodies(["service", "shop"], ["service", "cart"], ...params)).toEqual(want),
    );
  check([], ["Order É placed", "payment failed", "low stock", "?"]);
  check(
    [
      ["level", "error"],
      ["level", "warn"],
    ],
    ["payment failed", "low stock"],
  );
  check([["level", "unknown"]], ["?"]);
  check([["text", "order é"]], ["Order É placed"]);
  check([["traceId", trace.toUpperCase()]], ["payment failed"]);
  check([["spanId", "b7ad6b7169203331"]], ["payment failed"]);
  check([["attr", "log.code=1"]], ["Order É placed"]);
  check([["attr", "log.code!=1"]], ["payment failed", "low stock", "?"]);
  check([["attr", "resource.zone=~e."]], ["Order É placed"]);
  check([["attr", "any.zone=~eu|us"]], ["Order É placed", "low stock"]);
  check([["attr", "any.zone!~eu|us"]], ["payment failed", "?"]);
  check([["attr", "log.code="]], ["payment failed", "low stock", "?"]);
});

describe("searches", () => {
  const check = (search: string, want: string[]) =>
    test(search, async () =>
      expect(await bodies(["service", "shop"], ["service", "cart"], ["search", search])).toEqual(
        want,
      ),
    );
  check("level: error or warn", ["payment failed"]);
  check("level: (ERROR or WARNING)", ["payment failed", "low stock"]);
  check("order or stock and not zone: us", ["Order É placed"]);
  check(`@timestamp >= "${new Date(T + 1000).toISOString()}"`, ["low stock", "?"]);
  check("@timestamp < now-1y", []);

  test("narrow counts and keep the axis", async () => {
    const answer = await get<LogLevelsAnswer>("/logs/levels", [
      ["from", String(T)],
      ["to", String(T + 4000)],
      ["columns", "4"],
      ["search", `@timestamp >= ${T + 1000}`],
    ]);
    expect(answer).toMatchObject({
      from: T,
      stepMs: 1000,
      total: 2,
      levels: { warn: [0, 1, 0, 0], unknown: [0, 0, 1, 0] },
    });
  });
  for (const path of ["/logs", "/logs/levels", "/logs/tail", "/logs/patterns"])
    test(`${path} says where the mistake is`, async () => {
      const search = encodeURIComponent("level: error and (x");
      const answer = await app.inject({ url: `/api/triptych${path}?search=${search}` });
      expect([answer.statusCode, JSON.parse(answer.body).error]).toEqual([
        400,
        { code: "query_invalid", offset: 17, message: '"(" is not closed' },
      ]);
    });
});

describe("suggestions", () => {
  const check = (search: string, want: object) =>
    test(search, async () => {
      const answer = await get<SearchSuggestions>("/logs/suggest", [...range, ["search", search]]);
      expect(answer).toMatchObject(want);
    });
  check("", { kind: "field", start: 0, end: 0 });
  check("ser", { kind: "field", start: 0, end: 3, options: ["service", "service.name"] });
  check("service: ca", { kind: "value", start: 9, end: 11, options: ["cart"] });
  check("zone: ", { kind: "value", options: ["eu", "us"] });
  check("level: w", { kind: "value", options: ["warn", "unknown"] });
  check("level: warn ", { kind: "operator", options: ["and", "or", "and not"] });
  check("level: ", { problem: { offset: 6, message: "a value belongs behind the colon" } });
  test("hostile", async () => {
    for (const text of hostileTexts)
      for (const search of [text, `${text}: `, `"${text}`, `zone: ${text}`])
        await get("/logs/suggest", [...range, ["search", search]]);
  });
});

describe("patterns", () => {
  const at = NS + 3_600_000_000_000n;
  const between: (readonly [string, string])[] = [
    ["from", String(T + 3_600_000)],
    ["to", String(T + 3_610_000)],
    ["service", "patterns"],
  ];
  const line = (seconds: number, body: string, severity = 9): TestLine => ({
    timeNs: at + BigInt(seconds) * 1_000_000_000n,
    body,
    severity,
    service: "patterns",
  });
  beforeAll(async () => {
    await store.put(
      logsOf([
        ...Array.from({ length: 6 }, (_, i) =>
          line(i, `user ${100 + i} logged in from 10.0.0.${i}`),
        ),
        line(-3, "user 7 logged in from 10.0.0.9"),
        line(2, "disk sda1 is full (99%)", 17),
        line(4, "disk sdb2 is full (98%)", 17),
        line(-2, "only before"),
        line(8, "a (b) [c] *d* \\Q e? $x ^y | z"),
      ]),
    );
  });

  test("with counts, trend, levels, and which are new", async () => {
    const answer = await get<LogPatternsAnswer>("/logs/patterns", [...between, ["columns", "5"]]);
    expect([answer.total, answer.totalBefore, answer.stepMs]).toEqual([9, 2, 2000]);
    expect(
      answer.patterns.map(({ template, lines, before, isNew, levels, counts }) => ({
        template,
        is: [lines, before, isNew],
        levels,
        counts,
      })),
    ).toEqual([
      {
        template: "user <_> logged in from <_>",
        is: [6, 1, false],
        levels: { info: 6 },
        counts: [2, 2, 2, 0, 0],
      },
      {
        template: "disk <_> is full (<_>)",
        is: [2, 0, true],
        levels: { error: 2 },
        counts: [0, 1, 1, 0, 0],
      },
      {
        template: "a (b) [c] *d* \\Q e? $x ^y | z",
        is: [1, 0, true],
        levels: { info: 1 },
        counts: [0, 0, 0, 0, 1],
      },
    ]);
  });
  test("each finds its lines, and leaves them out", async () => {
    const { patterns } = await get<LogPatternsAnswer>("/logs/patterns", between);
    for (const { template, lines } of patterns) {
      const found = (name: string) =>
        get<LogsAnswer>("/logs", [...between, [name, template]]).then((page) => page.lines.length);
      expect([template, await found("pattern"), await found("notPattern")]).toEqual([
        template,
        lines,
        9 - lines,
      ]);
    }
  });
  test("of hostile lines", async () => {
    const whole: (readonly [string, string])[] = [...range, ["service", "hostile"]];
    const { patterns } = await get<LogPatternsAnswer>("/logs/patterns", whole);
    for (const { template, lines } of patterns) {
      const page = await get<LogsAnswer>("/logs", [
        ...whole,
        ["limit", "1000"],
        ["pattern", template],
      ]);
      expect(page.lines.length, template).toBeGreaterThanOrEqual(lines);
    }
  });
});

test("a line as it is shown", async () => {
  const { lines } = await get<LogsAnswer>("/logs", [...range, ["traceId", trace]]);
  expect(lines).toEqual([
    {
      id: "7-1-20231114-1",
      timeNs: String(NS + 1n),
      level: "error",
      severityText: "",
      service: "shop",
      body: "payment failed",
      traceId: trace,
      spanId: "b7ad6b7169203331",
      attributes: [],
      resource: [["service.name", "string", "shop"]],
      scope: "scope",
    },
  ]);
});

describe("pages of lines of one instant", () => {
  for (const order of ["newest", "oldest"])
    test(order, async () => {
      const seen: LogLine[] = [];
      let cursor: string | undefined;
      do {
        const page: LogsAnswer = await get<LogsAnswer>("/logs", [
          ...range,
          ["service", "same"],
          ["order", order],
          ["limit", "4"],
          ...(cursor === undefined ? [] : [["cursor", cursor] as const]),
        ]);
        seen.push(...page.lines);
        cursor = page.cursor;
      } while (cursor !== undefined);
      const want = same.map((line) => line.body);
      expect(seen.map((line) => line.body)).toEqual(order === "oldest" ? want : want.reverse());
      expect(new Set(seen.map((line) => line.id)).size).toBe(25);
    });
});

test("counts per level and service", async () => {
  const answer = await get<LogLevelsAnswer>("/logs/levels", [
    ["from", String(T)],
    ["to", String(T + 4000)],
    ["columns", "4"],
  ]);
  expect(answer).toMatchObject({
    from: T,
    stepMs: 1000,
    total: 4,
    levels: { info: [1, 0, 0, 0], error: [1, 0, 0, 0], warn: [0, 1, 0, 0], unknown: [0, 0, 1, 0] },
  });
  expect(answer.byService).toEqual([
    { service: "cart", lines: 2, errors: 0 },
    { service: "shop", lines: 2, errors: 1 },
  ]);
});

describe("refused", () => {
  const check = (query: string) =>
    test(query, async () => {
      const answer = await app.inject({ url: `/api/triptych/logs?${query}` });
      expect([answer.statusCode, JSON.parse(answer.body).error.code]).toEqual([
        400,
        "query_invalid",
      ]);
    });
  check("level=loud");
  check("cursor=x");
  check("cursor=1-2-99999999999999999999-3");
  check("attr=span.x%3Dy");
  check("attr=log.x%3D~(");
  check("order=up");
  check("from=2&to=1");
});

test("hostile texts are only data", async () => {
  const all = hostile.map((line) => line.body);
  for (const text of hostileTexts) {
    const key = JSON.stringify(`k${text}`);
    expect(await bodies(["service", "hostile"], ["text", text]), text).toEqual(
      all.filter((body) => body.toLowerCase().includes(text.toLowerCase())),
    );
    // "=" before "~" would be the other operator.
    if (!text.startsWith("~"))
      expect(await bodies(["attr", `log.${key}=${text}`]), text).toEqual(
        hostile.flatMap((line, i) => (hostileTexts[i] === text ? [line.body] : [])),
      );
    expect(await bodies(["service", text]), text).toEqual([]);
    expect(await bodies(["traceId", text]), text).toEqual([]);
  }
  const broken = await app.inject({ url: "/api/triptych/logs?text=%ff%fe'" });
  expect(broken.statusCode).toBeLessThan(500);
}, 120_000);

test("the tail shows what arrives, late lines too, and ends with the server", async () => {
  const tailed = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerOwnLogs(tailed, { engine: store.engine, clock, prefix: "/api/triptych" });
  await tailed.listen({ port: 0, host: "127.0.0.1" });
  const address = tailed.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const response = await fetch(`http://127.0.0.1:${port}/api/triptych/logs/tail?service=tail`);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  const pump = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += Buffer.from(value).toString();
    }
  })();
  const wait = (wanted: string): Promise<void> =>
    vi.waitFor(
      () => {
        clock.step(500);
        expect(text).toContain(wanted);
      },
      { timeout: 10_000, interval: 5 },
    );
  await wait(": connected");
  await store.put(
    logsOf([
      { timeNs: NS + 20_000_000_000n, body: "now", service: "tail" },
      { timeNs: NS, body: "other" },
    ]),
  );
  await wait('"body":"now"');
  await store.put(
    logsOf([{ timeNs: NS - 86_400_000_000_000n * 3n, body: "late", service: "tail" }]),
  );
  await wait('"body":"late"');
  await store.put(
    logsOf(
      Array.from({ length: 500 }, (_, i) => ({
        timeNs: NS + BigInt(i),
        body: `flood ${i}`,
        service: "tail",
      })),
    ),
  );
  await wait("event: mark");
  await wait('"body":"flood 499"');
  expect(text).not.toContain("other");
  expect(text.split('"body":"now"')).toHaveLength(2);
  expect(text.split('"body":"late"')).toHaveLength(2);
  await tailed.close();
  await pump;
}, 30_000);

test("a tail whose client leaves stops to ask", async () => {
  const alone = createTestClock(T);
  const tailed = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
  registerOwnLogs(tailed, { engine: store.engine, clock: alone, prefix: "/api/triptych" });
  await tailed.listen({ port: 0, host: "127.0.0.1" });
  const address = tailed.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = `http://127.0.0.1:${port}/api/triptych/logs/tail`;
  const request = httpGet(url, { agent: false });
  await once(request, "response");
  expect(alone.waiting()).toBe(2);
  request.destroy();
  await vi.waitFor(() => expect(alone.waiting()).toBe(0), { timeout: 5_000, interval: 5 });
  await tailed.close();
});

test("a tail whose client does not read is dropped", async () => {
  const alone = createTestClock(T);
  const raw = new EventEmitter();
  const sent: Readable[] = [];
  const reply = {
    raw,
    header: () => reply,
    send: (stream: Readable) => {
      sent.push(stream);
      return reply;
    },
  };
  const long = "x".repeat(100_000);
  const line = { timeNs: 1n, writer: 1, seq: 1n, n: 0, body: long };
  const source = {
    newest: async () => new Map([[1, 1n]]),
    arrivedHeads: async () => [{ writer: 1, day: 1, seq: 2n, matching: 1 }],
    arrivedLines: async () => [
      {
        ...line,
        severityNumber: 0,
        severityText: "",
        attributes: [],
        kinds: "",
        resource: [],
        resourceKinds: "",
      },
    ],
  };
  const tails = createTails({ source: source as unknown as LogSource, clock: alone });
  await tails.follow(reply as unknown as FastifyReply, []);
  await vi.waitFor(
    () => {
      alone.step(500);
      expect(sent[0]?.destroyed).toBe(true);
    },
    { timeout: 10_000, interval: 1 },
  );
  await vi.waitFor(() => expect(alone.waiting()).toBe(0), { timeout: 5_000, interval: 5 });
});
