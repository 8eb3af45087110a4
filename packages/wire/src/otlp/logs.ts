/** Decodes `ExportLogsServiceRequest`. */
import type { Limits, LogBatch } from "@triptych/model";
import { JsonReader } from "../json-reader.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { jsonLogs } from "./json-logs.ts";
import { walkJson } from "./json-walk.ts";
import { protobufLogs } from "./protobuf-logs.ts";
import { countItems, walkProtobuf } from "./protobuf-walk.ts";
import type { Decoded, OtlpEncoding } from "./steps.ts";
import { valueRules } from "./traces.ts";

/** A short record in JSON is about this long; a hint for the first size of the columns. */
const BYTES_PER_RECORD = 192;
const ROWS_HINT_MAX = 4096;

export function* decodeOtlpLogs(
  body: Uint8Array,
  encoding: OtlpEncoding,
  options: { readonly limits: Limits; readonly arrivalNs: bigint },
): Generator<void, Decoded<LogBatch>> {
  const rowsHint =
    encoding === "protobuf"
      ? countItems(body, ROWS_HINT_MAX)
      : Math.min(ROWS_HINT_MAX, Math.ceil(body.length / BYTES_PER_RECORD));
  const writer = new LogWriter(options, valueRules(options.limits), rowsHint);
  if (encoding === "protobuf") yield* walkProtobuf(new ProtobufReader(body), protobufLogs(writer));
  else yield* walkJson(new JsonReader(body, options.limits.jsonDepthMax), jsonLogs(writer));
  return { batch: writer.batch, rejected: 0, reason: "" };
}
