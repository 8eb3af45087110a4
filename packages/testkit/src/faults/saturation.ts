/** L1: a million series. L3: all signals, dashboards and rules at once. L4: 200 readers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { metricsBodies } from "../bench/metrics-payload.ts";
import { benchBody } from "../bench/payload.ts";
import { createHttpClient } from "../otlp-client.ts";
import { ask, counts, ownMetric, remoteWrite, series, withParams, write } from "./ask.ts";
import { expectThat, type FaultCase, pause, percentile } from "./case.ts";
import { largeTrace } from "./large-trace.ts";
import { drained } from "./verify.ts";
import { withServer } from "./with-server.ts";

const MiB = 1024 * 1024;

/** Calls that a sender may have under way, as an exporter with a queue has. */
const UNDER_WAY_MAX = 8;

/** Calls `work` so many times a second, as evenly as it can, until `seconds` are over; how far it fell behind. */
async function atRate(
  perSecond: number,
  seconds: number,
  work: (n: number) => Promise<unknown>,
): Promise<{ calls: number; behindMs: number }> {
  const started = performance.now();
  const underWay = new Set<Promise<unknown>>();
  let calls = 0;
  let behindMs = 0;
  for (;;) {
    const dueMs = (calls * 1000) / perSecond;
    const nowMs = performance.now() - started;
    if (nowMs > seconds * 1000) break;
    if (nowMs < dueMs) await pause(dueMs - nowMs);
    behindMs = Math.max(behindMs, nowMs - dueMs);
    const call = work(calls++);
    underWay.add(call);
    const over = (): void => void underWay.delete(call);
    call.then(over, over);
    if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return { calls, behindMs: Math.round(behindMs) };
}

const SERIES_PER_REQUEST = 5_000;

const millionSeries: FaultCase = {
  name: "L1",
  isSlow: true,
  title: "a million series every 15 s, a twentieth of them new each time",
  run: (context) =>
    withServer(
      context,
      { config: "limits: { seriesTotal: 2000000, seriesPerName: 400000 }\n" },
      async (server) => {
        const many = context.short ? 100_000 : 1_000_000;
        const scrapes = 4;
        const requests = many / SERIES_PER_REQUEST;
        const statuses = new Map<number, number>();
        const ms: number[] = [];
        const started = performance.now();
        const round = async (scrape: number): Promise<void> => {
          const nowMs = Date.now();
          const send = async (n: number): Promise<void> => {
            if (n >= requests) return;
            const body = remoteWrite(
              Array.from({ length: SERIES_PER_REQUEST }, (_, i) => {
                const id = n * SERIES_PER_REQUEST + i;
                // A twentieth are pods that were replaced.
                const pod = id % 20 === scrape % 20 ? `p${id}-${scrape}` : `p${id}`;
                return series(
                  [
                    ["__name__", `million_${id % 10}_total`],
                    ["instance", `host-${id % 1_000}:9100`],
                    ["job", `job-${id % 50}`],
                    ["pod", pod],
                  ],
                  nowMs,
                  scrape * 100 + (id % 97),
                );
              }),
            );
            let answer = await write(server, body);
            while (answer.status === 503 || answer.status === 429) {
              statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
              await pause(500);
              answer = await write(server, body);
            }
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            ms.push(answer.ms);
          };
          await atRate(requests / 15, 15, send);
        };
        for (let scrape = 0; scrape < scrapes; scrape++) await round(scrape);
        const seconds = (performance.now() - started) / 1000;
        context.log(`remote write ${counts(statuses)}`);
        const lagMs = await drained(server, 120_000);
        const query = async (text: string): Promise<number[]> => {
          const out: number[] = [];
          for (let i = 0; i < 5; i++) {
            const answer = await ask(
              `${server.url}${withParams("/api/v1/query", { query: text })}`,
              60_000,
            );
            expectThat(
              answer.status === 200,
              `${text} answered ${answer.status} ${answer.text.slice(0, 300)}`,
            );
            out.push(answer.ms);
          }
          return out;
        };
        const sums = await query("sum by (job) (million_3_total)");
        context.log(`sums ${sums.map(Math.round).join(" ")} ms`);
        const regex = await query(
          'count({__name__="million_3_total", instance=~"host-(3|13|993):.+"})',
        );
        const refused = [...statuses.keys()].filter((status) => status >= 400 && status !== 503);
        expectThat(refused.length === 0, `some were refused: ${counts(statuses)}`);
        return {
          series: many,
          samplesPerSecond: Math.round((ms.length * SERIES_PER_REQUEST) / seconds),
          ackMsP99: percentile(ms, 0.99),
          drainedMs: Math.round(lagMs),
          sumMsP95: percentile(sums, 0.95),
          regexMsP95: percentile(regex, 0.95),
          residentMiB: Math.round(server.memory().resident / MiB),
          peakMiB: Math.round(server.memory().peak / MiB),
        };
      },
    ),
};

const RULES = 200;

function ruleFiles(directory: string): string {
  const config = join(directory, "prometheus");
  mkdirSync(config, { recursive: true });
  const groups = Array.from({ length: 20 }, (_, group) => {
    const rules = Array.from({ length: RULES / 20 }, (_, rule) => {
      const k = (group * 10 + rule) % 10;
      return rule % 2 === 0
        ? `  - record: k:m:rate_${group}_${rule}\n    expr: sum by (k) (rate(m_total{k="${k}"}[1m]))`
        : `  - alert: High_${group}_${rule}\n    expr: sum by (instance) (rate(m_total{k="${k}"}[1m])) > 1e9\n    for: 1m`;
    });
    return `- name: g${group}\n  interval: 10s\n  rules:\n${rules.join("\n")}`;
  });
  writeFileSync(join(config, "rules.yml"), `groups:\n${groups.join("\n")}\n`);
  writeFileSync(
    join(config, "prometheus.yml"),
    "global: { scrape_interval: 15s, evaluation_interval: 10s }\nrule_files: [rules.yml]\n",
  );
  return config;
}

const saturation: FaultCase = {
  name: "L3",
  isSlow: true,
  title: "20,000 spans, 20,000 lines and 50,000 samples a second, 20 dashboards, 200 rules",
  run: (context) =>
    withServer(context, { args: [ruleFiles(context.directory)] }, async (server) => {
      const seconds = context.short ? 20 : 180;
      const acks: number[] = [];
      const statuses = new Map<number, number>();
      const note = (status: number, ms: number): void => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        acks.push(ms);
      };
      const otlp = async (signal: "traces" | "logs"): Promise<number> => {
        const client = createHttpClient(server.otlpHttpUrl, "protobuf", {
          connections: UNDER_WAY_MAX,
        });
        let body = benchBody(signal, 500, Date.now());
        const { behindMs } = await atRate(40, seconds, async (n) => {
          // Times go on, as they do.
          if (n % 40 === 39) body = benchBody(signal, 500, Date.now());
          const answer = await client.send(signal, Buffer.from(body.fill(n)));
          note(answer.status, answer.ms);
        });
        client.close();
        return behindMs;
      };
      const metrics = async (): Promise<number> => {
        // 50,000 series a second for 15 s are 750,000; the same 100,000 every two seconds are as many samples.
        const fromMs = Date.now();
        const load = {
          series: 100_000,
          fromMs,
          toMs: fromMs + seconds * 2_000,
          stepMs: 2_000,
          perRequest: 5_000,
        };
        const bodies = metricsBodies(load);
        const { behindMs } = await atRate(10, seconds, async () => {
          const next = bodies.next();
          if (next.done === true) return;
          const answer = await write(server, next.value.body);
          note(answer.status === 204 ? 200 : answer.status, answer.ms);
        });
        return behindMs;
      };
      const reads: number[] = [];
      const kinds = ["metric", "count", "trace", "line"] as const;
      const readsOf = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
      const readStatuses = new Map<number, number>();
      const dashboards = async (): Promise<void> => {
        const panels = (): string[] => {
          const end = Math.floor(Date.now() / 1000);
          const range = { start: String(end - 900), end: String(end), step: "15" };
          return [
            withParams("/api/v1/query_range", {
              query: "sum by (k) (rate(m_total[1m]))",
              ...range,
            }),
            withParams("/loki/api/v1/query_range", {
              query: 'sum by (level) (count_over_time({service_name="bench"}[1m]))',
              ...range,
            }),
            withParams("/tempo/api/search", {
              q: '{ span.http.route = "/api/v1/orders/7/items" }',
              limit: "20",
            }),
            withParams("/loki/api/v1/query_range", {
              query: '{service_name="bench"} |= "warehouse 3"',
              limit: "100",
            }),
          ];
        };
        await atRate(2, seconds, async (n) => {
          const path = panels()[n % 4] as string;
          const answer = await ask(`${server.url}${path}`, 60_000);
          readStatuses.set(answer.status, (readStatuses.get(answer.status) ?? 0) + 1);
          reads.push(answer.ms);
          readsOf.get(kinds[n % 4] as string)?.push(answer.ms);
        });
      };
      const behind = await Promise.all([
        otlp("traces"),
        otlp("logs"),
        metrics(),
        dashboards(),
        dashboards(),
      ]);
      context.log(`senders ${counts(statuses)}; readers ${counts(readStatuses)}`);
      context.log(`senders fell behind by ${behind.slice(0, 3).join(", ")} ms`);
      const own = await ask(`${server.url}/metrics`, 30_000);
      const missed = [
        ...own.text.matchAll(/^triptych_rule_group_iterations_missed_total\{[^}]*\} (\d+)/gm),
      ].reduce((sum, [, count]) => sum + Number(count), 0);
      const groups = await ask(`${server.url}/api/v1/rules`, 30_000);
      const lags = [...groups.text.matchAll(/"lastEvaluation":"([^"]+)"/g)].map(
        ([, time]) => Date.now() - Date.parse(time ?? ""),
      );
      expectThat(
        readStatuses.size === 1 && readStatuses.has(200),
        `readers got ${counts(readStatuses)}`,
      );
      const refused = [...statuses.keys()].filter((status) => ![200, 503].includes(status));
      expectThat(refused.length === 0, `senders got ${counts(statuses)}`);
      return {
        seconds,
        ackMsP99: percentile(acks, 0.99),
        waits: statuses.get(503) ?? 0,
        readMsP95: percentile(reads, 0.95),
        ...Object.fromEntries(
          Array.from(readsOf, ([kind, ms]) => [`${kind}MsP95`, percentile(ms, 0.95)]),
        ),
        rulesMissed: missed,
        oldestEvaluationMs: Math.max(...lags),
        peakMiB: Math.round(server.memory().peak / MiB),
      };
    }),
};

