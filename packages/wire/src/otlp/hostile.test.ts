/** What malformed and hostile bodies do: a clear error of ours, quickly, never anything else. */
import { defaultLimits } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { encodeForTests, varint } from "./encode-for-tests.ts";
import { bothEncodings, jsonBytes, type Message, outcome } from "./requests-for-tests.ts";
import { decodeOtlpMetrics } from "./metrics.ts";
import type { OtlpEncoding } from "./steps.ts";

const messages: Message[] = ["Traces", "Logs", "Metrics"];

describe.each(messages)("%s", (message) => {
  test("an empty body is an empty request in protobuf and malformed in JSON", () => {
    expect(outcome(message, "protobuf", new Uint8Array(0))).toBe("");
    expect(outcome(message, "json", new Uint8Array(0))).toBe("wire_malformed");
    expect(outcome(message, "json", jsonBytes({}))).toBe("");
  });
});

/** Wraps bytes as a length-delimited field. */
const field = (number: number, payload: ArrayLike<number>): number[] => [
  ...varint(BigInt(number * 8 + 2)),
  ...varint(BigInt(payload.length)),
  ...Array.from(payload),
];
const inSpan = (payload: number[]): number[] => field(1, field(2, field(2, payload)));

describe("protobuf", () => {
  const check = (name: string, bytes: number[], want: string) =>
    test(`${name}: ${want === "" ? "accepted" : want}`, () =>
      expect(outcome("Traces", "protobuf", Uint8Array.from(bytes))).toBe(want));
  check("field number 0", [0x02, 0x00], "wire_malformed");
  check("wire type 6", [0x0e, 0x00], "wire_malformed");
  check("wire type 7", [0x0f, 0x00], "wire_malformed");
  check("the end of a group that is not open", [0x0c], "wire_malformed");
  check("a length beyond the end", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07], "wire_malformed");
  check(
    "a length of 2^63",
    [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    "wire_malformed",
  );
  check("a varint of 11 bytes", [0x18, ...Array(10).fill(0x80), 0x01], "wire_malformed");
  check("a varint of 10 bytes", [0x18, ...Array(9).fill(0xff), 0x01], "");
  check("a varint that never ends", [0x18, 0x80, 0x80], "wire_malformed");
  check("a tag of more than 32 bits", [0x80, 0x80, 0x80, 0x80, 0x10, 0x00], "wire_malformed");
  check("a fixed64 cut short", inSpan([0x39, 1, 2, 3]), "wire_malformed");
  check("a string that leaves its message", inSpan([0x2a, 0x05, 0x61]), "wire_malformed");
  check("an unknown varint", [0x38, 0x01], "");
  check("an unknown fixed32", [0x3d, 1, 2, 3, 4], "");
  check("an unknown fixed64", [0x39, 1, 2, 3, 4, 5, 6, 7, 8], "");
  check("an unknown group", [0x3b, 0x08, 0x01, 0x12, 0x01, 0x61, 0x3c], "");
  check("an unknown group with another end", [0x3b, 0x44], "wire_malformed");
  check("an unknown group without end", [0x3b, 0x08, 0x01], "wire_malformed");
  check("11,000 nested groups", Array(11_000).fill(0x3b), "wire_too_deep");
  check("a known field of another wire type", inSpan([0x28, 0x01]), "");
});

/** A value nested `depth` arrays deep, in protobuf. */
function nestedProtobuf(depth: number): Uint8Array {
  let value: Uint8Array = Uint8Array.from([0x18, 0x01]);
  const wrap = (number: number, payload: Uint8Array): Uint8Array => {
    const head = [...varint(BigInt(number * 8 + 2)), ...varint(BigInt(payload.length))];
    const out = new Uint8Array(head.length + payload.length);
    out.set(head);
    out.set(payload, head.length);
    return out;
  };
  for (let i = 0; i < depth; i++) value = wrap(5, wrap(1, value));
  return wrap(1, wrap(2, wrap(2, wrap(9, wrap(2, value)))));
}

