/** Decodes `ExportTraceServiceRequest`. */
import type { Limits, SpanBatch } from "@triptych/model";
import { JsonReader } from "../json-reader.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import type { ValueRules } from "./attribute-writer.ts";
import { jsonSpans } from "./json-spans.ts";
import { walkJson } from "./json-walk.ts";
import { protobufSpans } from "./protobuf-spans.ts";
import { countItems, walkProtobuf } from "./protobuf-walk.ts";
import { SpanWriter } from "./span-writer.ts";
import type { Decoded, OtlpEncoding } from "./steps.ts";
import { TextScratch } from "./value-text.ts";

/** A small span in JSON is about this long; a hint for the first size of the columns. */
const BYTES_PER_SPAN = 256;
const ROWS_HINT_MAX = 4096;

export function* decodeOtlpTraces(
  body: Uint8Array,
  encoding: OtlpEncoding,
  options: { readonly limits: Limits },
): Generator<void, Decoded<SpanBatch>> {
  const { limits } = options;
  const rowsHint =
    encoding === "protobuf"
      ? countItems(body, ROWS_HINT_MAX)
      : Math.min(ROWS_HINT_MAX, Math.ceil(body.length / BYTES_PER_SPAN));
  const writer = new SpanWriter(limits, valueRules(limits), rowsHint);
  if (encoding === "protobuf") yield* walkProtobuf(new ProtobufReader(body), protobufSpans(writer));
  else yield* walkJson(new JsonReader(body, limits.jsonDepthMax), jsonSpans(writer));
  return { batch: writer.batch, rejected: writer.rejected, reason: writer.reason };
}

export function valueRules(limits: Limits): ValueRules {
  return {
    valueBytesMax: limits.attributeValueBytesMax,
    depthMax: limits.valueDepthMax,
    attributesMax: limits.attributesPerItemMax,
    scratch: new TextScratch(),
  };
}