const readers: FaultCase = {
  name: "L4",
  isSlow: true,
  title: "200 readers at once, a quarter of whom leave",
  run: (context) =>
    withServer(context, { args: ["--memory", String(2_048 * MiB)] }, async (server) => {
      const toMs = Date.now();
      const load = {
        series: 2_000,
        fromMs: toMs - 3_600_000,
        toMs,
        stepMs: 15_000,
        perRequest: 2_000,
      };
      for (const { body } of metricsBodies(load)) {
        const answer = await write(server, body);
        expectThat(answer.status < 300, `filling answered ${answer.status}`);
      }
      const client = createHttpClient(server.otlpHttpUrl, "protobuf");
      const body = benchBody("logs", 1_000, toMs);
      for (let n = 0; n < 100; n++) await client.send("logs", Buffer.from(body.fill(n)));
      await drained(server, 60_000);
      const end = Math.floor(toMs / 1000);
      const range = { start: String(end - 3_600), end: String(end), step: "5" };
      const paths = [
        withParams("/api/v1/query_range", { query: "rate(m_total[5m])", ...range }),
        withParams("/api/v1/query_range", { query: "sum by (k) (rate(m_total[5m]))", ...range }),
        withParams("/loki/api/v1/query_range", {
          query: '{service_name="bench"} |~ "ord.*ware"',
          limit: "1000",
        }),
        withParams("/api/v1/query_range", { query: "quantile(0.9, m_total) by (k)", ...range }),
      ];
      const statuses = new Map<number, number>();
      const acks: number[] = [];
      let reading = true;
      const ingest = (async () => {
        for (let n = 1_000; reading; n++) {
          const answer = await client.send("logs", Buffer.from(body.fill(n)));
          expectThat([200, 503].includes(answer.status), `ingest got ${answer.status}`);
          acks.push(answer.ms);
          await pause(100);
        }
      })();
      let withoutHint = 0;
      let timeouts = 0;
      const rounds = context.short ? 2 : 6;
      for (let round = 0; round < rounds; round++)
        await Promise.all(
          Array.from({ length: 200 }, async (_, i) => {
            const leaves = i % 4 === 0;
            const init = leaves ? { signal: AbortSignal.timeout(50 + context.rng.below(400)) } : {};
            const answer = await ask(`${server.url}${paths[i % paths.length]}`, 120_000, init);
            if (leaves && answer.status === 0) return;
            statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
            if (answer.text.includes("timed out")) timeouts++;
            else if (answer.status === 503 && answer.retryAfter === null) withoutHint++;
          }),
        );
      reading = false;
      await ingest;
      client.close();
      context.log(`readers ${counts(statuses)}`);
      const bad = [...statuses.keys()].filter((status) => ![200, 503].includes(status));
      expectThat(bad.length === 0, `readers got ${counts(statuses)}`);
      expectThat(withoutHint === 0, `${withoutHint} refusals do not say when to come again`);
      const after = await ask(`${server.url}${paths[1]}`, 60_000);
      expectThat(after.status === 200, `afterwards a query is answered with ${after.status}`);
      return {
        readers: 200 * rounds,
        answered: statuses.get(200) ?? 0,
        refused: (statuses.get(503) ?? 0) - timeouts,
        timeouts,
        ackMsP99: percentile(acks, 0.99),
        afterMs: Math.round(after.ms),
        waiting: await ownMetric(server, "triptych_queries_waiting"),
        peakMiB: Math.round(server.memory().peak / MiB),
      };
    }),
};

export const loadCases: readonly FaultCase[] = [millionSeries, largeTrace, saturation, readers];
