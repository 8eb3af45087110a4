/** Every kind of AnyValue in both encodings, its text form, and the limits of values and attributes. */
import { defaultLimits, type Limits } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { decodeOtlpLogs } from "./logs.ts";
import { bothEncodings, decodeRows } from "./requests-for-tests.ts";
import { drain } from "./steps.ts";

interface LogRow {
  readonly body: string;
  readonly attributes: string[];
  readonly dropped: number;
}

function logRow(record: object, limits: Limits = defaultLimits): LogRow {
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] };
  const [protobuf, json] = bothEncodings("Logs", request).map(
    ([encoding, body]) => (decodeRows("Logs", encoding, body, limits).rows as LogRow[])[0],
  );
  expect(json).toEqual(protobuf);
  return protobuf as LogRow;
}

describe("text form", () => {
  const check = (value: object, want: string) =>
    test(`${JSON.stringify(value)} is ${want}`, () => {
      const row = logRow({ body: value, attributes: [{ key: "k", value }] });
      expect(row.body).toBe(want);
      expect(row.attributes).toEqual([`k=${want}`]);
    });
  check({}, "empty:");
  check({ stringValue: "" }, "string:");
  check({ stringValue: 'ü𝄞 "\\\n' }, 'string:ü𝄞 "\\\n');
  check({ boolValue: true }, "boolean:true");
  check({ boolValue: false }, "boolean:false");
  check({ intValue: "0" }, "int:0");
  check({ intValue: 7 }, "int:7");
  check({ intValue: "-1" }, "int:-1");
  check({ intValue: "4294967296" }, "int:4294967296");
  check({ intValue: "-4294967296" }, "int:-4294967296");
  check({ intValue: "9007199254740993" }, "int:9007199254740993");
  check({ intValue: "9223372036854775807" }, "int:9223372036854775807");
  check({ intValue: "-9223372036854775808" }, "int:-9223372036854775808");
  check({ doubleValue: 1 }, "double:1");
  check({ doubleValue: 0.1 }, "double:0.1");
  check({ doubleValue: 5e-324 }, "double:5e-324");
  check({ doubleValue: 1.7976931348623157e308 }, "double:1.7976931348623157e+308");
  check({ doubleValue: 123456789.12345678 }, "double:123456789.12345678");
  check({ doubleValue: "-0" }, "double:-0");
  check({ doubleValue: "NaN" }, "double:NaN");
  check({ doubleValue: "Infinity" }, "double:Infinity");
  check({ doubleValue: "-Infinity" }, "double:-Infinity");
  check({ bytesValue: "" }, "bytes:");
  check({ bytesValue: "AA==" }, "bytes:AA==");
  check({ bytesValue: "+/8=" }, "bytes:+/8=");
  check({ bytesValue: "AQID" }, "bytes:AQID");
  check({ arrayValue: {} }, "array:[]");
  check({ kvlistValue: {} }, "map:{}");
  check(
    {
      arrayValue: {
        values: [
          { stringValue: 'a"\u0001\n' },
          { boolValue: true },
          { intValue: "9223372036854775807" },
          { doubleValue: 1 },
          { doubleValue: 1e21 },
          { doubleValue: "NaN" },
          { bytesValue: "AA==" },
          {},
          { arrayValue: { values: [{ intValue: 1 }] } },
        ],
      },
    },
    'array:["a\\"\\u0001\\n",true,9223372036854775807,1.0,1e+21,"NaN","AA==",null,[1]]',
  );
  check(
    {
      kvlistValue: {
        values: [
          { key: "__proto__", value: { stringValue: "x" } },
          {
            key: 'a"b',
            value: { kvlistValue: { values: [{ key: "c", value: { intValue: 1 } }] } },
          },
          { key: "none" },
        ],
      },
    },
    'map:{"__proto__":"x","a\\"b":{"c":1},"none":null}',
  );
});

describe("attributes", () => {
  const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
  const check = (
    name: string,
    attributes: object[],
    want: { attributes: string[]; dropped: number; limits?: Limits },
  ) =>
    test(name, () => {
      const row = logRow({ attributes, droppedAttributesCount: 1 }, want.limits);
      const noted = `dropped_attributes_count=int:${want.dropped}`;
      expect([row.attributes, row.dropped]).toEqual([[...want.attributes, noted], want.dropped]);
    });
  check(
    "the last of equal keys is kept",
    [text("a", "1"), text("b", "2"), text("a", "3"), text("a", "4")],
    {
      attributes: ["b=string:2", "a=string:4"],
      dropped: 1,
    },
  );
  check(
    "__proto__ and constructor are keys like others",
    [text("__proto__", "1"), text("constructor", "2")],
    {
      attributes: ["__proto__=string:1", "constructor=string:2"],
      dropped: 1,
    },
  );
  check(
    "attributes beyond the limit are dropped and counted",
    [text("a", "1"), text("b", "2"), text("c", "3")],
    {
      attributes: ["a=string:1", "b=string:2"],
      dropped: 2,
      limits: { ...defaultLimits, attributesPerItemMax: 2 },
    },
  );
  check("a long value is cut between characters", [text("a", "xüüü")], {
    attributes: ["a=string:xü"],
    dropped: 1,
    limits: { ...defaultLimits, attributeValueBytesMax: 4 },
  });
  check(
    "a long array is cut",
    [{ key: "a", value: { arrayValue: { values: Array(5_000).fill({ intValue: 7 }) } } }],
    {
      attributes: ["a=array:[7,7,7,7"],
      dropped: 1,
      limits: { ...defaultLimits, attributeValueBytesMax: 8 },
    },
  );
});

test("a long body is cut and marked", () => {
  const limits = { ...defaultLimits, logLineBytesMax: 5, attributesPerItemMax: 1 };
  const row = logRow(
    { body: { stringValue: "1234€" }, attributes: [{ key: "a", value: { intValue: 1 } }] },
    limits,
  );
  expect(row.body).toBe("string:1234");
  expect(row.attributes).toEqual(["a=int:1", "triptych.truncated=boolean:true"]);
});

test("a body of just the limit is not marked", () => {
  const row = logRow({ body: { stringValue: "12345" } }, { ...defaultLimits, logLineBytesMax: 5 });
  expect([row.body, row.attributes]).toEqual(["string:12345", []]);
});

test("bytes that are not UTF-8 are kept", () => {
  const body = Uint8Array.from([0x0a, 9, 0x12, 7, 0x12, 5, 0x2a, 3, 0x0a, 1, 0xff]);
  const { batch } = drain(
    decodeOtlpLogs(body, "protobuf", { limits: defaultLimits, arrivalNs: 1n }),
  );
  expect([...batch.body.view(0)]).toEqual([0xff]);
});

test("JSON escapes become UTF-8", () => {
  const value = String.raw`"\u0041\u00fc\u20ac\ud834\udd1e\ud834x\udd1e\/\b\f\n\r\t\"\\"`;
  const json = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"string\\u0056alue":${value}}}]}]}]}`;
  const body = new TextEncoder().encode(json);
  const { batch } = drain(decodeOtlpLogs(body, "json", { limits: defaultLimits, arrivalNs: 1n }));
  expect(batch.body.text(0)).toBe('Aü€𝄞\ufffdx\ufffd/\b\f\n\r\t"\\');
});
