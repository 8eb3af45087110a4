/** `derive` and its keys: metrics that are made from spans as they come in. */
import { z } from "zod";

const attributeNames = (doc: string) =>
  z.array(z.string().min(1)).max(20).default([]).describe(doc);
const bounds = (values: readonly number[], doc: string) =>
  z
    .array(z.number())
    .min(1)
    .max(100)
    .default([...values])
    .refine(
      (all) => all.every((bound, i) => i === 0 || bound > (all[i - 1] as number)),
      "must ascend",
    )
    .describe(doc);
const seconds = (value: number, doc: string) =>
  z.number().min(1).max(86_400).default(value).describe(doc);
const histograms = z
  .enum(["classic", "native", "both"])
  .default("classic")
  .describe("Kind of the duration histograms.");
const setsMax = z
  .int()
  .min(1)
  .max(100_000)
  .default(5_000)
  .describe('Label sets; what comes beyond shares one with `metric_overflow="true"`.');
const staleSeconds = seconds(900, "A label set that was not seen for so long is removed.");
const multiplierKey = z
  .string()
  .default("")
  .describe("Attribute with the share of spans that were sampled: each counts as one by it.");

/** `base`, `base * factor` and so on. */
const exponential = (base: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => base * factor ** i);

const filterMatch = z.strictObject({
  matchType: z.enum(["strict", "regex"]).default("strict").describe("How values are compared."),
  attributes: z
    .array(
      z.strictObject({
        key: z
          .string()
          .min(1)
          .describe("`kind`, `status`, `name`, `resource.<name>` or `span.<name>`."),
        value: z.union([z.string(), z.number(), z.boolean()]).describe("What it must be."),
      }),
    )
    .min(1)
    .max(20)
    .describe("All of them must match."),
});

const filterPolicy = z.strictObject({
  include: filterMatch.optional().describe("Only spans that match are counted."),
  exclude: filterMatch.optional().describe("Spans that match are not counted."),
});

const spanMetricsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Whether metrics are made from spans."),
  intervalSeconds: seconds(15, "Seconds between two samples."),
  names: z
    .enum(["tempo", "collector"])
    .default("tempo")
    .describe(
      "Names and labels as Tempo's generator or as the Collector's connector gives them: `traces_spanmetrics_latency` in seconds, or `traces_span_metrics_duration_milliseconds`.",
    ),
  histograms,
  histogramBuckets: bounds(exponential(0.002, 2, 14), "Upper bounds in seconds."),
  intrinsicDimensions: z
    .strictObject({
      service: z.boolean().default(true).describe("Label with the service's name."),
      spanName: z.boolean().default(true).describe("Label with the span's name."),
      operation: z
        .boolean()
        .default(true)
        .describe(
          "The span's name also as label `operation`, for alerts and dashboards that ask for it, unless a dimension is called so or the names are the Collector's.",
        ),
      spanKind: z.boolean().default(true).describe("Label with the span's kind."),
      statusCode: z.boolean().default(true).describe("Label with the span's status."),
      statusMessage: z.boolean().default(false).describe("Label with the status' message."),
    })
    .prefault({})
    .describe("Labels that do not come from attributes."),
  dimensions: attributeNames("Attributes of resource or span that become labels."),
  dimensionMappings: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe("The label."),
        sourceLabels: z.array(z.string().min(1)).min(1).max(10).describe("Attributes it is of."),
        join: z.string().default("/").describe("What stands between their values."),
      }),
    )
    .max(20)
    .default([])
    .describe("Labels made of several attributes."),
  size: z.boolean().default(false).describe("Whether the size of spans is counted, too."),
  targetInfo: z
    .boolean()
    .default(false)
    .describe(
      "Labels `job` and `instance`, and `traces_target_info` with the resource's attributes.",
    ),
  targetInfoExcludedDimensions: attributeNames("Attributes that `traces_target_info` leaves out."),
  filterPolicies: z.array(filterPolicy).max(50).default([]).describe("Which spans are counted."),
  spanMultiplierKey: multiplierKey,
  setsMax,
  staleSeconds,
});

const serviceGraphSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Whether metrics of calls between services are made."),
  intervalSeconds: seconds(15, "Seconds between two samples."),
  waitSeconds: seconds(10, "How long a span waits for the other side of its call."),
  edgesMax: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .describe(
      "Calls that wait at once, at most one for each 256 KiB of `memory`; the spans of more are dropped from the graph.",
    ),
  histograms,
  histogramBuckets: bounds(exponential(0.1, 2, 8), "Upper bounds in seconds."),
  dimensions: attributeNames("Attributes of resource or span that become labels."),
  clientServerPrefix: z
    .boolean()
    .default(false)
    .describe("Whether dimensions are told apart as `client_…` and `server_…`."),
  peerAttributes: z
    .array(z.string().min(1))
    .max(20)
    .default(["peer.service", "db.name", "db.system", "db.namespace", "server.address"])
    .describe("Attributes of a call that name a server without spans, the first that is there."),
  messagingLatency: z
    .boolean()
    .default(true)
    .describe("Whether the time between sending and receiving a message is measured."),
  virtualNodeLabel: z
    .boolean()
    .default(false)
    .describe("Label `virtual_node` that says which side has no spans."),
  spanMultiplierKey: multiplierKey,
  setsMax,
  staleSeconds,
});

export const deriveSchema = z
  .strictObject({
    slackSeconds: seconds(300, "Spans that ended longer ago, or so far ahead, are not counted."),
    labels: z
      .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is no label name"), z.string())
      .default({})
      .describe("Labels that all these series get."),
    spanMetrics: spanMetricsSchema.prefault({}).describe("Calls and durations by operation."),
    serviceGraph: serviceGraphSchema.prefault({}).describe("Calls and durations between services."),
  })
  .prefault({})
  .describe("Metrics that are made from spans as they come in.");

export type DeriveConfig = z.output<typeof deriveSchema>;
export type SpanMetricsConfig = z.output<typeof spanMetricsSchema>;
export type ServiceGraphConfig = z.output<typeof serviceGraphSchema>;
export type SpanFilterPolicy = z.output<typeof filterPolicy>;
