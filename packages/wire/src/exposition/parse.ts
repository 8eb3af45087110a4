/**
 * Parses what a scraped target or a pushing client exposes: Prometheus text 0.0.4, OpenMetrics 1.0 text, or protobuf.
 * In come the decompressed body and its content type; out come a `SampleBatch` and what was refused of it. Throws
 * `wire_malformed` with line and column (text) or byte offset, `wire_too_many_items`, `media_type_unsupported`.
 */
import { TriptychError } from "@triptych/model";
import { createdToStarts } from "./created-times.ts";
import {
  type DecodedExposition,
  type ExpositionOptions,
  ExpositionWriter,
} from "./exposition-writer.ts";
import { readOpenMetricsText } from "./openmetrics-text.ts";
import { readPrometheusText } from "./prometheus-text.ts";
import { readExpositionProtobuf } from "./protobuf.ts";

export type ExpositionFormat = "prometheus-text" | "openmetrics-text" | "protobuf";

/** The format a content type names; no content type means 0.0.4. Throws `media_type_unsupported`. */
export function expositionFormat(contentType: string | undefined): ExpositionFormat {
  const [type = "", ...parameters] = (contentType ?? "").split(";");
  switch (type.trim().toLowerCase()) {
    case "":
    case "text/plain":
      return "prometheus-text";
    case "application/openmetrics-text":
      return "openmetrics-text";
    case "application/vnd.google.protobuf": {
      const has = (want: string): boolean =>
        parameters.some((one) => one.replaceAll(/[\s"]/g, "").toLowerCase() === want);
      if (has("proto=io.prometheus.client.metricfamily") && has("encoding=delimited"))
        return "protobuf";
    }
  }
  throw new TriptychError(
    "media_type_unsupported",
    `Content type ${JSON.stringify((contentType ?? "").slice(0, 100))} is no exposition format: text/plain, application/openmetrics-text or application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited are.`,
  );
}

export function* parseExposition(
  bytes: Uint8Array,
  contentType: string | undefined,
  options: ExpositionOptions,
): Generator<void, DecodedExposition> {
  const writer = new ExpositionWriter(options);
  const format = expositionFormat(contentType);
  let failure: TriptychError | undefined;
  try {
    yield* readers[format](bytes, writer);
  } catch (error) {
    if (options.keepsPartial !== true || !(error instanceof TriptychError)) throw error;
    failure = error;
    writer.undoLine();
  }
  const decoded = writer.finish();
  if (options.createdAsStart === true && format === "openmetrics-text")
    createdToStarts(decoded.batch);
  return failure === undefined ? decoded : { ...decoded, failure };
}

const readers: {
  readonly [format in ExpositionFormat]: (
    bytes: Uint8Array,
    writer: ExpositionWriter,
  ) => Generator<void>;
} = {
  "prometheus-text": readPrometheusText,
  "openmetrics-text": readOpenMetricsText,
  protobuf: readExpositionProtobuf,
};
