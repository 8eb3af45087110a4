/** S4: regular expressions that explode elsewhere. */
import { join } from "node:path";
import { startServer } from "../start-server.ts";
import { ask, quoted, remoteWrite, send, series, string, withParams } from "./ask.ts";
import { expectThat, type FaultCase, percentile } from "./case.ts";
import { drained } from "./verify.ts";

const MiB = 1024 * 1024;

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

export const evilRegex: FaultCase = {
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
      const patterns = short ? evilPatterns.filter((_, i) => i % 6 === 0) : evilPatterns;
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