function nestedJson(depth: number): Uint8Array {
  const value = `${'{"arrayValue":{"values":['.repeat(depth)}{"intValue":"1"}${"]}}".repeat(depth)}`;
  return new TextEncoder().encode(
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${value}}]}]}]}`,
  );
}

describe("nesting", () => {
  const check = (
    name: string,
    body: () => Uint8Array,
    expected: { encoding: OtlpEncoding; code: string },
  ) =>
    test(`${name}: ${expected.code === "" ? "accepted" : expected.code}`, () =>
      expect(
        outcome(expected.encoding === "json" ? "Logs" : "Traces", expected.encoding, body()),
      ).toBe(expected.code));
  check("AnyValue 16 deep", () => nestedProtobuf(16), { encoding: "protobuf", code: "" });
  check("AnyValue 17 deep", () => nestedProtobuf(17), {
    encoding: "protobuf",
    code: "wire_too_deep",
  });
  check("AnyValue 100 deep", () => nestedProtobuf(100), {
    encoding: "protobuf",
    code: "wire_too_deep",
  });
  check("AnyValue 10,000 deep", () => nestedProtobuf(10_000), {
    encoding: "protobuf",
    code: "wire_too_deep",
  });
  check("AnyValue 16 deep", () => nestedJson(16), { encoding: "json", code: "" });
  check("AnyValue 17 deep", () => nestedJson(17), { encoding: "json", code: "wire_too_deep" });
  check("AnyValue 10,000 deep", () => nestedJson(10_000), {
    encoding: "json",
    code: "wire_too_deep",
  });
  const arrays = (depth: number) => () =>
    new TextEncoder().encode(`{"unknown":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  check("63 arrays in an unknown member", arrays(63), { encoding: "json", code: "" });
  check("64 arrays in an unknown member", arrays(64), { encoding: "json", code: "wire_too_deep" });
  check("100,000 arrays in an unknown member", arrays(100_000), {
    encoding: "json",
    code: "wire_too_deep",
  });
  check("5,000,000 arrays", () => new Uint8Array(5_000_000).fill(0x5b), {
    encoding: "json",
    code: "wire_malformed",
  });
  check(
    "5,000,000 arrays in a member",
    () => {
      const body = new Uint8Array(5_000_000).fill(0x5b);
      body.set(new TextEncoder().encode('{"a":'));
      return body;
    },
    { encoding: "json", code: "wire_too_deep" },
  );
});

