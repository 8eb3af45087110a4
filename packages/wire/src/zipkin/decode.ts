/** Decodes what Zipkin's clients send: lists of spans in JSON of version 1 or 2, or in protobuf. */
import type { Limits, SpanBatch } from "@triptych/model";
import { JsonReader } from "../json-reader.ts";
import { StepMeter } from "../otlp/steps.ts";
import { valueRules } from "../otlp/traces.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { readZipkinV1 } from "./json-v1.ts";
import { readZipkinV2 } from "./json-v2.ts";
import { readZipkinProtobuf } from "./protobuf.ts";
import { DraftWriter } from "./span-draft.ts";

export type ZipkinEncoding = "json-v1" | "json-v2" | "protobuf";

export interface ZipkinOptions {
  readonly limits: Limits;
  /** Nanoseconds since 1970; the time of spans that bring none. */
  readonly arrivalNs: bigint;
}

const BYTES_PER_SPAN = 256;
const ROWS_HINT_MAX = 4096;

/**
 * Decodes a whole body in steps of about a millisecond. Throws `wire_malformed`, `wire_too_deep` and
 * `wire_too_many_items`, each with the byte where it was found; a body with one bad span is refused whole, as
 * Zipkin's own server does.
 */
export function* decodeZipkin(
  body: Uint8Array,
  encoding: ZipkinEncoding,
  { limits, arrivalNs }: ZipkinOptions,
): Generator<void, SpanBatch> {
  const rowsHint = Math.min(ROWS_HINT_MAX, Math.ceil(body.length / BYTES_PER_SPAN));
  const writer = new DraftWriter(limits, valueRules(limits), rowsHint);
  const common = { writer, nowNs: arrivalNs, limits, meter: new StepMeter() };
  if (encoding === "protobuf")
    yield* readZipkinProtobuf({ ...common, reader: new ProtobufReader(body) });
  else {
    const json = { ...common, reader: new JsonReader(body, limits.jsonDepthMax) };
    yield* encoding === "json-v1" ? readZipkinV1(json) : readZipkinV2(json);
  }
  return writer.spans.batch;
}
