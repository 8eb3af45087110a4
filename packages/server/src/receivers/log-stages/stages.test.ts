/** Stages with promtail's meaning: YAML and lines in, lines with labels out. Examples follow promtail's documentation. */
import { createSimClock } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import { createYamlReader } from "../../config/prometheus/yaml-reader.ts";
import { readStages } from "../../config/promtail/stages.ts";
import type { StageDeps } from "./entry.ts";
import { compileStages, type RunResult, runStages } from "./pipeline.ts";
import { createStageMetrics } from "./stage-metrics.ts";

const clock = createSimClock();
const NOW_NS = BigInt(clock.nowMs()) * 1_000_000n;

function depsFor(dropped: (reason: string) => void = () => {}): StageDeps {
  return { clock, random: () => 0.5, metrics: createStageMetrics(clock), dropped };
}

function run(
  yaml: string,
  lines: readonly string[],
  options: { readonly flush?: boolean; readonly deps?: StageDeps } = {},
): RunResult {
  const reader = createYamlReader(yaml, "stages.yml", ".");
  const stage = compileStages(readStages(reader, reader.root), options.deps ?? depsFor());
  reader.finish();
  const steps = runStages(
    stage,
    { count: lines.length, at: (i) => ({ line: lines[i] as string, timeNs: NOW_NS + BigInt(i) }) },
    { labels: new Map([["job", "j"]]), flush: options.flush ?? true },
  );
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

interface Want {
  readonly line?: string;
  readonly labels?: { readonly [name: string]: string };
  readonly metadata?: { readonly [name: string]: string };
  readonly timeNs?: bigint;
}

/** `want` is what becomes of one line; undefined when it is dropped. */
const check = (name: string, yaml: string, line: string, want: Want | undefined): void =>
  test(name, () => {
    const [entry, ...rest] = run(yaml, [line]).entries;
    expect(rest).toEqual([]);
    if (want === undefined) return expect(entry).toBeUndefined();
    if (entry === undefined) throw new Error("the line was dropped");
    expect(entry.line).toBe(want.line ?? line);
    const { job, ...labels } = Object.fromEntries(entry.labels);
    expect(labels).toEqual(want.labels ?? {});
    expect(job).toBe("j");
    expect(Object.fromEntries(entry.metadata)).toEqual(want.metadata ?? {});
    if (want.timeNs !== undefined) expect(entry.timeNs).toBe(want.timeNs);
  });

const ns = (iso: string): bigint => BigInt(Date.parse(iso)) * 1_000_000n;

describe("finding values", () => {
  check(
    "json: names, paths, numbers, and JMESPath",
    "[{json: {expressions: {a: , b: x.y, n: 'list[1]', o: x}}}, {labels: {a: , b: , n: , o: }}]",
    '{"a":"1","x":{"y":true},"list":[1,2.5]}',
    { labels: { a: "1", b: "true", n: "2.5", o: '{"y":true}' } },
  );
  check("json: what is no JSON passes", "[{json: {expressions: {a: }}}]", "plain", {});
  check(
    "json: or is dropped",
    "[{json: {expressions: {a: }, drop_malformed: true}}]",
    "{no",
    undefined,
  );
  check(
    "json: from an extracted value",
    "[{json: {expressions: {extra: }}}, {json: {expressions: {user: }, source: extra}}, {labels: {user: }}]",
    '{"extra":"{\\"user\\":\\"marco\\"}"}',
    { labels: { user: "marco" } },
  );
  check(
    "regex: named groups, one that takes no part is empty",
    "[{regex: {expression: '^(?P<level>\\w+):(?P<none>x)? (?P<rest>.*)$'}}, {labels: {level: , none: }}, {output: {source: rest}}]",
    "warn: too late",
    { line: "too late", labels: { level: "warn", none: "" } },
  );
  check(
    "regex: groups as labels",
    "[{regex: {expression: '(?P<a>\\d+)', labels_from_groups: true}}]",
    "x 12 y",
    { labels: { a: "12" } },
  );
  check(
    "logfmt",
    "[{logfmt: {mapping: {timestamp: time, app: , duration: }}}, {labels: {app: }}, {structured_metadata: {duration: , timestamp: }}]",
    'time=2012-11-01T22:08:41+00:00 app=loki level=WARN duration=125 message="this is a log line"',
    {
      labels: { app: "loki" },
      metadata: { duration: "125", timestamp: "2012-11-01T22:08:41+00:00" },
    },
  );
  check(
    "eventlogmessage",
    "[{json: {expressions: {message: }}}, eventlogmessage, {labels: {Subject_Name: }}]",
    '{"message":"Overview\\r\\nSubject Name: me\\r\\n"}',
    { labels: { Subject_Name: "me" } },
  );
});

describe("changing lines", () => {
  check(
    "replace: each group, as a template of its text",
    "[{replace: {expression: 'password (\\S+)', replace: '****'}}]",
    "x password secret y password other",
    { line: "x password **** y password ****" },
  );
  check(
    "replace: named groups are extracted",
    "[{replace: {expression: '^(?P<ip>\\S+)', replace: '{{ .Value | ToUpper }}'}}, {labels: {ip: }}]",
    "ab:cd rest",
    { line: "AB:CD rest", labels: { ip: "AB:CD" } },
  );
  check(
    "template: functions, the entry, and an empty result",
    "[{regex: {expression: '(?P<a>\\w+) (?P<b>\\w+)'}}, {template: {source: a, template: '{{ ToUpper .Value }}-{{ .b }}-{{ .Entry | len }}'}}, {template: {source: b, template: '{{ if false }}x{{ end }}'}}, {labels: {a: , b: }}]",
    "one two",
    { labels: { a: "ONE-two-7" } },
  );
  check(
    "template: hashes",
    "[{template: {source: h, template: '{{ Hash \"salt\" .Entry }}'}}, {template: {source: s, template: '{{ Sha2Hash \"salt\" .Entry }}'}}, {labels: {s: , h: }}]",
    "x",
    {
      labels: {
        s: "c9ef43a03d58f2cb9b0c4b069c179595739f5181a5565c8db5dbb124564ea819",
        h: "da3408f09c343ea37593ac4c5cfc702d76be39bec3b9a480b6a247a1c95b41b4",
      },
    },
  );
  check("decolorize", "[decolorize: ]", "\u001b[31mred\u001b[0m", { line: "red" });
  check("pack", "[{static_labels: {pod: p, keep: k}}, {pack: {labels: [pod, none]}}]", "text", {
    line: '{"pod":"p","_entry":"text"}',
    labels: { keep: "k" },
    timeNs: NOW_NS,
  });
  check(
    "labels: allow, drop, static; metadata drop",
    "[{static_labels: {a: '1', b: '2', c: '3'}}, {labeldrop: [a]}, {labelallow: [job, b]}, {structured_metadata: {job: }}, {structured_metadata_drop: [job]}]",
    "x",
    { labels: { b: "2" } },
  );
  check("tenant does nothing here", "[{tenant: {value: team}}]", "x", {});
});

describe("time", () => {
  const time = (format: string, value: string, want: bigint | undefined, more = ""): void =>
    check(
      `${format} ${value}`,
      `[{regex: {expression: '^(?P<t>.*)$'}}, {timestamp: {source: t, format: '${format}'${more}}}]`,
      value,
      { timeNs: want ?? NOW_NS },
    );
  time("RFC3339Nano", "2019-01-01T01:00:00.000000001Z", ns("2019-01-01T01:00:00Z") + 1n);
  time("RFC3339", "2019-01-01T01:00:00+02:00", ns("2018-12-31T23:00:00Z"));
  time("Unix", "1562708916.919", 1_562_708_916_919_000_000n);
  time("UnixMs", "1562708916919", 1_562_708_916_919_000_000n);
  time("UnixUs", "1562708916919123", 1_562_708_916_919_123_000n);
  time("UnixNs", "1562708916919123456", 1_562_708_916_919_123_456n);
  time("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700", ns("2006-01-02T22:04:05Z"));
  time("02/Jan/2006:15:04:05 -0700", "10/Oct/2000:13:55:36 -0700", ns("2000-10-10T20:55:36Z"));
  // Without a year it is this one; the clock stands in November 2023.
  time("Jan _2 15:04:05", "Jul  9 17:00:00", ns("2023-07-09T17:00:00Z"));
  time(
    "2006-01-02 15:04:05",
    "2023-06-01 12:00:00",
    ns("2023-06-01T10:00:00Z"),
    ", location: Europe/Berlin",
  );
  time("UnixDate", "no time", undefined);
  time("Unix", "12", 12_000_000_000n, ", fallback_formats: [UnixMs]");

  test("an entry without a time follows the one before, or keeps its own", () => {
    const yaml = (action: string): string =>
      `[{regex: {expression: '^t=(?P<t>\\d+)'}}, {timestamp: {source: t, format: Unix, action_on_failure: ${action}}}]`;
    const times = (action: string): bigint[] =>
      run(yaml(action), ["t=100", "no", "no"]).entries.map(({ timeNs }) => timeNs);
    expect(times("fudge")).toEqual([100_000_000_000n, 100_000_000_001n, 100_000_000_002n]);
    expect(times("skip")).toEqual([100_000_000_000n, NOW_NS + 1n, NOW_NS + 2n]);
  });
});

describe("letting pass", () => {
  const match = (selector: string, action = "drop"): string =>
    `[{match: {selector: '${selector}', action: ${action}}}]`;
  check(
    "match: labels and filters",
    match('{job="j"} |~ "secret|token" != "public"'),
    "a token",
    undefined,
  );
  check(
    "match: a filter that is not met",
    match('{job="j"} |= "x" | logfmt | level="debug"'),
    "x level=info",
    {},
  );
  check(
    "match: parsers too",
    match('{job=~"j.*"} | logfmt | level="debug"'),
    "level=debug",
    undefined,
  );
  check("match: another job", match('{job!="j"}'), "x", {});
  check(
    "match: stages for some",
    "[{match: {selector: '{job=\"j\"}', stages: [{static_labels: {a: '1'}}]}}, {match: {selector: '{job=\"k\"}', stages: [{static_labels: {b: '1'}}]}}]",
    "x",
    { labels: { a: "1" } },
  );
  check("drop: expression", "[{drop: {expression: '.*debug.*'}}]", "my debug line", undefined);
  check("drop: longer than", "[{drop: {longer_than: 8b}}]", "123456789", undefined);
  check("drop: not longer", "[{drop: {longer_than: 8KB}}]", "123456789", {});
  check(
    "drop: older than",
    "[{regex: {expression: '(?P<t>\\d+)'}}, {timestamp: {source: t, format: Unix}}, {drop: {older_than: 24h}}]",
    "1500000000",
    undefined,
  );
  check(
    "drop: all conditions must hold",
    "[{regex: {expression: '(?P<level>\\w+) (?P<msg>.*)'}}, {drop: {source: [level, msg], separator: '#', expression: '^(debug#.*|.*#health)$', longer_than: 1}}]",
    "info health",
    undefined,
  );
  check("drop: value", "[{logfmt: {mapping: {a: }}}, {drop: {source: a, value: '1'}}]", "a=12", {});
  check(
    "drop: a source that is there",
    "[{json: {expressions: {debug: }}}, {drop: {source: debug}}]",
    '{"debug":1}',
    undefined,
  );

  test("limit drops what is too much, or makes it wait", () => {
    const reasons: string[] = [];
    const lines = ["1", "2", "3", "4"];
    const deps = depsFor((reason) => reasons.push(reason));
    expect(run("[{limit: {rate: 1, burst: 2, drop: true}}]", lines, { deps }).entries.length).toBe(
      2,
    );
    expect(reasons).toEqual(["limit_stage", "limit_stage"]);
    const waiting = run("[{limit: {rate: 1, burst: 3}}]", lines);
    expect(waiting.entries.length).toBe(3);
    expect(waiting.consumed).toBe(3);
  });

  test("sampling", () => {
    expect(run("[{sampling: {rate: 0.6}}]", ["a"]).entries.length).toBe(1);
    expect(run("[{sampling: {rate: 0.4}}]", ["a"]).entries.length).toBe(0);
  });
});

describe("joining lines", () => {
  const joined = (yaml: string, lines: readonly string[], flush = true): [string[], number] => {
    const { entries, consumed } = run(yaml, lines, { flush });
    return [entries.map(({ line }) => line), consumed];
  };
  const multiline = "[{multiline: {firstline: '^\\[', max_lines: 3}}]";

  test("multiline", () => {
    const lines = ["lost", "[1] a", " at b", "[2] c", "[3] d", "1", "2", "3", "4"];
    expect(joined(multiline, lines)).toEqual([
      ["lost", "[1] a\n at b", "[2] c", "[3] d\n1\n2", "3", "4"],
      9,
    ]);
    // What may go on is not taken yet.
    expect(joined(multiline, lines.slice(0, 5), false)).toEqual([
      ["lost", "[1] a\n at b", "[2] c"],
      4,
    ]);
  });

  test("CRI: partial lines of both streams between each other", () => {
    const line = (stream: string, flag: string, text: string): string =>
      `2019-01-01T01:00:00.000000001Z ${stream} ${flag} ${text}`;
    const lines = [
      line("stdout", "P", "a"),
      line("stderr", "F", "other"),
      line("stdout", "F:x", "b"),
      "no cri",
      line("stdout", "P", "open"),
    ];
    const { entries } = run("[cri: ]", lines);
    expect(entries.map(({ line: text, labels }) => [text, labels.get("stream")])).toEqual([
      ["ab", "stdout"],
      ["other", "stderr"],
      ["no cri", undefined],
      ["open", "stdout"],
    ]);
    expect(entries[0]?.timeNs).toBe(ns("2019-01-01T01:00:00Z") + 1n);
    expect(run("[cri: ]", lines, { flush: false }).consumed).toBe(4);
    expect(run("[cri: ]", lines.slice(0, 2), { flush: false }).consumed).toBe(0);
  });

  test("Docker's json-file", () => {
    const line = (log: string): string =>
      JSON.stringify({ log, stream: "stderr", time: "2019-01-01T01:00:00.5Z" });
    const { entries } = run("[docker: {}]", [line("one\n"), line("tw"), line("o\r\n")]);
    expect(entries.map(({ line: text }) => text)).toEqual(["one", "two"]);
    expect(entries[0]?.labels.get("stream")).toBe("stderr");
    expect(entries[0]?.timeNs).toBe(ns("2019-01-01T01:00:00.500Z"));
  });
});

test("metrics of lines count what became durable", () => {
  const deps = depsFor();
  const yaml = `
- regex: { expression: '(?P<order_status>\\w+) (?P<ms>\\d+)' }
- metrics:
    lines_total: { type: Counter, description: All lines, config: { match_all: true, action: inc } }
    bytes_total: { type: counter, config: { match_all: true, count_entry_bytes: true, action: add } }
    ok_total: { type: counter, source: order_status, config: { value: ok, action: inc } }
    last: { type: gauge, source: ms, prefix: my_, config: { action: set } }
    ms: { type: histogram, source: ms, config: { buckets: [10, 100] } }
`;
  const result = run(yaml, ["ok 5", "bad 50", "ok 500"], { deps });
  expect(deps.metrics.render()).toBe("");
  result.done();
  const text = deps.metrics.render();
  for (const line of [
    'promtail_custom_lines_total{job="j"} 3',
    'promtail_custom_bytes_total{job="j"} 16',
    'promtail_custom_ok_total{job="j"} 2',
    'my_last{job="j"} 500',
    'promtail_custom_ms_bucket{job="j",le="10"} 1',
    'promtail_custom_ms_bucket{job="j",le="+Inf"} 3',
    'promtail_custom_ms_sum{job="j"} 555',
  ])
    expect(text).toContain(line);
});

describe("mistakes are told with their place", () => {
  const wrong = (yaml: string, message: RegExp): void =>
    test(yaml, () => expect(() => run(yaml, [])).toThrow(message));
  wrong("[{nonsense: {}}]", /unknown stage type: nonsense .*stages\.yml:1:3/);
  wrong("[{regex: {expression: '('}}]", /invalid regex stage config: .*1:3/);
  wrong("[{regex: {expression: 'a'}}]", /named capture group/);
  wrong("[{json: {expressions: {a: 'x['}}}]", /JMES expression/);
  wrong("[{template: {source: a, template: '{{ nope }}'}}]", /nope.*1:3/);
  wrong("[{match: {selector: '{a=}', action: drop}}]", /invalid match stage config.*1:3/);
  wrong("[{match: {selector: '{a=\"b\"}'}}]", /at least one additional stage/);
  wrong(
    "[{match: {selector: '{a=\"b\"}', stages: [{regex: {expression: '('}}]}}]",
    /invalid regex stage config/,
  );
  wrong("[{regex: {expresion: 'x'}}]", /expresion not found/);
  wrong("[{metrics: {a: {type: counter, config: {action: set}}}}]", /action of a counter/);
  wrong("[{labels: {'0a': }}]", /invalid label name/);
  wrong("[{limit: {rate: 0, burst: 1}}]", /above 0/);
  wrong("[{docker: {}, cri: {}}]", /only one key/);
});
