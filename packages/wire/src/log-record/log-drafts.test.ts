import { defaultLimits, type Limits } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attributeRows } from "../otlp/rows-for-tests.ts";
import { draftOfObject } from "./draft-of-object.ts";
import { isObject, type JsonValue, jsonText, parseJsonValue } from "./json-value.ts";
import { type LogDraft, LogDrafts } from "./log-drafts.ts";

const ARRIVAL = 1_800_000_000_000_000_000n;

function written(draft: Partial<LogDraft>, limits: Partial<Limits> = {}) {
  const drafts = new LogDrafts({
    limits: { ...defaultLimits, ...limits },
    arrivalNs: ARRIVAL,
  });
  drafts.add({ body: "b", resource: [], attributes: [], ...draft });
  return { drafts, ...row(drafts, 0) };
}

function row(drafts: LogDrafts, at: number) {
  const { batch } = drafts;
  const { resources, strings, keys } = batch;
  const resource = batch.resource[at] as number;
  return {
    time: batch.timeNs[at],
    observed: batch.observedNs[at],
    severity: `${batch.severityNumber[at]} ${strings.text(batch.severityText[at] as number)}`,
    body: batch.body.text(at),
    bodyKind: batch.bodyKind[at],
    traceId: Buffer.from(batch.traceId.subarray(at * 16, at * 16 + 16)).toString("hex"),
    spanId: Buffer.from(batch.spanId.subarray(at * 8, at * 8 + 8)).toString("hex"),
    dropped: batch.droppedAttributes[at],
    service: strings.text(resources.serviceName[resource] as number),
    resource: attributeRows(resources.attributes, keys, resource),
    attributes: attributeRows(batch.attributes, keys, at),
  };
}

const document = (value: object, options = {}): LogDraft => {
  const parsed = parseJsonValue(JSON.stringify(value), 64);
  if (!isObject(parsed)) throw new Error("no object");
  return draftOfObject(parsed, { depthMax: 16, attributesMax: 256, ...options });
};

test("values have the kinds and texts of OTLP", () => {
  const { attributes } = written({
    attributes: [
      ["s", "é"],
      ["i", 7],
      ["big", 9_007_199_254_740_993n],
      ["huge", 2n ** 70n],
      ["d", 1.5],
      ["z", -0],
      ["b", true],
      ["n", null],
      ["a", [1, 2.5, "x", 1e20]],
      ["m", { k: [null] }],
      ["s", "last counts"],
    ],
  });
  expect(attributes).toEqual([
    "i=int:7",
    "big=int:9007199254740993",
    "huge=double:1.1805916207174113e+21",
    "d=double:1.5",
    "z=double:-0",
    "b=boolean:true",
    'a=array:[1,2.5,"x",100000000000000000000.0]',
    'm=map:{"k":[null]}',
    "s=string:last counts",
  ]);
});

describe("limits", () => {
  test("a body beyond the limit is cut between characters and marked", () => {
    const { body, attributes } = written({ body: "abcdé" }, { logLineBytesMax: 5 });
    expect(body).toBe("abcd");
    expect(attributes).toEqual(["triptych.truncated=boolean:true"]);
  });

  test("bytes are cut too, and what is not UTF-8 is kept", () => {
    const { body } = written(
      { body: Uint8Array.of(0x61, 0xff, 0x62, 0x63) },
      { logLineBytesMax: 3 },
    );
    expect(body).toBe("a\ufffdb");
  });

  test("too many attributes are counted, long values cut", () => {
    const many = Array.from({ length: 300 }, (_, i): [string, string] => [`k${i}`, "v".repeat(10)]);
    const { dropped, attributes } = written(
      { attributes: many },
      { attributesPerItemMax: 2, attributeValueBytesMax: 3 },
    );
    // How many are missing is said where readers of lines look.
    expect(attributes).toEqual([
      "k0=string:vvv",
      "k1=string:vvv",
      "dropped_attributes_count=int:298",
    ]);
    expect(dropped).toBe(298);
  });

  test("times before 1970 and far in the future are those of the arrival, and counted", () => {
    const newest = ARRIVAL + 600_000_000_000n;
    for (const timeNs of [-1n, newest + 1n, 2n ** 63n]) {
      const { time, drafts } = written({ timeNs });
      expect(time).toBe(ARRIVAL);
      expect(drafts.timesReplaced).toBe(1);
    }
    expect(written({ timeNs: newest }).time).toBe(newest);
  });

  test("more rows than the limit are an error", () => {
    const { drafts } = written({}, { linesPerRequestMax: 1 });
    expect(() => drafts.add({ body: "", resource: [], attributes: [] })).toThrow("more than 1");
    expect(drafts.rows).toBe(1);
  });

  test("a value that is nested too deep refuses its draft and nothing else", () => {
    const deep: JsonValue = parseJsonValue("[".repeat(20) + "]".repeat(20), 64);
    const { drafts } = written({});
    const bad = { body: "b", resource: [], attributes: [["deep", deep]] as const };
    expect(() => drafts.add(bad)).toThrow("nested");
    drafts.add({ body: "after", resource: [], attributes: [] });
    expect(row(drafts, 1).body).toBe("after");
  });
});

test("resources are shared by content", () => {
  const drafts = new LogDrafts({ limits: defaultLimits, arrivalNs: ARRIVAL });
  for (const name of ["a", "b", "a"])
    drafts.add({ body: "", resource: [["service.name", name]], attributes: [] });
  expect([...drafts.batch.resource.subarray(0, 3)]).toEqual([0, 1, 0]);
  expect(row(drafts, 2).service).toBe("a");
});

