/** Both encodings of the same request decode to the same rows, in any order of fields. */
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeForTests } from "./encode-for-tests.ts";
import {
  bothEncodings,
  decodeRows,
  jsonBytes,
  type Message,
  requests,
  reversed,
} from "./requests-for-tests.ts";

const messages: Message[] = ["Traces", "Logs", "Metrics"];

test.each(messages)("%s: protobuf and JSON give the same rows", (message) => {
  fc.assert(
    fc.property(requests[message], (request) => {
      const [protobuf, json] = bothEncodings(message, request).map(([encoding, body]) =>
        decodeRows(message, encoding, body),
      );
      expect(json).toEqual(protobuf);
    }),
    { numRuns: 300 },
  );
});

test.each(messages)("%s: the order of fields does not matter", (message) => {
  fc.assert(
    fc.property(requests[message], (request) => {
      const want = decodeRows(message, "json", jsonBytes(request));
      const backwards = encodeForTests(message, request, (names) => [...names].reverse());
      expect(decodeRows(message, "protobuf", backwards)).toEqual(want);
      expect(decodeRows(message, "json", jsonBytes(reversed(request)))).toEqual(want);
    }),
    { numRuns: 200 },
  );
});

const examples = new URL(
  "../../../../../shared/conformance/opentelemetry-proto/examples/",
  import.meta.url,
);
const files: [string, Message][] = [
  ["trace.json", "Traces"],
  ["logs.json", "Logs"],
  ["events.json", "Logs"],
  ["metrics.json", "Metrics"],
];
test.each(files)(
  "the specification's example %s decodes the same in both encodings",
  (file, message) => {
    if (!existsSync(examples)) {
      process.stdout.write("skipped: ../shared/conformance is not there\n");
      return;
    }
    const body = readFileSync(new URL(file, examples));
    const fromJson = decodeRows(message, "json", body);
    const fromProtobuf = decodeRows(
      message,
      "protobuf",
      encodeForTests(message, JSON.parse(body.toString())),
    );
    expect(fromProtobuf).toEqual(fromJson);
    expect(fromJson.rejected).toBe(0);
    expect(fromJson.rows).toMatchSnapshot();
  },
);
