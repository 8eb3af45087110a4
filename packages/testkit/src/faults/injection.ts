/** S6: texts that are SQL elsewhere, as names and values, through three languages. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type RunningServer, startServer } from "../start-server.ts";
import { ask, quoted, remoteWrite, send, series, string, withParams } from "./ask.ts";
import { expectThat, type FaultCase } from "./case.ts";
import { hostileTexts } from "./hostile-texts.ts";
import { drained } from "./verify.ts";

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

export const injection: FaultCase = {
  name: "S6",
  title: "texts that are SQL elsewhere, as names and values, through three languages",
  async run({ directory, short, log }) {
    const texts = short ? hostileTexts.filter((_, i) => i % 7 === 0) : hostileTexts;
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