describe("documents", () => {
  test("Filebeat's", () => {
    const draft = document(
      {
        "@timestamp": "2024-01-02T03:04:05.678Z",
        message: "hello",
        log: { level: "error", offset: 5, file: { path: "/var/log/x" } },
        host: { name: "h1" },
        kubernetes: { pod: { name: "p" } },
        fields: { service: "cart" },
        tags: ["a", "b"],
        nothing: null,
        empty: {},
        trace: { id: "4bf92f3577b34da6a3ce929d0e0e4736" },
      },
      { attributes: [["elasticsearch.index", "logs"]] },
    );
    expect(written(draft)).toMatchObject({
      time: 1_704_164_645_678_000_000n,
      severity: "17 error",
      body: "hello",
      service: "cart",
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      resource: ["service.name=string:cart", "host.name=string:h1", "kubernetes.pod.name=string:p"],
      attributes: [
        "log.offset=int:5",
        "log.file.path=string:/var/log/x",
        "fields.service=string:cart",
        'tags=array:["a","b"]',
        "elasticsearch.index=string:logs",
      ],
    });
  });

  test("without a message the body is the document", () => {
    const { body, time, service } = written(document({ user: "u", n: 1 }));
    expect(JSON.parse(body)).toEqual({ user: "u", n: 1 });
    expect(time).toBe(ARRIVAL);
    expect(service).toBe("unknown_service");
  });

  test("ten thousand members are bounded and counted", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i]));
    const { attributes, dropped } = written(document({ message: "m", ...many }));
    expect(attributes.slice(256)).toEqual([`dropped_attributes_count=int:${10_000 - 256}`]);
    expect(dropped).toBe(10_000 - 256);
  });

  test("names of Object's own are names as any", () => {
    const parsed = parseJsonValue('{"__proto__":{"x":1},"constructor":"c","message":"m"}', 64);
    if (!isObject(parsed)) throw new Error("no object");
    const draft = draftOfObject(parsed, { depthMax: 16, attributesMax: 256 });
    expect(written(draft).attributes).toEqual(["__proto__.x=int:1", "constructor=string:c"]);
  });
});

describe("JSON values", () => {
  const check = (text: string, want: JsonValue) =>
    test(text, () => expect(parseJsonValue(text, 64)).toEqual(want));
  check("9007199254740993", 9_007_199_254_740_993n);
  check('["12345678901234567890"]', ["12345678901234567890"]);
  check('{"a":-9223372036854775808}', { a: -9_223_372_036_854_775_808n });
  check("92233720368547758080", Number(92_233_720_368_547_758_080n));
  check("1234567890123456", 1_234_567_890_123_456);
  check("1.2345678901234567", 1.2345678901234567);
  check('"\\"1234567890123456789"', '"1234567890123456789');
  for (const bad of ["", "{", '{"a":01234567890123456789}', "1 2", '"', "\u0000", "[1,]"])
    test(`refused: ${JSON.stringify(bad)}`, () => expect(() => parseJsonValue(bad, 64)).toThrow());
  test("too many", () =>
    expect(() => parseJsonValue(`[${"1,".repeat(20_000)}1]`, 64)).toThrow("more than 20000"));
  test("too deep", () => expect(() => parseJsonValue("[".repeat(1e6), 64)).toThrow("deeper"));

  test("every JSON text comes back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(jsonText(parseJsonValue(text, 1000), 1000))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("the draft of any object can be written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const { drafts } = written(document(value, { depthMax: 64 }), { valueDepthMax: 64 });
        expect(drafts.rows).toBe(1);
      }),
    );
  });
});

describe("a line of JSON as the message", () => {
  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  const line = {
    ...{ timestamp: "2024-01-02T03:04:05Z", level: "ERROR", message: "boom", service: "cart" },
    ...{ trace_id: TRACE, span_id: "00f067aa0ba902b7", correlation_id: "c-1" },
  };
  const message = JSON.stringify(line);

  test("says what the event leaves open, and stays as it is", () => {
    expect(written(document({ message }))).toMatchObject({
      time: 1_704_164_645_000_000_000n,
      severity: "17 ERROR",
      body: message,
      service: "cart",
      traceId: TRACE,
      spanId: "00f067aa0ba902b7",
      attributes: ["correlation_id=string:c-1"],
    });
  });

  test("does not change what the event says", () => {
    const own = {
      ...{
        "@timestamp": "2024-05-05T00:00:00Z",
        log: { level: "info" },
        service: { name: "shop" },
      },
      ...{ trace: { id: "f".repeat(32) }, correlation_id: "own" },
    };
    expect(written(document({ ...own, message }))).toMatchObject({
      time: 1_714_867_200_000_000_000n,
      severity: "9 info",
      body: message,
      service: "shop",
      traceId: "f".repeat(32),
      // The line's span belongs to another trace.
      spanId: "0".repeat(16),
      attributes: ["correlation_id=string:own"],
    });
    expect(written(document({ message }, { timeNs: 5n })).time).toBe(5n);
  });

  test.each([`${message}x`, "{", "[]", `"${"{".repeat(500)}`, "{".repeat(500)])(
    "no JSON object: %.40s",
    (text) => {
      expect(written(document({ message: text }))).toMatchObject({
        time: ARRIVAL,
        severity: "0 ",
        body: text,
      });
    },
  );

  test("Docker's log with its line feed", () => {
    expect(written(document({ log: `${message}\n`, stream: "stdout" })).severity).toBe("17 ERROR");
  });
});
