/** Log records in both encodings: every field, and the times and ids that are filled in. */
import { describe, expect, test } from "vitest";
import { ARRIVAL_NS, bothEncodings, decodeRows } from "./requests-for-tests.ts";

function decode(record: object): unknown {
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] };
  const [protobuf, json] = bothEncodings("Logs", request).map(
    ([encoding, body]) => (decodeRows("Logs", encoding, body).rows as unknown[])[0],
  );
  expect(json).toEqual(protobuf);
  return protobuf;
}

test("every field of a record is kept", () => {
  const record = {
    timeUnixNano: "1700000000123456789",
    observedTimeUnixNano: "1700000000123456790",
    severityNumber: 17,
    severityText: "ERROR",
    body: { stringValue: "failed" },
    attributes: [{ key: "k", value: { boolValue: true } }],
    droppedAttributesCount: 3,
    flags: 1,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    eventName: "payment.failed",
  };
  expect(decode(record)).toEqual({
    time: 1700000000123456789n,
    observed: 1700000000123456790n,
    severity: "17 ERROR",
    event: "payment.failed",
    body: "string:failed",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    flags: 1,
    dropped: 3,
    attributes: ["k=boolean:true", "dropped_attributes_count=int:3"],
    service: "unknown_service",
    resource: [],
    resourceSchema: "",
    scope: "@",
    scopeAttributes: [],
    scopeSchema: "",
  });
});

describe("what is filled in", () => {
  const check = (record: object, want: object) =>
    test(JSON.stringify(record), () => expect(decode(record)).toMatchObject(want));
  check({}, { time: ARRIVAL_NS, observed: ARRIVAL_NS, body: "empty:" });
  check({ observedTimeUnixNano: "5" }, { time: 5n, observed: 5n });
  check({ timeUnixNano: "5" }, { time: 5n, observed: ARRIVAL_NS });
  check({ traceId: "0a0b", spanId: "0a" }, { traceId: "0".repeat(32), spanId: "0".repeat(16) });
  check({ severityNumber: 25 }, { severity: "0 " });
});
