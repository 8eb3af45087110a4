/** Spans in both encodings: every field, and what is refused. */
import { describe, expect, test } from "vitest";
import { encodeForTests } from "./encode-for-tests.ts";
import { bothEncodings, decodeRows, jsonBytes } from "./requests-for-tests.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const inRequest = (...spans: object[]): object => ({
  resourceSpans: [{ scopeSpans: [{ spans }] }],
});

function decode(request: object): {
  rows: Record<string, unknown>[];
  rejected: number;
  reason: string;
} {
  const [protobuf, json] = bothEncodings("Traces", request).map(([encoding, body]) =>
    decodeRows("Traces", encoding, body),
  );
  expect(json).toEqual(protobuf);
  return protobuf as ReturnType<typeof decode>;
}

test("every field of a span is kept", () => {
  const span = {
    traceId,
    spanId,
    parentSpanId: "00f067aa0ba902b7",
    traceState: "a=1,b=2",
    flags: 0x301,
    name: "GET /pay",
    kind: 2,
    startTimeUnixNano: "1700000000123456789",
    endTimeUnixNano: "18446744073709551615",
    attributes: [{ key: "http.route", value: { stringValue: "/pay" } }],
    droppedAttributesCount: 1,
    events: [
      {
        timeUnixNano: "1700000000123456790",
        name: "exception",
        attributes: [{ key: "exception.type", value: { stringValue: "E" } }],
        droppedAttributesCount: 2,
      },
      {},
    ],
    droppedEventsCount: 3,
    links: [{ traceId, spanId, traceState: "c=3", flags: 1, droppedAttributesCount: 4 }],
    droppedLinksCount: 5,
    status: { code: 2, message: "boom" },
  };
  const request = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "pay" } }] },
        scopeSpans: [
          { scope: { name: "lib", version: "1" }, spans: [span], schemaUrl: "https://scope" },
        ],
        schemaUrl: "https://resource",
      },
    ],
  };
  expect(decode(request).rows).toEqual([
    {
      traceId,
      spanId,
      parent: "00f067aa0ba902b7",
      name: "GET /pay",
      kind: 2,
      start: 1700000000123456789n,
      end: 18446744073709551615n,
      status: "2 boom",
      traceState: "a=1,b=2",
      flags: 0x301,
      dropped: [1, 3, 5],
      attributes: ["http.route=string:/pay"],
      events: [
        {
          time: 1700000000123456790n,
          name: "exception",
          dropped: 2,
          attributes: ["exception.type=string:E"],
        },
        { time: 0n, name: "", dropped: 0, attributes: [] },
      ],
      links: [{ traceId, spanId, flags: 1, dropped: 4, traceState: "c=3", attributes: [] }],
      service: "pay",
      resource: ["service.name=string:pay"],
      resourceSchema: "https://resource",
      scope: "lib@1",
      scopeAttributes: [],
      scopeSchema: "https://scope",
    },
  ]);
});

describe("refused spans", () => {
  const check = (name: string, span: object, reason: string) =>
    test(name, () => {
      const bad = { name: "bad", ...span, events: [{ name: "e" }], links: [{ traceId, spanId }] };
      const attributes = [{ key: "k", value: { intValue: 1 } }];
      const good = { traceId, spanId, name: "good", attributes, events: [{ name: "f" }] };
      const { rows, rejected, reason: why } = decode(inRequest(bad, good, { ...bad, attributes }));
      expect([rejected, why]).toEqual([2, reason]);
      expect(rows).toMatchObject([
        {
          name: "good",
          parent: "0000000000000000",
          kind: 0,
          attributes: ["k=int:1"],
          events: [{ name: "f" }],
          links: [],
        },
      ]);
    });
  check("no ids", {}, "a span's trace_id is not 16 bytes long");
  check("no span id", { traceId }, "a span's span_id is not 8 bytes long");
  check("a short trace id", { traceId: "0a0b", spanId }, "a span's trace_id is not 16 bytes long");
  check("a long span id", { traceId, spanId: traceId }, "a span's span_id is not 8 bytes long");
  check(
    "a zero trace id",
    { traceId: "0".repeat(32), spanId, kind: 3 },
    "a span's trace_id is all zero",
  );
  check("a zero span id", { traceId, spanId: "0".repeat(16) }, "a span's span_id is all zero");
  check(
    "a parent of 4 bytes",
    { traceId, spanId, parentSpanId: "01020304" },
    "a span's parent_span_id is neither empty nor 8 bytes long",
  );
});

