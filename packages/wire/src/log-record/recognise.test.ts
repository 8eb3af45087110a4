import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "./json-value.ts";
import { parseJsonValue } from "./json-value.ts";
import { type Recognised, recogniseFields, recogniseLine } from "./recognise.ts";
import { recogniseTime } from "./time.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const line = (text: string): Recognised | undefined => {
  const source = bytes(text);
  return recogniseLine(source, 0, source.length);
};
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("times", () => {
  const check = (value: string | number | bigint, want: bigint | undefined) =>
    test(String(value), () => expect(recogniseTime(value)).toBe(want));
  check("2024-01-02T03:04:05Z", 1_704_164_645_000_000_000n);
  check("2024-01-02T03:04:05.123456789Z", 1_704_164_645_123_456_789n);
  check("2024-01-02T03:04:05.1+02:00", 1_704_157_445_100_000_000n);
  check("2024-01-02T03:04:05-0530", 1_704_184_445_000_000_000n);
  check("2024-01-02 03:04:05,896", 1_704_164_645_896_000_000n);
  check("2024-01-02T03:04:05.1234567891+02", 1_704_157_445_123_456_789n);
  check("2024-02-29T03:04Z", 1_709_175_840_000_000_000n);
  check("2023-02-29T03:04Z", undefined);
  check("2024-01-02 03:04:05 UTC", 1_704_164_645_000_000_000n);
  check("1970-01-01T00:00:00Z", 0n);
  check("1969-12-31T23:59:59Z", undefined);
  check("2262-04-11T23:47:16Z", 9_223_372_036_000_000_000n);
  check("2262-04-12T00:00:00Z", undefined);
  check("2024-02-30T00:00:00Z", undefined);
  check("2024-13-01T00:00:00Z", undefined);
  check("2024-01-02", undefined);
  check("yesterday at noon", undefined);
  check(1_704_164_645, 1_704_164_645_000_000_000n);
  check(1_704_164_645.123, 1_704_164_645_123_000_000n);
  check(1_704_164_645_123, 1_704_164_645_123_000_000n);
  check(1_704_164_645_123_456, 1_704_164_645_123_456_000n);
  check(1_704_164_645_123_456_789n, 1_704_164_645_123_456_789n);
  check("1704164645123456789", 1_704_164_645_123_456_789n);
  check("1704164645.5", 1_704_164_645_500_000_000n);
  check(12, undefined);
  check(-1_704_164_645, undefined);
  check(Number.NaN, undefined);
  check(10n ** 19n, undefined);
});

describe("lines", () => {
  const check = (text: string, want: Partial<Recognised> | undefined) =>
    test(text.slice(0, 80), () => {
      if (want === undefined) expect(line(text)).toBeUndefined();
      else expect(line(text)).toMatchObject(want);
    });
  check('{"level":30,"time":1704164645123,"pid":1,"hostname":"h","msg":"hi"}', {
    timeNs: 1_704_164_645_123_000_000n,
    severityNumber: 9,
    severityText: "info",
    message: "hi",
  });
  check('{"name":"app","level":50,"time":"2024-01-02T03:04:05.000Z","v":0,"msg":"x"}', {
    severityNumber: 17,
    timeNs: 1_704_164_645_000_000_000n,
  });
  check(
    `{"@timestamp":"2024-01-02T03:04:05Z","log.level":"WARN","trace.id":"${TRACE}","span":{"id":"${SPAN}"},"service":{"name":"cart"},"message":"m"}`,
    { severityNumber: 13, severityText: "WARN", traceId: TRACE, spanId: SPAN, service: "cart" },
  );
  check(`{"trace_id":"${TRACE.toUpperCase()}","span_id":"${SPAN}","correlation_id":"c-1"}`, {
    traceId: TRACE,
    spanId: SPAN,
    correlationId: "c-1",
  });
  check(`{"traceparent":"00-${TRACE}-${SPAN}-01"}`, {
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: 1,
  });
  check(`{"traceId":"a3ce929d0e0e4736"}`, { traceId: `0000000000000000a3ce929d0e0e4736` });
  check(`{"dd.trace_id":"1234567890123456"}`, { traceId: "" });
  check(`{"trace_id":"${"0".repeat(32)}"}`, { traceId: "" });
  check('{"trace_id":"not hexadecimal at all, sorry, no"}', { traceId: "" });
  check('{"version":"1.1","short_message":"g","level":3,"timestamp":1704164645.5}', {
    severityNumber: 17,
    severityText: "err",
    message: "g",
    timeNs: 1_704_164_645_500_000_000n,
  });
  check('{"level":3}', { severityNumber: 0 });
  check('{"level":"critical"}', { severityNumber: 21 });
  check('{"level":"http"}', { severityNumber: 0, severityText: "http" });
  check('{"message":"a","event":"b"}', { message: "a" });
  check('{"event":"user_created","reqId":17}', { message: "user_created", correlationId: "17" });
  check('{"event":{"a":1}}', { message: undefined });
  check('  {"msg":"\\u00e9\\n"}  ', { message: "é\n" });
  check('{"time":1704164645123456789}', { timeNs: 1_704_164_645_123_456_789n });
  check("{}", { timeNs: undefined, traceId: "" });
  check('{"msg":"a"', undefined);
  check('{"msg":"a"} trailing', undefined);
  check("[1]", undefined);
  check("", undefined);
  check("plain text", undefined);
  check("{".repeat(10), undefined);
  check(`{"a":${"[".repeat(100_000)}`, undefined);
  check(`{"trace":${'{"id":'.repeat(100)}1${"}".repeat(101)}`, undefined);
});

test("times are read as JavaScript reads them", () => {
  const time = fc.date({ min: new Date(0), max: new Date("2262-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(time, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutes) => {
      const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
      const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
      const two = (value: number) => String(value).padStart(2, "0");
      const zone = `${minutes < 0 ? "-" : "+"}${two(hours)}:${two(rest)}`;
      expect(recogniseTime(local + zone)).toBe(BigInt(date.getTime()) * 1_000_000n);
    }),
  );
});

test("a line and the object of it are recognised alike", () => {
  const names = [
    "time",
    "level",
    "msg",
    "trace",
    "trace_id",
    "id",
    "span",
    "log",
    "x",
    "@timestamp",
  ];
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constantFrom(TRACE, SPAN, "info", "WARN", 30, 1_704_164_645),
  );
  const object = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(leaf, fc.dictionary(fc.constantFrom("id", "level", "name"), leaf), fc.array(leaf)),
  );
  fc.assert(
    fc.property(object, (value) => {
      const text = JSON.stringify(value);
      expect(line(text)).toEqual(recogniseFields(parseJsonValue(text, 64) as JsonObject));
    }),
  );
});

test("any bytes are a line or none, and never an error", () => {
  const valid = `{"time":1704164645,"level":"info","trace":{"id":"${TRACE}"},"msg":"é"}`;
  fc.assert(
    fc.property(fc.uint8Array(), (source) => {
      recogniseLine(source, 0, source.length);
    }),
  );
  const change = fc.tuple(fc.nat(valid.length), fc.nat(5), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(change, ([at, cut, put]) => {
      line(valid.slice(0, at) + put + valid.slice(at + cut));
    }),
  );
});
