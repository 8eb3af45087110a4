import { defaultLimits, type LogBatch, TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { levelOfLine } from "./level.ts";
import { decodeLokiPush } from "./push.ts";
import { PushWriter } from "./push-writer.ts";
import { LOKI_SCHEMA_URL } from "./schema.ts";
import { parseStreamLabels } from "./stream-labels.ts";

const options = { limits: defaultLimits, arrivalNs: 5n };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): LogBatch =>
  drain(decodeLokiPush(bytes(JSON.stringify(value)), "json", options));

function rows(batch: LogBatch): unknown[] {
  return Array.from({ length: batch.rows }, (_, row) => {
    const pairs: [string, string][] = [];
    const { attributes } = batch;
    for (
      let i = attributes.offsets[row] as number;
      i < (attributes.offsets[row + 1] as number);
      i++
    )
      pairs.push([batch.keys.text(attributes.keys[i] as number), attributes.values.text(i)]);
    const level = batch.strings.text(batch.severityText[row] as number);
    return [String(batch.timeNs[row]), batch.body.text(row), level, Object.fromEntries(pairs)];
  });
}

test("streams, entries, metadata", () => {
  const batch = json({
    streams: [
      {
        values: [
          ["1", "a\nb", { pod: "p" }],
          ["9223372036854775807", "level=warn"],
        ],
        stream: { app: "x" },
      },
    ],
  });
  expect(rows(batch)).toEqual([
    ["1", "a\nb", "", { pod: "p" }],
    ["9223372036854775807", "level=warn", "warn", {}],
  ]);
  expect(batch.resources.schemaUrl.text(0)).toBe(LOKI_SCHEMA_URL);
  expect(batch.strings.text(batch.resources.serviceName[0] as number)).toBe("x");
});

test("a line beyond the limit is cut and marked, not inside a character", () => {
  const small = { ...options, limits: { ...defaultLimits, logLineBytesMax: 5 } };
  const body = bytes(
    JSON.stringify({ streams: [{ stream: { a: "b" }, values: [["1", "abcdéf"]] }] }),
  );
  expect(rows(drain(decodeLokiPush(body, "json", small)))).toEqual([
    ["1", "abcd", "", { "triptych.truncated": "true" }],
  ]);
});

test("a level among labels is taken as it is, that of the line before that of the stream", () => {
  const values = [
    ["1", "error"],
    ["2", "error", { severity: "odd" }],
    ["3", "x", { detected_level: "WARN" }],
  ];
  const levels = (stream: object) =>
    rows(json({ streams: [{ stream, values }] })).map((row) => (row as unknown[])[2]);
  expect(levels({ a: "b" })).toEqual(["error", "odd", "warn"]);
  expect(levels({ level: "CRITICAL" })).toEqual(["critical", "odd", "warn"]);
});

test("ids and a level as a number are found in JSON lines, which stay as they are", () => {
  const lines = [
    '{"level":30,"traceId":"0AF7651916CD43DD8448EB211C80319C","span_id":"b7ad6b7169203331"}',
    '{"level":50,"msg":"no ids"}',
    '{"trace_id":"not one"',
  ];
  const batch = json({
    streams: [{ stream: { a: "b" }, values: lines.map((line, i) => [String(i + 1), line]) }],
  });
  const hex = (bytes_: Uint8Array): string => Buffer.from(bytes_).toString("hex");
  expect(rows(batch)).toEqual(lines.map((line, i) => [String(i + 1), line, "", {}]));
  expect([...batch.severityNumber.subarray(0, 3)]).toEqual([9, 17, 0]);
  expect(hex(batch.traceId.subarray(0, 16))).toBe("0af7651916cd43dd8448eb211c80319c");
  expect(hex(batch.spanId.subarray(0, 8))).toBe("b7ad6b7169203331");
  expect(hex(batch.traceId.subarray(16, 48))).toBe("0".repeat(64));
});

describe("labels of a stream as text", () => {
  const check = (text: string, want: object) =>
    test(text, () => expect(Object.fromEntries(parseStreamLabels(text))).toEqual(want));
  check('{a="b", c="d",}', { a: "b", c: "d" });
  check('{ a = "x\\"\\n\\u00e9\\x41" }', { a: 'x"\néA' });
  check('{a=""}', {});
  check("{a=`b`}", { a: "b" });
  check("{}", {});
  for (const bad of ["", "a", "{a}", '{a="b" c="d"}', '{a="b}', '{="b"}', '{a="\\q"}', '{a!="b"}'])
    test(`refused: ${bad}`, () => expect(() => parseStreamLabels(bad)).toThrow(TriptychError));
});

describe("levels in lines", () => {
  const check = (line: string, want: string) =>
    test(line, () => expect(levelOfLine(bytes(line), 0, line.length)).toBe(want));
  check('{"level":"ERROR","x":1}', "error");
  check("level=warning msg=x", "warn");
  check("2026-01-01 INFO started", "info");
  check("terrible informational text", "");
  check('{"severity":"dbg","level":"trc"}', "debug");
  check('{"a":{"b":{"level":"dbg"}},"level":"trc"}', "trace");
  check('{"a":{"level":"dbg"}}', "debug");
  check('{"level":"dbg"', "");
  check('{"level":"odd","m":"info"}', "info");
  check('{"level":30}', "");
  check("lvl=dbg level=trc", "trace");
  check('msg="level=dbg" x', "");
  check('LEVEL="critical"', "critical");
  check("level=crit", "");
  check("Level:dbg", "");
  check("/error/ x.error.y <error>", "");
  check("(error)", "error");
  check(`${"x".repeat(600)} warn`, "warn");
  check("", "");
});

