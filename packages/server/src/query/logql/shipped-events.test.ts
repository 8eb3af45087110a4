/** Events of every shipper, searched as LogQL's users search: by text, by `| json`, by level in either way to write it. */
import { checkLogql, parseLogql } from "@triptych/lang";
import { defaultLimits, type LogBatch } from "@triptych/model";
import {
  addForwardEvents,
  decodeBeatsEvents,
  decodeElasticsearchBulk,
  drain,
  draftsOfLogstash,
  LogDrafts,
} from "@triptych/wire";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestClock, openTestStore, type TestStore } from "../../store/store-for-tests.ts";
import { pipelineDeps } from "./pipeline-deps.ts";
import { runLogQuery } from "./run-logs.ts";
import { runMetricQuery } from "./run-metrics.ts";

const T = 1_700_000_000_000;
const NS = BigInt(T) * 1_000_000n;
const clock = createTestClock(T);
const range = { fromNs: NS - 1n, toNs: NS + 1_000_000_000n };
const limits = defaultLimits;
const options = { limits, arrivalNs: NS, peer: "" };

type Event = { readonly [name: string]: string };
/** An event with a level of its own, one that carries the application's line of JSON, and one that has neither. */
const eventsOf = (service: string): readonly Event[] => [
  { service, level: "ERROR", message: "boom" },
  { service, message: JSON.stringify({ level: "ERROR", message: "in JSON", code: 7 }) },
  { service, level: "INFO", message: "fine" },
  { service, message: "plain" },
];
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function packed(event: Event): Uint8Array {
  const texts = Object.entries(event).flat().map(utf8);
  const body = texts.flatMap((text) => [0xda, text.length >> 8, text.length & 255, ...text]);
  const seconds = T / 1000;
  const time = [24, 16, 8, 0].map((shift) => (seconds >>> shift) & 255);
  return Uint8Array.from([0xce, ...time, 0x80 | Object.keys(event).length, ...body]);
}

const received: { readonly [service: string]: (events: readonly Event[]) => LogBatch } = {
  elastic: (events) =>
    drain(
      decodeElasticsearchBulk(
        utf8(events.map((one) => `{"create":{}}\n${JSON.stringify(one)}\n`).join("")),
        { limits, arrivalNs: NS, index: "logs" },
      ),
    ).batch,
  beats: (events) =>
    drain(
      decodeBeatsEvents(
        events.map((one, i) => ({
          form: "json",
          sequence: i + 1,
          bytes: utf8(JSON.stringify(one)),
        })),
        options,
      ),
    ).batch,
  logstash: (events) => {
    const drafts = new LogDrafts({ limits, arrivalNs: NS });
    for (const one of events)
      for (const draft of draftsOfLogstash(utf8(JSON.stringify(one)), options)) drafts.add(draft);
    return drafts.batch;
  },
  fluentd: (events) => {
    const drafts = new LogDrafts({ limits, arrivalNs: NS });
    for (const bytes of events.map(packed))
      drain(
        addForwardEvents(
          "app",
          { kind: "message", bytes, start: 0, end: bytes.length },
          { drafts, limits },
        ),
      );
    return drafts.batch;
  },
};

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(clock);
  for (const [service, receive] of Object.entries(received))
    await store.put(receive(eventsOf(service)));
});
afterAll(() => store.close());

async function lines(text: string): Promise<string[]> {
  const query = parseLogql(text);
  checkLogql(query, pipelineDeps(clock));
  if (query.kind !== "log_query") throw new Error("a log query");
  const question = { query, range, order: "oldest", limit: 100 } as const;
  const found = await runLogQuery({ engine: store.engine, clock }, question, {});
  return found
    .map((line) => line.text)
    .map((line) => (line.startsWith("{") ? "json" : line))
    .sort();
}

const asked: readonly (readonly [stages: string, wanted: readonly string[]])[] = [
  ["", ["boom", "fine", "json", "plain"]],
  [`|= "ERROR"`, ["json"]],
  [`| level="ERROR"`, ["boom", "json"]],
  [`| level="error"`, ["boom", "json"]],
  [`| severity="ERROR"`, ["boom", "json"]],
  [`| level=~"ERROR|FATAL"`, ["boom", "json"]],
  [`| level!="ERROR"`, ["fine", "plain"]],
  [`| level!~"ERR.*"`, ["fine", "plain"]],
  [`| level!="error"`, ["fine", "plain"]],
  [`| detected_level="error"`, ["boom", "json"]],
  [`| severity_text="ERROR"`, ["boom", "json"]],
  [`| json | level="ERROR"`, ["boom", "json"]],
  [`| json | code = 7`, ["json"]],
  [`|= "ERROR" or "boom"`, ["boom", "json"]],
  [`| level="INFO" or level="ERROR"`, ["boom", "fine", "json"]],
];
for (const service of Object.keys(received)) {
  test.each(asked)(`${service} %s`, async (stages, wanted) => {
    expect(await lines(`{service="${service}"} ${stages}`)).toEqual(wanted);
    // The pipeline alone decides behind a stage that may have made the label.
    expect(await lines(`{service="${service}"} | label_format x="1" ${stages}`)).toEqual(wanted);
  });

  test(`${service}: counts`, async () => {
    const expr = parseLogql(
      `sum by (level) (count_over_time({service="${service}"} | level="ERROR" [5s]))`,
    );
    if (expr.kind === "log_query") throw new Error("numbers are wanted");
    const times = { startMs: T + 1000, endMs: T + 1000, stepMs: 1000 };
    const value = await runMetricQuery({ engine: store.engine, clock }, { expr, ...times }, {});
    if (value.kind !== "range") throw new Error("a range is wanted");
    expect(value.rows.map((row) => [row.labels.pairs, [...row.value]])).toEqual([
      [[["level", "error"]], [2]],
    ]);
  });
}