describe("JSON", () => {
  const check = (text: string, want: string, message: Message = "Logs") =>
    test(`${text}: ${want === "" ? "accepted" : want}`, () =>
      expect(outcome(message, "json", new TextEncoder().encode(text))).toBe(want));
  const inRecord = (member: string): string =>
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${member}}]}]}]}`;
  check("{} x", "wire_malformed");
  check("{}{}", "wire_malformed");
  check("[]", "wire_malformed");
  check("null", "wire_malformed");
  check(" { } \n", "");
  check('{"a":1,}', "wire_malformed");
  check('{"a":01}', "wire_malformed");
  check('{"a":1.}', "wire_malformed");
  check('{"a":-}', "wire_malformed");
  check('{"a":[1,]}', "wire_malformed");
  check('{"a":[,1]}', "wire_malformed");
  check('{"a":[1}', "wire_malformed");
  check('{"a":{"b":1]}', "wire_malformed");
  check('{"a":{1:2}}', "wire_malformed");
  check('{"a" 1}', "wire_malformed");
  check('{"a":tru}', "wire_malformed");
  check('{"a":"\u0001"}', "wire_malformed");
  check('{"a":[1,{"b":[null,true,false,"x\\"y",-1.5e+3]}]}', "");
  check('{"resourceLogs":null}', "");
  check('{"resourceLogs":{}}', "wire_malformed");
  check(inRecord('"severityNumber":"SEVERITY_NUMBER_INFO"'), "wire_malformed");
  check(inRecord('"severityNumber":"9"'), "wire_malformed");
  check(inRecord('"severityNumber":9.0'), "");
  check(inRecord('"timeUnixNano":"18446744073709551616"'), "wire_malformed");
  check(inRecord('"timeUnixNano":"18446744073709551615"'), "");
  check(inRecord('"timeUnixNano":"1.5"'), "wire_malformed");
  check(inRecord('"timeUnixNano":1.5'), "wire_malformed");
  check(inRecord('"timeUnixNano":""'), "wire_malformed");
  check(inRecord('"body":{"stringValue":"\\x"}'), "wire_malformed");
  check(inRecord('"body":{"stringValue":"\\u12g4"}'), "wire_malformed");
  check(inRecord('"body":{"stringValue":5}'), "wire_malformed");
  check(inRecord('"body":{"bytesValue":"a"}'), "wire_malformed");
  check(inRecord('"body":{"bytesValue":"a*=="}'), "wire_malformed");
  check(inRecord('"body":{"doubleValue":"nan"}'), "wire_malformed");
  check(inRecord('"body":{"doubleValue":"NaN"}'), "");
  check(inRecord('"timeUnixNano":"-1"'), "wire_malformed");
  check(inRecord('"body":{"intValue":"9223372036854775808"}'), "wire_malformed");
  check(inRecord('"body":{"intValue":"-9223372036854775809"}'), "wire_malformed");
  check(inRecord('"body":{"intValue":-9223372036854775808}'), "");
  check(inRecord('"body":{"intValue":1e3}'), "");
  check(inRecord('"body":{"intValue":1e30}'), "wire_malformed");
});

describe("limits", () => {
  const spans = (count: number): object => ({
    resourceSpans: [{ scopeSpans: [{ spans: Array(count).fill({}) }] }],
  });
  const limits = {
    ...defaultLimits,
    spansPerRequestMax: 3,
    linesPerRequestMax: 3,
    pointsPerRequestMax: 3,
  };
  const check = (message: Message, request: object, want: string) =>
    test(`${message} ${want}`, () => {
      for (const [encoding, body] of bothEncodings(message, request))
        expect(outcome(message, encoding, body, limits)).toBe(want);
    });
  check("Traces", spans(3), "");
  check("Traces", spans(4), "wire_too_many_items");
  check(
    "Traces",
    { resourceSpans: [{ scopeSpans: [{ spans: [{ events: Array(16).fill({}) }] }] }] },
    "wire_too_many_items",
  );
  check(
    "Logs",
    { resourceLogs: [{ scopeLogs: [{ logRecords: Array(4).fill({}) }] }] },
    "wire_too_many_items",
  );
  const gauge = (count: number) => ({ gauge: { dataPoints: Array(count).fill({}) } });
  check(
    "Metrics",
    { resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge(2), gauge(1)] }] }] },
    "",
  );
  check(
    "Metrics",
    { resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge(2), gauge(2)] }] }] },
    "wire_too_many_items",
  );
});

test("16 MiB of empty resources cost no memory and little time", () => {
  const body = new Uint8Array(16 * 1024 * 1024);
  for (let i = 0; i < body.length; i += 2) body[i] = 0x0a;
  const before = process.memoryUsage().arrayBuffers;
  expect(outcome("Traces", "protobuf", body)).toBe("");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});

test("a number of a megabyte is refused before it is computed", () => {
  const number = "1".repeat(1024 * 1024);
  const text = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"flags":${number}}]}]}]}`;
  expect(outcome("Logs", "json", new TextEncoder().encode(text))).toBe("wire_malformed");
});

test("16 MiB of empty spans end at the limit", () => {
  const spans = new Uint8Array(16 * 1024 * 1024);
  for (let i = 0; i < spans.length; i += 2) spans[i] = 0x12;
  const scope = [0x12, ...varint(BigInt(spans.length))];
  const resource = [0x0a, ...varint(BigInt(spans.length + scope.length))];
  const body = new Uint8Array(resource.length + scope.length + spans.length);
  body.set(resource);
  body.set(scope, resource.length);
  body.set(spans, resource.length + scope.length);
  expect(outcome("Traces", "protobuf", body)).toBe("wire_too_many_items");
});

