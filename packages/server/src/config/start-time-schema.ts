/** `prometheus.startTimeZeros`: Prometheus' feature flag `created-timestamp-zero-ingestion`. */
import { z } from "zod";

export const startTimeZerosSchema = z
  .boolean()
  .default(false)
  .describe(
    "Whether a zero is written at the start time of counters and histograms that say it (protobuf scrapes, remote write 2.0, OTLP), as Prometheus does with `created-timestamp-zero-ingestion`.",
  );
