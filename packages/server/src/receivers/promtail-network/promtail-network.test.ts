/** Jobs of promtail that listen: syslog, Loki's push on a port of its own, and GELF. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createGelfChunks } from "./gelf-chunks.ts";
import { parseListenAddress } from "./listen-address.ts";
import { createSourcesForTests, type SourcesForTests } from "./sources-for-tests.ts";

const T = 1_700_000_000_000;
let made: SourcesForTests;
beforeEach(() => {
  made = createSourcesForTests((directory) => ({
    promtail: { files: [`${directory}/promtail.yml`] },
  }));
});
afterEach(() => made.close());

const promtail = (jobs: string): string => made.write("promtail.yml", `scrape_configs:\n${jobs}`);

function datagrams(port: number, bodies: readonly (string | Uint8Array)[]): Promise<void> {
  const socket = createSocket("udp4");
  return new Promise((resolve, reject) => {
    let left = bodies.length;
    for (const body of bodies)
      socket.send(body, port, "127.0.0.1", (error) => {
        if (error !== null) reject(error);
        if (--left === 0) socket.close(() => resolve());
      });
  });
}

const rules = `
    relabel_configs:
      - { source_labels: [__syslog_message_hostname], target_label: host }
      - { source_labels: [__syslog_message_severity, __syslog_message_facility], target_label: what }
      - { action: labelmap, regex: __syslog_message_sd_(.+) }
      - { source_labels: [__syslog_message_app_name], regex: noisy, action: drop }`;
const message =
  '<165>1 2003-10-11T22:14:15.003Z mymachine.example evntslog 12 ID47 [ex@32473 iut="3"] An event';

test("syslog over TCP: labels, rules, stages, the sender's time", async () => {
  promtail(`  - job_name: sys
    syslog:
      listen_address: 127.0.0.1:0
      label_structured_data: true
      use_incoming_timestamp: true
      labels: { job: syslog }${rules}
    pipeline_stages: [{ static_labels: { tier: edge } }]`);
  await made.start();
  const socket = connect(made.port("sys"), "127.0.0.1");
  const noisy = message.replace("evntslog", "noisy");
  socket.write(`${message}\n${noisy}\n${Buffer.byteLength(message)} ${message}`);
  socket.end();
  await made.until(() => made.journal.lines.length === 2);
  expect(made.journal.lines[0]).toMatchObject({
    line: "An event",
    timeNs: BigInt(Date.parse("2003-10-11T22:14:15.003Z")) * 1_000_000n,
    labels: {
      job: "syslog",
      host: "mymachine.example",
      what: "notice;local4",
      ex_32473_iut: "3",
      tier: "edge",
    },
  });
});

test("syslog over UDP: the time of arrival, the whole message, no label of the sender's", async () => {
  promtail(`  - job_name: sys
    syslog: { listen_address: "127.0.0.1:0", listen_protocol: udp, use_rfc5424_message: true }`);
  await made.start();
  await datagrams(made.port("sys"), [message, "", "<13>"]);
  await made.until(() => made.journal.lines.length === 1);
  const [line] = made.journal.lines;
  expect(line).toMatchObject({ line: message, labels: { job: "sys" } });
  expect(line?.timeNs).toBeGreaterThanOrEqual(BigInt(T) * 1_000_000n);
});

const gelfMessage = (text: string): string =>
  JSON.stringify({
    version: "1.1",
    host: "web1",
    short_message: text,
    timestamp: 1_385_053_862.3072,
    level: 4,
    _user: "u",
  });

function chunked(text: string, order: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text);
  const size = Math.ceil(bytes.length / order.length);
  return order.map((at) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, at, order.length]),
      bytes.subarray(at * size, (at + 1) * size),
    ]),
  );
}

test("GELF: plain, gzip, zlib, chunks in any order; damaged ones are counted", async () => {
  promtail(`  - job_name: g
    gelf: { listen_address: "127.0.0.1:0", use_incoming_timestamp: true, labels: { job: gelf } }
    relabel_configs:
      - { source_labels: [__gelf_message_level, __gelf_message_host, __gelf_message_version], target_label: from }
    pipeline_stages: [{ json: { expressions: { text: short_message } } }, { output: { source: text } }]`);
  await made.start();
  await datagrams(made.port("g"), [
    gelfMessage("plain"),
    gzipSync(gelfMessage("gzip")),
    deflateSync(gelfMessage("zlib")),
    ...chunked(gelfMessage("chunks"), [2, 0, 1]),
    "not json",
    gzipSync("x".repeat(2_000_000)),
  ]);
  await made.until(() => made.journal.lines.length === 4 && made.journal.discarded.size === 2);
  expect(made.journal.lines.map(({ line }) => line)).toEqual(["plain", "gzip", "zlib", "chunks"]);
  expect(made.journal.lines[3]).toMatchObject({
    timeNs: 1_385_053_862_307_200_000n,
    labels: { job: "gelf", from: "warning;web1;1.1" },
  });
  expect([...made.journal.discarded]).toEqual([
    ["wire_malformed", 1],
    ["wire_too_large", 1],
  ]);
});

test("GELF chunks: bounded in time and number, odd ones refused", () => {
  let nowMs = 0;
  const lost: string[] = [];
  const chunks = createGelfChunks(
    () => nowMs,
    (reason) => lost.push(reason),
  );
  const [first = new Uint8Array(), second = new Uint8Array()] = chunked("some text", [0, 1]);
  expect(chunks.push(first)).toBeUndefined();
  expect(chunks.push(first)).toBeUndefined();
  expect(Buffer.from(chunks.push(second) ?? []).toString()).toBe("some text");
  chunks.push(first);
  nowMs = 5_001;
  expect(chunks.push(second)).toBeUndefined();
  expect(lost).toEqual(["line_incomplete"]);
  for (const odd of [
    [0x1e, 0x0f],
    [...first.subarray(0, 10), 3, 2, 0],
    [...first.subarray(0, 10), 0, 200, 1],
  ])
    expect(chunks.push(Uint8Array.from(odd))).toBeUndefined();
  expect(lost.slice(1)).toEqual(["wire_malformed", "wire_malformed", "wire_malformed"]);
  for (let i = 0; i < 2_000; i++)
    chunks.push(Uint8Array.from([0x1e, 0x0f, i & 255, i >> 8, 0, 0, 0, 0, 0, 0, 0, 2, 1]));
  expect(lost.filter((reason) => reason === "queue_full").length).toBeGreaterThan(990);
});

async function push(path: string, body: string, type: string): Promise<number> {
  const url = `http://127.0.0.1:${made.port("p")}${path}`;
  const answer = await fetch(url, { method: "POST", body, headers: { "content-type": type } });
  await answer.arrayBuffer();
  return answer.status;
}

const streams = JSON.stringify({
  streams: [
    {
      stream: { app: "a", secret: "x" },
      values: [
        [String(BigInt(T) * 1_000_000n + 5n), "level=warn hi", { trace_id: "ab".repeat(16) }],
        [String(BigInt(T) * 1_000_000n + 6n), "drop me"],
      ],
    },
    { stream: { app: "b" }, values: [[String(BigInt(T) * 1_000_000n), "other"]] },
  ],
});

test("loki_push_api: relabelled, through stages, its times kept; answered when it is durable", async () => {
  promtail(`  - job_name: p
    loki_push_api:
      server: { http_listen_address: 127.0.0.1, http_listen_port: 48231, grpc_listen_port: 48232 }
      labels: { from: push }
      use_incoming_timestamp: true
    relabel_configs:
      - { action: labeldrop, regex: secret }
      - { source_labels: [app], regex: b, action: drop }
    pipeline_stages:
      - drop: { expression: drop }
      - logfmt: { mapping: { level: } }
      - labels: { level: }`);
  await made.start();
  expect(await push("/loki/api/v1/push", streams, "application/json")).toBe(204);
  expect(made.journal.lines).toMatchObject([
    {
      line: "level=warn hi",
      timeNs: BigInt(T) * 1_000_000n + 5n,
      labels: { app: "a", from: "push", level: "warn" },
      traceId: "ab".repeat(16),
    },
  ]);
  expect(made.journal.lines[0]?.labels["secret"]).toBeUndefined();
  expect(await push("/loki/api/v1/push", streams, "application/json")).toBe(204);
  expect(made.journal.duplicates()).toBe(1);
  expect(await push("/promtail/api/v1/raw", "one\n\ntwo", "text/plain")).toBe(204);
  expect(made.journal.lines.slice(1).map(({ line, labels }) => [line, labels["from"]])).toEqual([
    ["one", "push"],
    ["two", "push"],
  ]);
  expect(await push("/loki/api/v1/push", "{", "application/json")).toBe(400);
  expect((await fetch(`http://127.0.0.1:${made.port("p")}/ready`)).status).toBe(200);
});

test("an address in use is a problem, tried again; what is not served is one too", async () => {
  const taken = createSocket("udp4");
  await new Promise<void>((resolve) => void taken.bind(0, "127.0.0.1", resolve));
  promtail(`  - job_name: g
    gelf: { listen_address: "127.0.0.1:${taken.address().port}" }
  - job_name: k
    kafka: { brokers: [x] }`);
  await made.start();
  const texts = (): string[] => made.problems().map(({ message: text }) => text);
  expect(texts()).toEqual([
    expect.stringMatching(/kafka of scrape_configs is not served.*promtail\.yml:5:12/),
    expect.stringMatching(/gelf of the job g .*in use/),
  ]);
  await new Promise<void>((resolve) => void taken.close(() => resolve()));
  await made.until(() => made.port("g") > 0);
  expect(texts()).toHaveLength(1);
});

test("addresses as Go writes them", () => {
  expect(parseListenAddress(":1514")).toEqual({ host: "0.0.0.0", port: 1514 });
  expect(parseListenAddress("[::1]:1514")).toEqual({ host: "::1", port: 1514 });
  expect(parseListenAddress("localhost:0")).toEqual({ host: "localhost", port: 0 });
  for (const bad of ["1514", "a:b", "::1:5", "h:70000", ""])
    expect(() => parseListenAddress(bad)).toThrow(/no address/);
});
