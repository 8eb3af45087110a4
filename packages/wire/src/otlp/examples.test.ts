/** The examples of opentelemetry-proto, as they are and as protobuf. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { encodeForTests } from "./encode-for-tests.ts";
import { decodeRows, type Message } from "./requests-for-tests.ts";

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
