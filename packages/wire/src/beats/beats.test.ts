/** Frames of the Beats protocol however they are cut, and what becomes of events. */
import { defaultLimits, type LogBatch } from "@triptych/model";
import { expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { decodeBeatsEvents } from "./events.ts";
import {
  type BeatsEvent,
  createBeatsScanner,
  readBeatsFrame,
  readInnerFrames,
  writeBeatsAck,
} from "./frames.ts";

const u32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];
const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];
const head = (version: number, type: string): number[] => [0x30 + version, type.charCodeAt(0)];
const json = (sequence: number, text: string): number[] => [
  ...head(2, "J"),
  ...u32(sequence),
  ...u32(utf8(text).length),
  ...utf8(text),
];
const pairs = (sequence: number, object: Readonly<Record<string, string>>): number[] => [
  ...head(1, "D"),
  ...u32(sequence),
  ...u32(Object.keys(object).length),
  ...Object.entries(object).flatMap(([name, value]) => [
    ...[...u32(utf8(name).length), ...utf8(name)],
    ...[...u32(utf8(value).length), ...utf8(value)],
  ]),
];

const EVENTS_MAX = 1_000;

test("frames are found in bytes that come one by one", () => {
  const frames = [
    [...head(2, "W"), ...u32(3)],
    json(1, '{"message":"ö"}'),
    pairs(2, { line: "a", file: "/var/log/x" }),
    pairs(3, {}),
    [...head(2, "C"), ...u32(2), 1, 2],
  ];
  const all = Uint8Array.from(frames.flat());
  const scanner = createBeatsScanner(EVENTS_MAX);
  const found: number[] = [];
  let start = 0;
  for (let size = 1; size <= all.length; size++) {
    const end = scanner.scan(all.subarray(start), size - start);
    if (end < 0) continue;
    found.push(end);
    start += end;
    scanner.reset();
  }
  expect(found).toEqual(frames.map(({ length }) => length));
});

test("what frames say", () => {
  const read = (bytes: number[]) => readBeatsFrame(Uint8Array.from(bytes));
  expect(read([...head(1, "W"), ...u32(0xffff_fffe)])).toEqual({
    kind: "window",
    version: 1,
    events: 0xffff_fffe,
  });
  expect(read(json(7, "{}"))).toMatchObject({ version: 2, event: { sequence: 7, form: "json" } });
  expect(read(pairs(8, {}))).toMatchObject({ version: 1, event: { sequence: 8, form: "pairs" } });
  expect([...writeBeatsAck(1, 258)]).toEqual([...head(1, "A"), 0, 0, 1, 2]);
});

const checkRefused = (name: string, bytes: readonly number[], code: string) =>
  test(`refused: ${name}`, () => {
    const scan = () => createBeatsScanner(EVENTS_MAX).scan(Uint8Array.from(bytes), bytes.length);
    expect(scan).toThrow(expect.objectContaining({ code }));
  });
checkRefused("another version", [0x33], "wire_malformed");
checkRefused("HTTP", utf8("GET / HTTP/1.1"), "wire_malformed");
checkRefused("an acknowledgement", [...head(2, "A"), ...u32(1)], "wire_malformed");
checkRefused("a large event", [...head(2, "J"), ...u32(1), ...u32(0xffff_ffff)], "wire_too_large");
checkRefused("a large frame", [...head(2, "C"), ...u32(0xffff_ffff)], "wire_too_large");
checkRefused("many pairs", [...head(1, "D"), ...u32(1), ...u32(0xffff_ffff)], "wire_too_large");
checkRefused(
  "a large key",
  [...head(1, "D"), ...u32(1), ...u32(1), ...u32(0xffff_ffff)],
  "wire_too_large",
);

const inner = (...frames: number[][]) => [...readInnerFrames(Uint8Array.from(frames.flat()))];
test("frames within a compressed one", () => {
  expect(inner(json(1, "{}"), pairs(2, { a: "b" }))).toHaveLength(2);
  const malformed = expect.objectContaining({ code: "wire_malformed" });
  expect(() => inner(json(1, "{}"), [...head(2, "J")])).toThrow(malformed);
  expect(() => inner([...head(2, "C"), ...u32(0)])).toThrow(malformed);
});

interface Want {
  readonly body: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly timeNs?: bigint;
}

function record({ batch }: { batch: LogBatch }) {
  const attributes: Record<string, string> = {};
  const { offsets, keys, values } = batch.attributes;
  for (let i = offsets[0] as number; i < (offsets[1] as number); i++)
    attributes[batch.keys.text(keys[i] as number)] = values.text(i);
  return { body: batch.body.text(0), attributes, timeNs: batch.timeNs[0] };
}

const eventOf = (frame: number[]): BeatsEvent => {
  const read = readBeatsFrame(Uint8Array.from(frame));
  if (read.kind !== "event") throw new Error("not an event");
  return read.event;
};
const decode = (frame: number[]) =>
  drain(
    decodeBeatsEvents([eventOf(frame)], {
      limits: defaultLimits,
      arrivalNs: 1_800_000_000_000_000_000n,
      peer: "10.0.0.9",
    }),
  );

const check = (name: string, frame: number[], { body, attributes = {}, timeNs }: Want) =>
  test(name, () => {
    const found = record(decode(frame));
    expect(found.body).toBe(body);
    expect(found.attributes).toEqual(attributes);
    if (timeNs !== undefined) expect(found.timeNs).toBe(timeNs);
  });
const filebeat = {
  "@timestamp": "2024-05-06T07:08:09.123Z",
  "@metadata": { beat: "filebeat", type: "_doc", version: "8.13.0" },
  message: "disk full",
  log: { offset: 12, file: { path: "/var/log/app.log" } },
  host: { name: "web-1" },
  tags: ["prod"],
  input: { type: "filestream" },
  service: { name: "shop" },
};
check("an event of Filebeat", json(1, JSON.stringify(filebeat)), {
  body: "disk full",
  attributes: {
    "log.offset": "12",
    "log.file.path": "/var/log/app.log",
    "input.type": "filestream",
    tags: '["prod"]',
  },
  timeNs: 1_714_979_289_123_000_000n,
});
check(
  "an event of version 1",
  pairs(1, { line: "hello", file: "/var/log/x", offset: "5", host: "web-1" }),
  { body: "hello", attributes: { file: "/var/log/x", offset: "5" } },
);
check("no JSON", json(1, "level=error x"), {
  body: "level=error x",
  attributes: { "network.peer.address": "10.0.0.9" },
});
const deep = `{"a":${"[".repeat(200)}${"]".repeat(200)}}`;
check("too deep", json(1, deep), {
  body: deep,
  attributes: { "network.peer.address": "10.0.0.9" },
});
check("names that are special to JavaScript", pairs(1, { line: "x", __proto__x: "1" }), {
  body: "x",
  attributes: { __proto__x: "1", "network.peer.address": "10.0.0.9" },
});

test("the same bytes again are the same records when each has its time", () => {
  expect(decode(json(1, JSON.stringify(filebeat))).isRepeatable).toBe(true);
  expect(decode(json(1, '{"message":"x"}')).isRepeatable).toBe(false);
  expect(decode(json(1, "x")).isRepeatable).toBe(false);
});
