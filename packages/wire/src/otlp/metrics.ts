/** Decodes `ExportMetricsServiceRequest` into Prometheus series. */
import type { Limits, SampleBatch } from "@triptych/model";
import { JsonReader } from "../json-reader.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { MetricWriter } from "./metric-writer.ts";
import { jsonMetrics } from "./json-metrics.ts";
import { walkJson } from "./json-walk.ts";
import { protobufMetrics } from "./protobuf-metrics.ts";
import { walkProtobuf } from "./protobuf-walk.ts";
import type { Decoded, OtlpEncoding } from "./steps.ts";
import { valueRules } from "./traces.ts";

/** A small point is about this long; a hint for the first size of the columns. */
const BYTES_PER_POINT = 96;

export function* decodeOtlpMetrics(
  body: Uint8Array,
  encoding: OtlpEncoding,
  options: { readonly limits: Limits; readonly nowMs: number },
): Generator<void, Decoded<SampleBatch>> {
  const rowsHint = Math.max(16, Math.min(4096, Math.ceil(body.length / BYTES_PER_POINT)));
  const writer = new MetricWriter(options, valueRules(options.limits), rowsHint);
  if (encoding === "protobuf")
    yield* walkProtobuf(new ProtobufReader(body), protobufMetrics(writer));
  else yield* walkJson(new JsonReader(body, options.limits.jsonDepthMax), jsonMetrics(writer));
  return { batch: writer.batch, rejected: writer.rejected, reason: writer.reason };
}
