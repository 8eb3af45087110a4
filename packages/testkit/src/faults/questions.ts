/**
 * S4: regular expressions that explode elsewhere. S6: texts that are SQL elsewhere, as names and values, through three
 * languages. S20: far more new series than the limit. S21: queries that would need more than there is.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createHttpClient } from "../otlp-client.ts";
import { encodePayload } from "../otlp-payload.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import {
  ask,
  configFile,
  counts,
  quoted,
  remoteWrite,
  send,
  series,
  string,
  withParams,
  write,
} from "./ask.ts";
import { expectThat, type FaultCase, pause, percentile } from "./case.ts";
import { hostileTexts } from "./hostile-texts.ts";
import { drained } from "./verify.ts";

const MiB = 1024 * 1024;

/** For each text: a series, a line and a span that have it as value (and the line and the span as a key). */
async function sendTexts(server: RunningServer, texts: readonly string[]): Promise<void> {
  const nowMs = Date.now();
  const nowNs = `${nowMs}000000`;
  await send(
    server,
    "/api/v1/write",
    remoteWrite(
      texts.map((text, i) =>
        series(
          [
            ["__name__", "hostile_text"],
            ["i", String(i)],
            ["v", text],
          ],
          nowMs,
          i,
        ),
      ),
    ),
  );
  const attributes = (text: string, i: number) => [
    string("v", text),
    string(text === "v" || text === "i" ? "other" : text, "as key"),
    string("i", String(i)),
  ];
  const resource = { attributes: [string("service.name", "hostile")] };
  const logRecords = texts.map((text, i) => ({
    timeUnixNano: nowNs,
    body: { stringValue: `line ${text} end` },
    attributes: attributes(text, i),
  }));
  await send(server, "/v1/logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
  const spans = texts.map((text, i) => ({
    traceId: (i + 1).toString(16).padStart(32, "0"),
    spanId: (i + 1).toString(16).padStart(16, "0"),
    name: text,
    kind: 1,
    startTimeUnixNano: nowNs,
    endTimeUnixNano: nowNs,
    attributes: attributes(text, i),
  }));
  await send(server, "/v1/traces", { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
}

/** What an answer holds of our texts: their numbers. */
type Numbers = (text: string) => string[];

const promNumbers: Numbers = (text) =>
  (JSON.parse(text) as { data: { result: { metric: Record<string, string> }[] } }).data.result.map(
    ({ metric }) => metric["i"] ?? "",
  );
const logNumbers: Numbers = (text) =>
  (
    JSON.parse(text) as { data: { result: { stream: Record<string, string>; values: [] }[] } }
  ).data.result.flatMap(({ stream, values }) => values.map(() => stream["i"] ?? ""));
const traceNumbers: Numbers = (text) =>
  (JSON.parse(text) as { traces: { traceID: string }[] }).traces.map(({ traceID }) =>
    String(Number.parseInt(traceID, 16) - 1),
  );

interface Shape {
  readonly name: string;
  /** Which texts it must find, by the text asked for. */
  readonly finds: (candidate: string, text: string) => boolean;
  readonly path: (text: string) => string;
  readonly numbers: Numbers;
}

const equal = (candidate: string, text: string): boolean => candidate === text;

function shapes(): Shape[] {
  const end = Date.now() + 60_000;
  const from = end - 3_600_000;
  const prom = (query: string): string => withParams("/api/v1/query", { query });
  const loki = (query: string): string =>
    withParams("/loki/api/v1/query_range", {
      query,
      start: `${from}000000`,
      end: `${end}000000`,
      limit: "5000",
    });
  const tempo = (q: string): string =>
    withParams("/tempo/api/search", {
      q,
      start: String(Math.floor(from / 1000)),
      end: String(Math.ceil(end / 1000)),
      limit: "1000",
    });
  const byLine = (candidate: string, text: string): boolean =>
    `line ${candidate} end`.includes(text);
  return [
    {
      name: "PromQL =",
      finds: equal,
      path: (text) => prom(`hostile_text{v=${quoted(text)}}`),
      numbers: promNumbers,
    },
    {
      name: "PromQL !=",
      finds: (candidate, text) => candidate !== text,
      path: (text) => prom(`hostile_text{v!=${quoted(text)}}`),
      numbers: promNumbers,
    },
    {
      name: "LogQL |=",
      finds: byLine,
      path: (text) => loki(`{service_name="hostile"} |= ${quoted(text)}`),
      numbers: logNumbers,
    },
    {
      name: "LogQL label filter",
      finds: equal,
      path: (text) => loki(`{service_name="hostile"} | v=${quoted(text)}`),
      numbers: logNumbers,
    },
    {
      name: "TraceQL =",
      finds: equal,
      path: (text) => tempo(`{ span.v = ${quoted(text)} }`),
      numbers: traceNumbers,
    },
    {
      name: "TraceQL name",
      finds: equal,
      path: (text) => tempo(`{ name = ${quoted(text)} }`),
      numbers: traceNumbers,
    },
    {
      name: "TraceQL key",
      finds: equal,
      path: (text) => tempo(`{ span.${quoted(text)} = "as key" }`),
      numbers: traceNumbers,
    },
  ];
}

/** Places where a text stands for something that is not there: nothing may break. */
const elsewhere = (text: string): string[] => [
  withParams("/api/v1/query", { query: `hostile_text{${quoted(text)}="x"}` }),
  withParams("/api/v1/query", { query: `sum by (${quoted(text)}) (hostile_text)` }),
  withParams("/api/v1/query", {
    query: `label_replace(hostile_text, "d", ${quoted(text)}, "v", ".*")`,
  }),
  withParams("/api/v1/query", { query: text }),
  withParams("/api/v1/series", { "match[]": `{__name__=${quoted(text)}}` }),
  `/api/v1/label/${encodeURIComponent(text).replaceAll("%2F", "_").replaceAll("%5C", "_").replaceAll("%00", "_")}/values`,
  withParams("/loki/api/v1/query_range", { query: `{app=${quoted(text)}}` }),
  withParams("/loki/api/v1/query_range", {
    query: `{service_name="hostile"} | line_format ${quoted(text)}`,
  }),
  withParams("/loki/api/v1/query_range", { query: `{service_name="hostile"} |~ ${quoted(text)}` }),
  withParams("/loki/api/v1/query_range", { query: text }),
  withParams("/tempo/api/search", { q: text }),
  withParams("/tempo/api/search", { tags: `v=${quoted(text)}` }),
  withParams("/tempo/api/v2/search/tag/.v/values", { q: `{ .v = ${quoted(text)} }` }),
  withParams("/jaeger/api/traces", { service: text, lookback: "1h" }),
  withParams("/jaeger/api/traces", {
    service: "hostile",
    tags: JSON.stringify({ v: text }),
    operation: text,
  }),
  withParams("/jaeger/api/services/x/operations", { q: text }),
];

const injection: FaultCase = {
  name: "S6",
  title: "texts that are SQL elsewhere, as names and values, through three languages",
  async run({ directory, short, log }) {
    const texts = short ? hostileTexts.filter((_, i) => i % 3 === 0) : hostileTexts;
    const server = await startServer({ dataDir: join(directory, "data") });
    try {
      await sendTexts(server, texts);
      await drained(server, 30_000);
      const before = tables(server.dataDir);
      let asked = 0;
      for (const { name, finds, path, numbers } of shapes()) {
        let skipped = 0;
        for (const text of texts) {
          const answer = await ask(`${server.url}${path(text)}`, 30_000);
          asked++;
          if (answer.status === 400) {
            // A grammar may have no way to write it; it must say so and nothing else.
            skipped++;
            continue;
          }
          const say = `${name} ${JSON.stringify(text)} answered ${answer.status} ${answer.text.slice(0, 300)}`;
          expectThat(answer.status === 200, say);
          const want = texts.flatMap((candidate, i) => (finds(candidate, text) ? [String(i)] : []));
          const found = [...new Set(numbers(answer.text))].sort();
          expectThat(
            found.join() === want.sort().join(),
            `${name} ${JSON.stringify(text)} found ${found.slice(0, 20).join()}, not ${want.slice(0, 20).join()}`,
          );
        }
        log(`${name}: ${texts.length - skipped} exact, ${skipped} refused by the grammar`);
      }
      for (const text of texts)
        for (const path of elsewhere(text)) {
          const answer = await ask(`${server.url}${path}`, 30_000);
          asked++;
          const good = answer.status === 200 || (answer.status >= 400 && answer.status < 500);
          expectThat(good, `${path} answered ${answer.status} ${answer.text.slice(0, 300)}`);
        }
      expectThat(tables(server.dataDir) === before, "a table came or went");
      expectThat(!readdirSync("/tmp").includes("triptych-injected"), "a file was written");
      expectThat(!/internal/.test(server.logs()), server.logs().slice(-2_000));
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      return { texts: texts.length, queries: asked };
    } finally {
      await server.kill();
    }
  },
};

/** The names of the engine's tables, as its directory says. */
function tables(dataDir: string): string {
  const list = (path: string): string[] => {
    try {
      return readdirSync(path).sort();
    } catch {
      return [];
    }
  };
  const root = join(dataDir, "clickhouse", "metadata");
  return list(root)
    .flatMap((database) => list(join(root, database)).map((table) => `${database}/${table}`))
    .join();
}

const newSeries: FaultCase = {
  name: "S20",
  title: "far more new series than the limit",
  async run({ directory, short, log }) {
    const limit = short ? 20_000 : 200_000;
    const many = limit * 5;
    const server = await startServer({
      dataDir: join(directory, "data"),
      args: [
        "--config",
        configFile(directory, `limits: { seriesTotal: ${limit}, seriesPerName: ${limit} }\n`),
      ],
    });
    try {
      const known = (nowMs: number): Uint8Array =>
        remoteWrite(
          Array.from({ length: 100 }, (_, i) =>
            series(
              [
                ["__name__", "known"],
                ["i", String(i)],
              ],
              nowMs,
              i,
            ),
          ),
        );
      await send(server, "/api/v1/write", known(Date.now()));
      const before = server.memory().resident;
      const statuses = new Map<number, number>();
      const started = performance.now();
      const perRequest = 2_000;
      let keptFlowing = 0;
      for (let from = 0; from < many; from += perRequest) {
        const nowMs = Date.now();
        const body = remoteWrite(
          Array.from({ length: perRequest }, (_, i) =>
            series(
              [
                ["__name__", "flood"],
                ["user", `u${from + i}`],
              ],
              nowMs,
              1,
            ),
          ),
        );
        const answer = await write(server, body);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        expectThat([200, 204, 400, 429, 503].includes(answer.status), `answered ${answer.status}`);
        if (answer.status === 503) {
          await pause(200);
          from -= perRequest;
        }
        if ((from / perRequest) % 20 === 0) {
          await send(server, "/api/v1/write", known(nowMs));
          keptFlowing++;
        }
      }
      const seconds = (performance.now() - started) / 1000;
      log(counts(statuses));
      const own = await ask(`${server.url}/metrics`, 10_000);
      const refused = /^triptych_discarded_total\{reason="series_limit"\} (\d+)/m.exec(
        own.text,
      )?.[1];
      expectThat(Number(refused) >= many - limit - 100, `${refused ?? 0} were counted as refused`);
      const ownSeries = own.text
        .split("\n")
        .filter((line) => line !== "" && line[0] !== "#").length;
      expectThat(ownSeries <= 2_000, `our own metrics have ${ownSeries} series`);
      const wide = await ask(
        `${server.url}/api/v1/query?query=${encodeURIComponent("count(known)")}`,
        10_000,
      );
      expectThat(wide.text.includes('"100"'), `the known series: ${wide.text.slice(0, 300)}`);
      const moreMiB = Math.round((server.memory().peak - before) / MiB);
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      return {
        offered: many,
        limit,
        refused: Number(refused),
        keptFlowing,
        ownSeries,
        moreMiB,
        seconds: Math.round(seconds),
      };
    } finally {
      await server.kill();
    }
  },
};

/** Queries that would need more than there is, in each language. */
function queriesOfDeath(): string[] {
  const now = Math.floor(Date.now() / 1000);
  const year = 365 * 86_400;
  const prom = (query: string): string => withParams("/api/v1/query", { query });
  const range = (query: string, seconds: number, step: string): string =>
    withParams("/api/v1/query_range", {
      query,
      start: String(now - seconds),
      end: String(now),
      step,
    });
  const loki = (query: string, extra: Readonly<Record<string, string>> = {}): string =>
    withParams("/loki/api/v1/query_range", {
      query,
      start: String(now - 7_200),
      end: String(now + 60),
      ...extra,
    });
  const tempo = (q: string, extra: Readonly<Record<string, string>> = {}): string =>
    withParams("/tempo/api/search", {
      q,
      start: String(now - 7_200),
      end: String(now + 60),
      ...extra,
    });
  const all = '{__name__=~".+"}';
  const logs = '{service_name=~".+"}';
  const metrics = [
    range("m_total", 10 * year, "1"),
    range(all, 3_600, "1"),
    range(`rate(${all}[1h])`, 3_600, "1"),
    range("m_total", 3_600, "0.001"),
    range(`quantile_over_time(0.5, ${all}[1000d])`, 86_400, "60"),
    range(`sum_over_time(m_total[1000d:1s])`, 3_600, "15"),
    prom(`max_over_time(max_over_time(max_over_time(m_total[1d:1s])[1d:1s])[1d:1s])`),
    prom(`m_total * on() group_left m_total`),
    prom(`m_total * on(k) group_right m_total`),
    prom(`count(m_total or on(i) m_total or on() m_total)`),
    prom(`${"label_replace(".repeat(30)}m_total${',"a","$1$1","a","(.*)")'.repeat(30)}`),
    prom(`${"label_join(".repeat(30)}m_total${',"i","-","i","i")'.repeat(30)}`),
    prom(`count_values("v", ${all})`),
    prom(`topk(1e18, ${all})`),
    prom(`sort(${all})`),
    prom(`absent_over_time(m_total[10000d])`),
    prom(`vector(1)[1000y:1s]`),
    prom(`sum_over_time(vector(1)[1000y:1s])`),
    prom(`m_total offset 9223372036854775807s`),
    prom(`m_total @ 1e308`),
    prom(`${"-".repeat(20_000)}1`),
    prom(`${"(".repeat(10_000)}1${")".repeat(10_000)}`),
    prom(`1${"+1".repeat(20_000)}`),
    prom(`m_total{i=~"${"(a+)+".repeat(200)}"}`),
    prom(`m_total{i=~"(((a{100}){100}){100})"}`),
    prom(`m_total{i=~"${"x".repeat(100_000)}"}`),
    prom(`histogram_quantile(0.9, ${all})`),
    prom(`sum by (i, k, instance) (rate(${all}[100d]))`),
    prom(`info(${all})`),
    range(`predict_linear(m_total[30d:1s], 1e9)`, 86_400, "10"),
    range(`double_exponential_smoothing(m_total[30d:1s], 0.5, 0.5)`, 86_400, "10"),
    "/api/v1/series?match[]=%7B__name__%3D~%22.%2B%22%7D&limit=99999999999",
    "/api/v1/labels?limit=-1",
    "/api/v1/label/__name__/values?start=0&end=99999999999999",
    "/api/v1/query_exemplars?query=m_total&start=0&end=99999999999",
    "/federate?match[]=%7B__name__%3D~%22.%2B%22%7D",
  ];
  const lines = [
    loki(logs, { limit: "2147483648" }),
    loki(`${logs} | json | logfmt | regexp "(?P<a>.*)(?P<b>.*)(?P<c>.*)"`, { limit: "5000" }),
    loki(`${logs} |~ "(a+)+$"`),
    loki(`${logs} ${'|~ "(.*a){20}"'.repeat(30)}`),
    loki(`${logs} ${'| line_format "{{.a}}{{.a}}{{__line__}}{{__line__}}"'.repeat(30)}`),
    loki(`${logs} | line_format "{{ repeat 1000000000 \\"x\\" }}"`),
    loki(`${logs} | line_format "{{ range untilStep 0 1000000000 1 }}x{{ end }}"`),
    loki(`${logs} ${'| label_format a="{{.a}}{{.a}}x"'.repeat(60)}`),
    loki(`sum by (i) (count_over_time(${logs}[1000d]))`, { step: "1" }),
    loki(`quantile_over_time(0.99, ${logs} | unwrap i [1d]) by (i)`, { step: "1" }),
    loki(`rate(${logs}[1s])`, { step: "0.001" }),
    loki(`topk(1e9, count_over_time(${logs}[1h]))`, { step: "1" }),
    loki(`${logs}${" | x=1 or y=2".repeat(500)}`),
    loki(`${logs} ${'!= "a"'.repeat(3_000)}`),
    loki(`(${"(".repeat(5_000)}count_over_time(${logs}[1m])${")".repeat(5_000)})`),
    loki(`count_over_time(${logs}[5m]) * on() group_left count_over_time(${logs}[5m])`, {
      step: "1",
    }),
    withParams("/loki/api/v1/detected_fields", {
      query: logs,
      limit: "99999999",
      line_limit: "99999999",
    }),
    withParams("/loki/api/v1/patterns", { query: logs, step: "1s", start: "0", end: String(now) }),
    withParams("/loki/api/v1/index/volume_range", {
      query: logs,
      limit: "99999999",
      step: "0.001",
    }),
  ];
  const spans = [
    tempo("{} >> {} >> {} >> {}"),
    tempo("{} !<< {} !~ {} &>> {}", { limit: "100000" }),
    tempo("{ } | select(span.a, span.b) | by(span.i) | count() > 0", { limit: "99999999" }),
    tempo(`{ ${"(".repeat(10_000)}true${")".repeat(10_000)} }`),
    tempo(`{ ${"span.a = 1 || ".repeat(5_000)} true }`),
    tempo(`{ name =~ "(a+)+$" }`),
    tempo(`{ name =~ "((a{100}){100}){100}" }`),
    tempo(`{ .i != nil } ~ { .i != nil }`, { spss: "1000000" }),
    ...[
      "rate() by (span.tid)",
      "quantile_over_time(duration, 0.1, 0.5, 0.9) by (span.tid)",
      "histogram_over_time(duration) by (name)",
      "compare({ duration > 1ns }, 100000)",
      "count_over_time() by (span.tid) with (exemplars=1000000)",
    ].map((stage) =>
      withParams("/tempo/api/metrics/query_range", {
        q: `{} | ${stage}`,
        start: String(now - 7_200),
        end: String(now + 60),
        step: "1ms",
      }),
    ),
    withParams("/tempo/api/v2/search/tag/span.tid/values", {
      limit: "99999999",
      maxStaleValues: "0",
    }),
    "/jaeger/api/traces?service=testkit&limit=99999999&lookback=custom&start=0&end=9223372036854775807",
    "/jaeger/api/dependencies?endTs=9999999999999&lookback=9999999999999",
  ];
  return [...metrics, ...lines, ...spans];
}

const queryOfDeath: FaultCase = {
  name: "S21",
  title: "queries that would need more than there is, while data comes in",
  async run({ directory, short, log }) {
    const timeoutSeconds = 5;
    const memory = 1_024 * MiB;
    const server = await startServer({
      dataDir: join(directory, "data"),
      args: [
        ...["--memory", String(memory)],
        ...[
          "--config",
          configFile(directory, `limits: { queryTimeoutSeconds: ${timeoutSeconds} }\n`),
        ],
      ],
    });
    try {
      await fill(server, short ? 1 : 5);
      const ingest = startIngest(server);
      const slow: string[] = [];
      const statuses = new Map<number, number>();
      const queries = queriesOfDeath();
      let slowest = 0;
      const rounds = short ? 1 : 3;
      for (let round = 0; round < rounds; round++)
        // Two at a time: what one costs must not be what the other gets.
        for (let i = 0; i < queries.length; i += 2)
          await Promise.all(
            queries.slice(i, i + 2).map(async (path) => {
              const answer = await ask(`${server.url}${path}`, 60_000);
              statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
              slowest = Math.max(slowest, answer.ms);
              const shown = `${path.slice(0, 200)} answered ${answer.status} after ${Math.round(answer.ms)} ms: ${answer.text.slice(0, 300)}`;
              if (process.env["FAULTS_TRACE"] !== undefined) log(shown);
              if (answer.ms > (timeoutSeconds + 1) * 1000) slow.push(shown);
              const good = [200, 400, 414, 422, 431, 503, 504].includes(answer.status);
              expectThat(good, `${shown}\n${server.logs().slice(-2_000)}`);
            }),
          );
      const acks = await ingest.stop();
      log(`ingest ${counts(acks.statuses)}`);
      log(counts(statuses));
      for (const one of slow) log(one);
      const peakMiB = Math.round(server.memory().peak / MiB);
      const ownMiB = Math.round(server.memory().anonymous / MiB);
      const alive = await ask(`${server.url}/api/v1/query?query=1`, 5_000);
      expectThat(alive.status === 200, "it still answers");
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      expectThat(
        slow.length === 0,
        `${slow.length} answers came later than the timeout and a second: ${slow[0] ?? ""}`,
      );
      return {
        queries: queries.length * rounds,
        slowestMs: Math.round(slowest),
        ackMsP99: percentile(acks.ms, 0.99),
        peakMiB,
        ownMiB,
      };
    } finally {
      await server.kill();
    }
  },
};

/** An hour of 2,000 series, and spans and lines. */
async function fill(server: RunningServer, times: number): Promise<void> {
  const { metricsBodies } = await import("../bench/metrics-payload.ts");
  const toMs = Date.now();
  const load = { series: 2_000, fromMs: toMs - 3_600_000, toMs, stepMs: 15_000, perRequest: 2_000 };
  for (const { body } of metricsBodies(load)) await send(server, "/api/v1/write", body);
  const client = createHttpClient(server.otlpHttpUrl, "protobuf");
  for (let i = 0; i < times * 10; i++)
    for (const signal of ["traces", "logs"] as const) {
      const payload = { signal, firstId: i * 2_000, rows: 2_000, nowMs: Date.now() - i * 1_000 };
      const answer = await client.send(signal, encodePayload(payload, "protobuf"));
      expectThat(answer.status === 200, `filling answered ${answer.status}`);
    }
  client.close();
  await drained(server, 60_000);
}

/** A small request every 50 ms; how long each took. */
function startIngest(server: RunningServer): {
  stop(): Promise<{ ms: number[]; statuses: ReadonlyMap<number, number> }>;
} {
  const statuses = new Map<number, number>();
  const client = createHttpClient(server.otlpHttpUrl, "protobuf");
  const ms: number[] = [];
  let stopped = false;
  let id = 50_000_000;
  const run = async (): Promise<void> => {
    while (!stopped) {
      id += 100;
      const payload = { signal: "logs" as const, firstId: id, rows: 20, nowMs: Date.now() };
      const answer = await client.send("logs", encodePayload(payload, "protobuf"));
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      ms.push(answer.ms);
      await pause(50);
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
      client.close();
      return { ms, statuses };
    },
  };
}

const evilPatterns: readonly string[] = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "^([a-zA-Z]+)*$",
  "(a*)*b",
  "(a+){10}b",
  "^(.*a){12}$",
  "(.*)*x",
  "(.+)+x",
  '([^"]*)*x',
  "(\\w+\\s?)*$",
  "^(\\d+)*[^\\d]$",
  "(x+x+)+y",
  "((a+)+)+b",
  "a{0,1000}a{0,1000}a{0,1000}b",
  "(a?){500}a{500}",
  "(?i)(A+)+B",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(.*?,){11}P",
  "\\s+$",
  "^\\s*(.*?)\\s*$",
  "(?:a|b|ab)*c",
  "[a-z]+[a-z]+[a-z]+[a-z]+[a-z]+[0-9]",
  ".*.*.*.*.*.*=.*",
  "(ab|a|b)*c",
  "a*a*a*a*a*a*b",
  "(?s:.*)(?s:.*)(?s:.*)z$",
  "^(?:(?:a+)+)+$",
  "(\\S+\\s*)+:",
  "([\\s\\S]*)*end",
  "(a|b|c|d|e)*f",
  "((((a*)*)*)*)*b",
  "^([\\w.]+)+@",
  "(<[^>]*>)*x",
  "^(0|1|01)*2$",
  "(aa+)+c",
  "(?:.|\\n)*?z",
  "(a{1,50}){1,20}b",
  "[^a]*(a+)+[^a]",
  "^(a+a+)+$",
];

const evilRegex: FaultCase = {
  name: "S4",
  title: "regular expressions that explode elsewhere, over a line of a megabyte",
  async run({ directory, short, log }) {
    const server = await startServer({ dataDir: join(directory, "data") });
    try {
      const nowNs = `${Date.now()}000000`;
      // Cut at the limit of a line; more than enough for what is exponential.
      const long = `${"a".repeat(MiB)}!`;
      const resource = { attributes: [string("service.name", "regex")] };
      const short32 = "a".repeat(32_000);
      await send(server, "/v1/logs", {
        resourceLogs: [
          {
            resource,
            scopeLogs: [
              {
                logRecords: [
                  {
                    timeUnixNano: nowNs,
                    body: { stringValue: long },
                    attributes: [string("v", short32)],
                  },
                ],
              },
            ],
          },
        ],
      });
      const span = {
        traceId: "1".repeat(32),
        spanId: "1".repeat(16),
        name: short32,
        startTimeUnixNano: nowNs,
        endTimeUnixNano: nowNs,
        attributes: [string("v", short32)],
      };
      await send(server, "/v1/traces", {
        resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }],
      });
      await send(
        server,
        "/api/v1/write",
        remoteWrite([
          series(
            [
              ["__name__", "regex_text"],
              ["v", "a".repeat(4_000)],
            ],
            Date.now(),
            1,
          ),
        ]),
      );
      await drained(server, 30_000);
      const stream = '{service_name="regex"}';
      const places: readonly (readonly [string, (pattern: string) => string])[] = [
        ["PromQL =~", (p) => withParams("/api/v1/query", { query: `regex_text{v=~${quoted(p)}}` })],
        ["PromQL !~", (p) => withParams("/api/v1/query", { query: `regex_text{v!~${quoted(p)}}` })],
        [
          "label_replace",
          (p) =>
            withParams("/api/v1/query", {
              query: `label_replace(regex_text, "d", "$1", "v", ${quoted(p)})`,
            }),
        ],
        ["series", (p) => withParams("/api/v1/series", { "match[]": `{v=~${quoted(p)}}` })],
        [
          "LogQL |~",
          (p) => withParams("/loki/api/v1/query_range", { query: `${stream} |~ ${quoted(p)}` }),
        ],
        [
          "LogQL !~",
          (p) => withParams("/loki/api/v1/query_range", { query: `${stream} !~ ${quoted(p)}` }),
        ],
        [
          "LogQL selector",
          (p) => withParams("/loki/api/v1/query_range", { query: `{service_name=~${quoted(p)}}` }),
        ],
        [
          "LogQL label filter",
          (p) => withParams("/loki/api/v1/query_range", { query: `${stream} | v=~${quoted(p)}` }),
        ],
        [
          "LogQL regexp",
          (p) =>
            withParams("/loki/api/v1/query_range", {
              query: `${stream} | regexp ${quoted(`(?P<x>${p})`)}`,
            }),
        ],
        [
          "LogQL template",
          (p) =>
            withParams("/loki/api/v1/query_range", {
              query: `${stream} | line_format ${quoted(`{{ regexReplaceAll \`${p}\` __line__ "x" }}`)}`,
            }),
        ],
        [
          "LogQL count",
          (p) =>
            withParams("/loki/api/v1/query_range", {
              query: `count_over_time(${stream} |~ ${quoted(p)} [1h])`,
            }),
        ],
        [
          "TraceQL attribute",
          (p) => withParams("/tempo/api/search", { q: `{ span.v =~ ${quoted(p)} }` }),
        ],
        ["TraceQL name", (p) => withParams("/tempo/api/search", { q: `{ name =~ ${quoted(p)} }` })],
        ["TraceQL !~", (p) => withParams("/tempo/api/search", { q: `{ name !~ ${quoted(p)} }` })],
        [
          "Tempo values",
          (p) => withParams("/tempo/api/v2/search/tag/.v/values", { q: `{ .v =~ ${quoted(p)} }` }),
        ],
      ];
      const patterns = short ? evilPatterns.filter((_, i) => i % 4 === 0) : evilPatterns;
      const ms: number[] = [];
      let worst = "";
      for (const [name, path] of places) {
        const mine: number[] = [];
        for (const pattern of patterns) {
          const answer = await ask(`${server.url}${path(pattern)}`, 30_000);
          const shown = `${name} ${pattern} answered ${answer.status} after ${Math.round(answer.ms)} ms: ${answer.text.slice(0, 200)}`;
          expectThat([200, 400, 422].includes(answer.status), shown);
          if (answer.ms >= Math.max(...ms, ...mine, 0)) worst = `${name} ${pattern}`;
          mine.push(answer.ms);
        }
        log(`${name}: p50 ${percentile(mine, 0.5)} ms, most ${percentile(mine, 1)} ms`);
        ms.push(...mine);
      }
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
      // Far above what linear time needs on a busy machine, far below what backtracking takes.
      expectThat(Math.max(...ms) < 10_000, `${worst} took ${Math.round(Math.max(...ms))} ms`);
      return { queries: ms.length, msP99: percentile(ms, 0.99), msMax: percentile(ms, 1), worst };
    } finally {
      await server.kill();
    }
  },
};

export const questionCases: readonly FaultCase[] = [evilRegex, injection, newSeries, queryOfDeath];
