/** Decodes what Loki's push endpoint takes. */
import type { LogBatch } from "@triptych/model";
import { readPushJson } from "./push-json.ts";
import { readPushProtobuf } from "./push-protobuf.ts";
import { type PushOptions, type PushTarget, PushWriter } from "./push-writer.ts";

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
  yield* readLokiPush(body, encoding, writer);
  return writer.batch;
}

/** The same for who makes something else of the entries than a batch. */
export function readLokiPush(
  body: Uint8Array,
  encoding: "protobuf" | "json",
  target: PushTarget,
): Generator<void> {
  return encoding === "protobuf" ? readPushProtobuf(body, target) : readPushJson(body, target);
}
