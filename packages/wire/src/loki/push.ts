/** Decodes what Loki's push endpoint takes. */
import type { LogBatch } from "@triptych/model";
import { readPushJson } from "./push-json.ts";
import { readPushProtobuf } from "./push-protobuf.ts";
import { type PushOptions, PushWriter } from "./push-writer.ts";

export type { PushOptions } from "./push-writer.ts";

/** A short line is about this long with its stream. */
const BYTES_PER_LINE = 160;

/** Works in steps of about a millisecond. Throws `wire_malformed` and what limits say. */
export function* decodeLokiPush(
  body: Uint8Array,
  encoding: "protobuf" | "json",
  options: PushOptions,
): Generator<void, LogBatch> {
  const rowsHint = Math.min(4096, Math.ceil(body.length / BYTES_PER_LINE));
  const writer = new PushWriter(options, rowsHint);
  if (encoding === "protobuf") yield* readPushProtobuf(body, writer);
  else yield* readPushJson(body, writer);
  return writer.batch;
}
