/** S20: far more new series than the limit. S21: queries that would need more than there is. */
import { join } from "node:path";
import { createHttpClient } from "../otlp-client.ts";
import { encodePayload } from "../otlp-payload.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { ask, configFile, counts, remoteWrite, send, series, withParams, write } from "./ask.ts";
import { expectThat, type FaultCase, pause, percentile } from "./case.ts";
import { evilRegex } from "./expressions.ts";
import { injection } from "./injection.ts";
import { drained } from "./verify.ts";

const MiB = 1024 * 1024;

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
  isSlow: true,
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

export const questionCases: readonly FaultCase[] = [evilRegex, injection, newSeries, queryOfDeath];
