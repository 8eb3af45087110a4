/** The Pushgateway as its clients see it: paths, methods, what is kept, what is emitted, what is refused. */
import {
  type Clock,
  defaultLimits,
  type SampleBatch,
  STALE_NAN_WORDS,
  TriptychError,
} from "@triptych/model";
import { Gauge, Histogram, Pushgateway as PromClient, Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http-server.ts";
import { createRecordingNext, type RecordingNext } from "../otlp/recording-next.ts";
import { createPushgateway, type PushedGroup, type Pushgateway } from "./gateway.ts";
import { parseGroupingKey } from "./grouping-key.ts";
import { registerPushgateway } from "./http.ts";

const START_MS = 1_700_000_000_000;
let nowMs = START_MS;
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => 0, after: () => () => {} };
let next: RecordingNext;
let saved: Map<string, PushedGroup>;
let gateway: Pushgateway;
let saveFailure: TriptychError | undefined;
let url = "";
const bugs: TriptychError[] = [];

const open = (): Pushgateway =>
  createPushgateway({
    next,
    limits: defaultLimits,
    clock,
    load: async () => JSON.parse(JSON.stringify([...saved.values()])) as PushedGroup[],
    async save(key, group) {
      if (saveFailure !== undefined) throw saveFailure;
      saved.set(key, group);
    },
    onError: (error) => void bugs.push(error),
  });
