/** `statsd` and its keys, and the mapping file of statsd_exporter, which is taken as it is. */
import { z } from "zod";

export const statsdSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether StatsD is taken over UDP and TCP."),
    port: z.int().min(0).max(65_535).default(8_125).describe("UDP and TCP port."),
    mappingFile: z.string().default("").describe("Mapping rules, as statsd_exporter reads them."),
    intervalSeconds: z.number().min(1).max(3_600).default(10).describe("Seconds between samples."),
    ttlSeconds: z
      .number()
      .min(0)
      .default(3_600)
      .describe(
        "A series that was not sent for so long ends; 0 keeps it. Mapping rules may differ.",
      ),
    seriesMax: z.int().min(1).max(1_000_000).default(50_000).describe("Metrics with their tags."),
    connectionsMax: z.int().min(1).max(100_000).default(1_000).describe("TCP senders at once."),
    labels: z.record(z.string(), z.string()).default({}).describe("Labels that all series get."),
  })
  .prefault({})
  .describe("Metrics of StatsD and DogStatsD clients.");

export type StatsdConfig = z.output<typeof statsdSchema>;

const duration = z.union([z.string(), z.number()]);
const quantiles = z.array(z.looseObject({ quantile: z.number().min(0).max(1) })).max(20);
const buckets = z.array(z.number()).max(200);
const observer = {
  observer_type: z.enum(["summary", "histogram", ""]).optional(),
  timer_type: z.enum(["summary", "histogram", ""]).optional(),
  histogram_options: z.looseObject({ buckets: buckets.optional() }).optional(),
  summary_options: z.looseObject({ quantiles: quantiles.optional() }).optional(),
  buckets: buckets.optional(),
  quantiles: quantiles.optional(),
  match_type: z.enum(["glob", "regex", ""]).optional(),
  ttl: duration.optional(),
};

/** A file of statsd_exporter, with the keys of its version 0.28 and the older names of some. */
export const statsdMappingSchema = z.strictObject({
  defaults: z
    .strictObject({ ...observer, glob_disable_ordering: z.boolean().optional() })
    .optional()
    .nullable(),
  mappings: z
    .array(
      z.strictObject({
        ...observer,
        match: z.string().min(1).max(1_000),
        match_metric_type: z
          .enum(["counter", "gauge", "observer", "timer", "histogram", "distribution", ""])
          .optional(),
        name: z.string().optional(),
        help: z.string().optional(),
        labels: z.record(z.string(), z.string()).optional().nullable(),
        action: z.enum(["map", "drop", ""]).optional(),
        honor_labels: z.boolean().optional(),
        scale: z.number().optional(),
      }),
    )
    .max(10_000)
    .default([]),
});

export type StatsdMappingFile = z.output<typeof statsdMappingSchema>;