test("the work comes in small steps", () => {
  const point = { asInt: "1", timeUnixNano: "1700000000000000000" };
  const metric = { name: "m", gauge: { dataPoints: Array(9_000).fill(point) } };
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] };
  for (const [encoding, body] of [
    ["protobuf", encodeForTests("Metrics", request)],
    ["json", jsonBytes(request)],
  ] as const) {
    const steps = decodeOtlpMetrics(body, encoding, {
      limits: defaultLimits,
      nowMs: 1_800_000_000_000,
    });
    let count = 0;
    while (steps.next().done !== true) count++;
    expect(count).toBeGreaterThanOrEqual(8);
  }
});

/** What one item costs is bounded, because it is read in one go; many small items cost the same and are taken. */
describe("one item with more than anybody sends", () => {
  const times = (count: number, bytes: readonly number[]): Uint8Array =>
    new Uint8Array(count * bytes.length).map((_, i) => bytes[i % bytes.length] as number);
  const wrapped = (numbers: readonly number[], payload: Uint8Array): Uint8Array =>
    numbers.reduceRight<Uint8Array>(
      (inner, number) =>
        Buffer.concat([Buffer.from([number * 8 + 2, ...varint(BigInt(inner.length))]), inner]),
      payload,
    );
  const protobuf = (message: Message, numbers: readonly number[], payload: Uint8Array) =>
    outcome(message, "protobuf", wrapped(numbers, payload));
  const unknown = times(500_000, [0xf8, 0x07, 0x01]);

  test("unknown fields of a span, of its event, of its resource", () => {
    expect(protobuf("Traces", [1, 2, 2], unknown)).toBe("wire_too_many_items");
    expect(protobuf("Traces", [1, 2, 2, 11], unknown)).toBe("wire_too_many_items");
    const resource = Buffer.concat([wrapped([1], unknown), wrapped([2, 2], new Uint8Array(0))]);
    expect(protobuf("Traces", [1], resource)).toBe("wire_too_many_items");
  });

  test("unknown fields of a log record, and of the request, which are skipped", () => {
    expect(protobuf("Logs", [1, 2, 2], unknown)).toBe("wire_too_many_items");
    expect(outcome("Logs", "protobuf", unknown)).toBe("");
  });

  test("a packed list of a million buckets, and as many points of one metric, which are taken", () => {
    const name = [0x0a, 0x01, 0x68];
    const point = wrapped([10, 1, 8, 2], times(1_000_000, [1]));
    expect(protobuf("Metrics", [1, 2, 2], Buffer.concat([Buffer.from(name), point]))).toBe(
      "wire_too_many_items",
    );
    const points = wrapped([5], times(450_000, [0x0a, 0x00]));
    expect(protobuf("Metrics", [1, 2, 2], Buffer.concat([Buffer.from(name), points]))).toBe("");
  });

  test("JSON: members of a span, elements of a list, a long string", () => {
    const span = (inside: string): Uint8Array =>
      Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[{${inside}}]}]}]}`);
    const json = (inside: string) => outcome("Traces", "json", span(inside));
    const many = (count: number, one: string) => Array.from({ length: count }, () => one).join();
    expect(json(many(250_000, '"x":1'))).toBe("wire_too_many_items");
    expect(json(`"x":[${many(250_000, "1")}]`)).toBe("wire_too_many_items");
    expect(json(`"name":"${"x".repeat(9 * 2 ** 20)}"`)).toBe("wire_too_large");
    expect(json(`"name":"${"\\n".repeat(5 * 2 ** 20)}"`)).toBe("wire_too_large");
    const skipped = Buffer.from(`{"other":[${many(250_000, "1")}],"resourceSpans":[]}`);
    expect(outcome("Traces", "json", skipped)).toBe("");
  });
});