describe("hostile bodies", () => {
  test("anything is decoded or refused", () => {
    const whole = JSON.stringify({
      streams: [{ stream: { a: "b" }, values: [["1", "x", { c: "d" }]] }],
    });
    const mutated = fc.tuple(fc.nat(whole.length), fc.nat(4), fc.string({ maxLength: 4 }));
    const outcome = (body: Uint8Array, encoding: "json" | "protobuf"): void => {
      try {
        drain(decodeLokiPush(body, encoding, options));
      } catch (error) {
        expect(error).toBeInstanceOf(TriptychError);
      }
    };
    fc.assert(
      fc.property(mutated, ([at, cut, put]) =>
        outcome(bytes(whole.slice(0, at) + put + whole.slice(at + cut)), "json"),
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => outcome(body, "protobuf")));
  });
  test("nesting", () => {
    const body = bytes(`{"streams":[{"stream":{"a":"b"},"values":${"[".repeat(100_000)}`);
    expect(() => drain(decodeLokiPush(body, "json", options))).toThrow(TriptychError);
  });
  test("too many labels and metadata", () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, "v"]));
    expect(() => json({ streams: [{ stream: many, values: [] }] })).toThrow("label names");
    expect(() => json({ streams: [{ stream: { a: "b" }, values: [["1", "x", many]] }] })).toThrow(
      "structured metadata",
    );
  });
});

describe("lines of our own reading", () => {
  const one = (
    labels: readonly (readonly [string, string])[],
    line: string,
    isOwnReading = true,
  ) => {
    const writer = new PushWriter({ ...options, isOwnReading }, 1);
    writer.stream(labels);
    writer.begin(1n);
    const text = bytes(line);
    writer.line(text, 0, text.length);
    writer.end();
    const { batch } = writer;
    const hex = (ids: Uint8Array) => Buffer.from(ids).toString("hex").replace(/^0+$/, "");
    const resource = batch.resource[0] as number;
    const service = batch.strings.text(batch.resources.serviceName[resource] as number);
    return [service, hex(batch.traceId.subarray(0, 16)), hex(batch.spanId.subarray(0, 8))];
  };
  const check = (name: string, got: unknown[], ...want: string[]) =>
    test(name, () => expect(got).toEqual(want));
  const job = [["job", "varlogs"]] as const;
  const json = `{"level":"ERROR","service":"user-service"}`;
  const trace = "5f8a3b2c1d4e5f6a7b8c9d0e1f2a3b4c";
  const span = "abcdef1234567890";

  check("a JSON line names its service", one(job, json), "user-service", "", "");
  check("without labels too", one([], json), "user-service", "", "");
  check("a label counts more", one([["app", "x"]], json), "x", "", "");
  check("others' pushes stay as they are", one(job, json, false), "varlogs", "", "");
  check("no service in the line", one(job, `{"a":"service"}`), "varlogs", "", "");
  check(
    "ids in brackets",
    one(job, `INFO - Processing [trace:${trace}] [span:${span}]`),
    ...["varlogs", trace, span],
  );
  check(
    "ids as a formatter writes them",
    one(job, `INFO [trace_id=${trace} span_id=${span}] done`),
    ...["varlogs", trace, span],
  );
  check("something longer is no id", one(job, `trace=${trace}0`), "varlogs", "", "");
  check("ids of others' pushes", one(job, `trace=${trace}`, false), "varlogs", "", "");

  test("what a line names is a label of its stream, too", () => {
    const writer = new PushWriter({ ...options, isOwnReading: true }, 1);
    writer.stream(job);
    writer.begin(1n);
    writer.line(bytes(json), 0, bytes(json).length);
    writer.end();
    const { attributes } = writer.batch.resources;
    const row = writer.batch.resource[0] as number;
    const [from, to] = [attributes.offsets[row] as number, attributes.offsets[row + 1] as number];
    const pairs = Array.from({ length: to - from }, (_, i) => [
      writer.batch.keys.text(attributes.keys[from + i] as number),
      attributes.values.text(from + i),
    ]);
    expect(pairs).toEqual([
      ["job", "varlogs"],
      ["service", "user-service"],
      ["service.name", "user-service"],
    ]);
  });

  test("the lines of a stream name some services, not any number", () => {
    const writer = new PushWriter({ ...options, isOwnReading: true }, 1);
    writer.stream(job);
    for (let i = 0; i < 500; i++) {
      const text = bytes(`{"service":"s${i % 250}"}`);
      writer.begin(BigInt(i));
      writer.line(text, 0, text.length);
      writer.end();
    }
    const used = new Set(writer.batch.resource.subarray(0, 500));
    expect(used.size).toBe(101);
  });
});