test("a link without ids is dropped and counted", () => {
  const links = [
    { traceId },
    { traceId, spanId, traceState: "x" },
    { traceId, spanId: "0".repeat(16) },
  ];
  const { rows } = decode(inRequest({ traceId, spanId, links }));
  expect(rows).toMatchObject([
    { dropped: [0, 0, 2], links: [{ traceId, spanId, traceState: "x" }] },
  ]);
});

test("the order of start and end is kept as sent", () => {
  const { rows } = decode(
    inRequest({ traceId, spanId, startTimeUnixNano: "20", endTimeUnixNano: "10" }),
  );
  expect(rows).toMatchObject([{ start: 20n, end: 10n }]);
});

test("enum values that are not known become unspecified", () => {
  const { rows } = decode(inRequest({ traceId, spanId, kind: 300, status: { code: 7 } }));
  expect(rows).toMatchObject([{ kind: 0, status: "0 " }]);
});

test("ids in JSON are hexadecimal of either case, and refused when they are not", () => {
  const spans = [
    { traceId: traceId.toUpperCase(), spanId },
    { traceId: `${traceId.slice(0, 31)}g`, spanId },
  ];
  const { rows, rejected } = decodeRows("Traces", "json", jsonBytes(inRequest(...spans)));
  expect([rows, rejected]).toMatchObject([[{ traceId }], 1]);
});

test("members in snake case are not known, null is absent", () => {
  const span = {
    traceId,
    spanId,
    start_time_unix_nano: "1",
    name: null,
    attributes: null,
    status: null,
  };
  expect(decodeRows("Traces", "json", jsonBytes(inRequest(span))).rows).toMatchObject([
    { start: 0n, name: "" },
  ]);
});

test("a resource without service name and a scope without name", () => {
  expect(decode(inRequest({ traceId, spanId })).rows).toMatchObject([
    { service: "unknown_service", scope: "@", resource: [], resourceSchema: "", scopeSchema: "" },
  ]);
});

test("rows belong to their own resource and scope", () => {
  const span = { traceId, spanId };
  const of = (service: string, ...scopes: string[]) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    schemaUrl: `https://${service}`,
    scopeSpans: scopes.map((name) => ({
      scope: { name },
      schemaUrl: `https://${name}`,
      spans: [span],
    })),
  });
  const { rows } = decode({ resourceSpans: [of("a", "x", "y"), of("none"), of("b", "z")] });
  expect(
    rows.map(
      (row) => `${row["service"]} ${row["resourceSchema"]} ${row["scope"]} ${row["scopeSchema"]}`,
    ),
  ).toEqual(["a https://a x@ https://x", "a https://a y@ https://y", "b https://b z@ https://z"]);
});

test("a resource that is sent in parts is merged", () => {
  const part = (key: string) =>
    encodeForTests("Traces", {
      resourceSpans: [
        { resource: { attributes: [{ key, value: { stringValue: "1" } }] }, scopeSpans: [] },
      ],
    });
  const spans = encodeForTests("Traces", inRequest({ traceId, spanId }));
  // The three bodies start with the tag and the length, one byte each, of their only resource.
  const inner = [part("a"), spans, part("b")].flatMap((bytes) => [...bytes.subarray(2)]);
  const body = Uint8Array.from([0x0a, inner.length, ...inner]);
  expect(decodeRows("Traces", "protobuf", body).rows).toMatchObject([
    { resource: ["a=string:1", "b=string:1"] },
  ]);
});