const app = createHttpServer({ report: (error) => void bugs.push(error) });
beforeAll(async () => {
  const late = <T extends object>(get: () => T): T =>
    new Proxy({} as T, { get: (_, key) => Reflect.get(get(), key) });
  registerPushgateway(app, {
    gateway: late(() => gateway),
    next: late(() => next),
    report: (error) => void bugs.push(error),
    prefix: "/pushgateway",
  });
  url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/pushgateway`;
});
afterAll(async () => {
  await app.close();
  expect(bugs).toEqual([]);
});
beforeEach(() => {
  nowMs = START_MS;
  next = createRecordingNext(64 * 1024 * 1024);
  saved = new Map();
  saveFailure = undefined;
  gateway = open();
});

const send = async (method: string, path: string, body?: string): Promise<[number, string]> => {
  const answer = await fetch(url + path, { method, ...(body === undefined ? {} : { body }) });
  return [answer.status, await answer.text()];
};
const put = (path: string, body: string) => send("PUT", path, body);
const post = (path: string, body: string) => send("POST", path, body);
/** The lines of `/metrics` without comments and push times. */
const shown = async (): Promise<string[]> =>
  (await send("GET", "/metrics"))[1]
    .split("\n")
    .filter((line) => line !== "" && !/^#|^push_/.test(line));
/** What was emitted since the last call. */
const emitted = (): string[] =>
  (next.batches.splice(0) as SampleBatch[])
    .flatMap(({ samples, series }) =>
      Array.from({ length: samples.rows }, (_, row) => {
        const words = new Uint32Array(samples.value.buffer, row * 8, 2);
        const isStale = words[0] === STALE_NAN_WORDS.low && words[1] === STALE_NAN_WORDS.high;
        const labels = series.labels(samples.series[row] as number).map(([, value]) => value);
        return `${labels.join(" ")} = ${isStale ? "stale" : samples.value[row]}`;
      }),
    )
    .filter((line) => !line.startsWith("push_"));

describe("grouping keys", () => {
  const check = (path: string, want: object | string) =>
    test(path, () => {
      let got: object | string;
      try {
        got = Object.fromEntries(parseGroupingKey(path));
      } catch (error) {
        got = (error as Error).message;
      }
      if (typeof want === "string") expect(got).toContain(want);
      else expect(got).toEqual(want);
    });
  check("job/a", { job: "a" });
  check("job/a/", { job: "a" });
  check("job/a/instance/b%20c", { job: "a", instance: "b c" });
  check("job@base64/YS9i", { job: "a/b" });
  check("job/a/path@base64/L3Zhci90bXA", { job: "a", path: "/var/tmp" });
  check("job/a/path@base64/L3Zhci90bXA=", { job: "a", path: "/var/tmp" });
  check("job/a/x@base64/=", { job: "a", x: "" });
  check("job/a/job/b", { job: "a" });
  check("job/titan/name/%CE%A0", { job: "titan", name: "Π" });
  check("job@base64/=", "cannot be empty");
  check("job/a/b", "has no value");
  check("job/a/__b/c", "cannot be the name of a label");
  check("job/a/b-c/d", "cannot be the name of a label");
  check("job/a/x@base64/@@", "not base64");
  check("job/%E0%A4%A", "not escaped well");
  check("instance/a", "begins with /metrics/job");
});

test("a push is shown, emitted at once and again every round", async () => {
  expect(
    await put("/metrics/job/backup/instance/db1", '# TYPE size gauge\nsize{kind="full"} 5\n'),
  ).toEqual([200, ""]);
  expect(await shown()).toEqual(['size{instance="db1",job="backup",kind="full"} 5']);
  expect(emitted()).toEqual(["size db1 backup full = 5"]);
  nowMs += 15_000;
  await gateway.emit();
  expect((next.batches[0] as SampleBatch).samples.timeMs[0]).toBe(nowMs);
  expect(emitted()).toEqual(["size db1 backup full = 5"]);
});

test("labels of the path win, other labels stay, and no instance is an empty one", async () => {
  await put("/metrics/job/a", 'm{job="x",instance="i"} 1\nn 2');
  expect(await shown()).toEqual(['m{instance="i",job="a"} 1', 'n{job="a",instance=""} 2']);
});

test("PUT replaces the group, POST families of the same name, DELETE removes it", async () => {
  await put("/metrics/job/a", "m 1\nn 1");
  await post("/metrics/job/a", 'n{x="y"} 2\no 3');
  await put("/metrics/job/b", "m 9");
  expect(await shown()).toEqual([
    'm{job="a",instance=""} 1',
    'm{job="b",instance=""} 9',
    'n{job="a",x="y",instance=""} 2',
    'o{job="a",instance=""} 3',
  ]);
  await put("/metrics/job/a", "p 4");
  emitted();
  expect(await shown()).toEqual(['m{job="b",instance=""} 9', 'p{job="a",instance=""} 4']);
  expect(await send("DELETE", "/metrics/job/a")).toEqual([202, ""]);
  expect(await shown()).toEqual(['m{job="b",instance=""} 9']);
  expect(emitted()).toEqual(["p a = stale"]);
  expect(await send("DELETE", "/metrics/job/nobody")).toEqual([202, ""]);
});

test("series that a push leaves out end", async () => {
  await put("/metrics/job/a", "m 1\nn 1");
  emitted();
  await put("/metrics/job/a", "n 2");
  expect(emitted()).toEqual(["m a = stale", "n a = 2"]);
  await gateway.emit();
  expect(emitted()).toEqual(["n a = 2"]);
});

test("times of pushes, that succeeded and that failed", async () => {
  await put("/metrics/job/a", "m 1");
  nowMs += 5_000;
  expect((await put("/metrics/job/a", "m 1 1"))[0]).toBe(400);
  const [, text] = await send("GET", "/metrics");
  expect(text).toContain('push_time_seconds{job="a",instance=""} 1700000000\n');
  expect(text).toContain('push_failure_time_seconds{job="a",instance=""} 1700000005\n');
  expect(text).toContain("# TYPE push_time_seconds gauge\n");
});

describe("refused, and nothing changes", () => {
  const check = (title: string, body: string, want: string) =>
    test(title, async () => {
      await put("/metrics/job/other", "# TYPE typed counter\ntyped 1\n");
      await put("/metrics/job/a", "before 1");
      const before = await shown();
      const [status, text] = await put("/metrics/job/a", body);
      expect([status, text]).toEqual([400, expect.stringContaining(want)]);
      expect(await shown()).toEqual(before);
    });
  check("no exposition", "this is not it", "Line 1, column");
  check("times", "m 1 1234", "must not have timestamps");
  check("a series twice", 'm{a="b"} 1\nm{a="b"} 2', "collected before");
  check("series that become one", 'm{job="b"} 1\nm{job="c"} 2', "collected before");
  check(
    "another type than elsewhere",
    "# TYPE typed gauge\ntyped 1\n",
    "is a gauge here and a counter in group",
  );
  check("a label that is too long", `m{a="${"x".repeat(5000)}"} 1`, "longer than 4096 bytes");
});

const checkPath = (method: string, path: string, want: number) =>
  test(`${method} ${path}: ${want}`, async () => expect((await send(method, path))[0]).toBe(want));
checkPath("PUT", "/metrics/job", 400);
checkPath("PUT", "/metrics/job/a/b", 400);
checkPath("DELETE", "/metrics/instance/b", 400);
checkPath("PUT", "/metrics/job/a%2fb", 400);
checkPath("PUT", "/metrics/job/a", 200);

test("groups survive the process, deleted ones stay deleted, and versions grow", async () => {
  await put(
    "/metrics/job/a",
    '# TYPE h histogram\n# HELP h Help.\nh_bucket{le="+Inf"} 1\nh_sum +Inf\nh_count 1\n',
  );
  await put("/metrics/job/b", "m 1");
  await send("DELETE", "/metrics/job/b");
  const before = await send("GET", "/metrics");
  gateway = open();
  expect(await send("GET", "/metrics")).toEqual(before);
  const versions = [...saved.values()].map(({ version }) => version);
  expect(new Set(versions).size).toBe(2);
  await put("/metrics/job/b", "m 2");
  expect((saved.get('[["job","b"]]') as PushedGroup).version).toBeGreaterThan(
    Math.max(...versions),
  );
});

test("what cannot be kept is not acknowledged", async () => {
  saveFailure = new TriptychError("queue_full", "The journal is full.", { retryAfterSeconds: 3 });
  expect(await put("/metrics/job/a", "m 1")).toEqual([503, "The journal is full.\n"]);
  saveFailure = undefined;
  expect(await shown()).toEqual([]);
});

test("the page's data", async () => {
  await put(
    "/metrics/job/a",
    '# TYPE h histogram\nh_bucket{x="1",le="1"} 1\nh_bucket{x="1",le="+Inf"} 2\nh_sum{x="1"} 3\nh_count{x="1"} 2\n# HELP g Help.\n# TYPE g gauge\ng 5\n',
  );
  const { status, data } = JSON.parse((await send("GET", "/api/v1/metrics"))[1]) as {
    status: string;
    data: Record<string, { metrics: object[]; type: string; help: string }>[];
  };
  expect([status, data.length]).toEqual(["success", 1]);
  expect(data[0]).toMatchObject({
    labels: { job: "a", instance: "" },
    last_push_successful: true,
    g: {
      time_stamp: "2023-11-14T22:13:20.000Z",
      type: "GAUGE",
      help: "Help.",
      metrics: [{ value: "5" }],
    },
    h: {
      type: "HISTOGRAM",
      metrics: [
        {
          labels: { job: "a", x: "1" },
          buckets: { "1.0": "1", "+Inf": "2" },
          sum: "3",
          count: "2",
        },
      ],
    },
    push_time_seconds: { metrics: [{ value: "1700000000" }] },
  });
});

test("prom-client pushes, adds and deletes", async () => {
  const register = new Registry();
  const gauge = new Gauge({
    name: "jobs_done",
    help: "Done.",
    labelNames: ["kind"],
    registers: [register],
  });
  new Histogram({
    name: "took_seconds",
    help: "Took.",
    buckets: [1, 2],
    registers: [register],
  }).observe(1.5);
  gauge.set({ kind: "a b" }, 3);
  const client = new PromClient(url, {}, register);
  const group = { jobName: "nightly", groupings: { instance: "host 1" } };
  await client.push(group);
  expect(await shown()).toEqual([
    'jobs_done{instance="host 1",job="nightly",kind="a b"} 3',
    'took_seconds_bucket{instance="host 1",job="nightly",le="1.0"} 0',
    'took_seconds_bucket{instance="host 1",job="nightly",le="2.0"} 1',
    'took_seconds_bucket{instance="host 1",job="nightly",le="+Inf"} 1',
    'took_seconds_sum{instance="host 1",job="nightly"} 1.5',
    'took_seconds_count{instance="host 1",job="nightly"} 1',
  ]);
  gauge.set({ kind: "a b" }, 4);
  await client.pushAdd(group);
  expect((await shown())[0]).toBe('jobs_done{instance="host 1",job="nightly",kind="a b"} 4');
  await client.delete(group);
  expect(await shown()).toEqual([]);
});
