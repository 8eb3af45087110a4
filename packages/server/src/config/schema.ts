/** The configuration: one object that is default, type, validation and documentation at once. */
import { totalmem } from "node:os";
import { defaultLimits } from "@triptych/model";
import { z } from "zod";
import { beatsSchema } from "./beats-schema.ts";
import { collectSchema } from "./collect-schema.ts";
import { deriveSchema } from "./derive-schema.ts";
import { fluentdSchema } from "./fluentd-schema.ts";
import { logSourceFields } from "./log-sources-schema.ts";
import { lokiSchema } from "./loki-schema.ts";
import { elasticsearchSchema, logstashSchema, syslogSchema } from "./shippers-schema.ts";
import { startTimeZerosSchema } from "./start-time-schema.ts";
import { statsdSchema } from "./statsd-schema.ts";
import { externalUrlSchema, pathPrefixSchema } from "./web-schema.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

const port = (value: number, doc: string) =>
  z.int().min(0).max(65_535).default(value).describe(doc);
const count = (value: number, doc: string) => z.int().min(1).default(value).describe(doc);
const units: { readonly [unit: string]: number } = {
  "": 1,
  KiB: 1024,
  MiB,
  GiB,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** `512MiB`, `2GiB` or a plain number of bytes. */
export function parseBytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([kKMG]i?B)?$/.exec(text.trim());
  const unit = units[found?.[2] ?? ""];
  return found === null || unit === undefined ? Number.NaN : Math.floor(Number(found[1]) * unit);
}

const bytes = (value: number, doc: string) =>
  z
    .union([
      z.int().min(0),
      z.string().refine((text) => parseBytes(text) >= 0, "is not a size such as 512MiB"),
    ])
    .transform((given) => (typeof given === "string" ? parseBytes(given) : given))
    .default(value)
    .describe(doc);

const retention = (days: number, doc: string) =>
  z
    .strictObject({
      days: z.int().min(0).default(days).describe("Days to keep; 0 keeps for ever."),
      bytes: bytes(0, "Bytes to keep; 0 sets no bound."),
    })
    .prefault({})
    .describe(doc);

/** Half of the machine, and enough to work at all. */
const memoryDefault = Math.max(GiB, Math.floor(totalmem() / 2));

/** Two hours of 100,000 series at 15 s take about 200 MiB; a million series that are new, 750 MiB. */
const headDefault = Math.min(GiB, Math.floor(memoryDefault / 8));

export const configSchema = z.strictObject({
  data: z.string().default("./data").describe("Directory of the journal and the embedded store."),
  listen: z.string().default("127.0.0.1").describe("Address all servers listen on."),
  http: z
    .strictObject({
      port: port(4320, "The interface and every HTTP API."),
      externalUrl: externalUrlSchema,
      pathPrefix: pathPrefixSchema,
    })
    .prefault({})
    .describe("HTTP server."),
  otlp: z
    .strictObject({
      grpcPort: port(4317, "Where OTLP/gRPC listens."),
      httpPort: port(4318, "Where OTLP/HTTP listens."),
      cors: z
        .union([z.literal(false), z.array(z.string())])
        .default(["*"])
        .describe("Origins of browser applications that may send telemetry; false for none."),
    })
    .prefault({})
    .describe("OTLP receivers."),
  store: z
    .string()
    .refine((text) => text === "embedded" || URL.canParse(text), "is neither embedded nor a URL")
    .default("embedded")
    .describe(
      "`embedded`, or the URL of a ClickHouse server, 26.2 or newer: http://user:password@host:8123/database.",
    ),
  memory: bytes(
    memoryDefault,
    "Memory the process stays within, pages of files not counted: the engine gets the larger part, and beyond seven tenths senders are told to wait.",
  ),
  durability: z
    .enum(["fsync", "os", "none"])
    .default("fsync")
    .describe(
      "fsync: acknowledged data survives power loss. os: it survives a crash of the process only. none: it is acknowledged before it is written, and a crash loses the last milliseconds.",
    ),
  journal: z
    .strictObject({
      bytes: bytes(
        10 * GiB,
        "Bytes that may wait for the store; beyond it senders are told to wait.",
      ),
    })
    .prefault({})
    .describe("The durable queue before the store."),
  retention: z
    .strictObject({
      traces: retention(14, "How long spans are kept."),
      logs: retention(14, "How long log records are kept."),
      metrics: retention(90, "How long samples are kept."),
      metrics5m: retention(180, "How long metrics of 5 minutes each are kept."),
      metrics1h: retention(730, "How long metrics of 1 hour each are kept."),
    })
    .prefault({})
    .describe("How long data is kept."),
  limits: z
    .strictObject({
      bodyBytes: bytes(
        defaultLimits.bodyBytesMax,
        "Largest request body, also after decompression.",
      ),
      inFlightBytes: bytes(
        defaultLimits.inFlightBytesMax,
        "Decoded request bytes held at once by all receivers.",
      ),
      series: count(1_000_000, "Series remembered as known; more only costs writing labels again."),
      headBytes: bytes(
        headDefault,
        "Recent samples of metrics that are kept in memory, at most a quarter of `memory`; older ones are read from the store.",
      ),
      headHours: z
        .number()
        .min(0)
        .default(2)
        .describe("How far back the samples in memory reach, if there is room."),
      headThreads: z
        .int()
        .min(0)
        .max(16)
        .default(2)
        .describe(
          "Threads that compute queries over the samples in memory, beside the event loop; 0: none. They end when nobody asks.",
        ),
      keptStepsBytes: bytes(
        64 * MiB,
        "Values of range queries that are kept, so that a dashboard that refreshes costs its new steps alone; 0: none.",
      ),
      seriesPerName: count(
        200_000,
        "Series of one metric name that are taken within an hour; new ones beyond it are refused.",
      ),
      seriesTotal: count(
        2_000_000,
        "Series of all names that are taken within an hour; new ones beyond it are refused.",
      ),
      queryTimeoutSeconds: count(60, "A query is stopped after this long."),
      queriesQueued: count(100, "Queries that may wait for a reader."),
    })
    .prefault({})
    .describe("Bounds; see the reference for those that are fixed."),
  collect: collectSchema,
  derive: deriveSchema,
  ...logSourceFields,
  loki: lokiSchema,
  elasticsearch: elasticsearchSchema,
  beats: beatsSchema,
  fluentd: fluentdSchema,
  logstash: logstashSchema,
  syslog: syslogSchema,
  statsd: statsdSchema,
  classicPorts: z
    .boolean()
    .default(false)
    .describe(
      "Also listen where other makers' programs listen. Senders: Zipkin 9411, Jaeger 14268, 14250, 5778, 6831 and 6832, Elasticsearch 9200, Fluentd 24224, Logstash 5000, Beats 5044, Pushgateway 9091. Readers: Prometheus 9090, Loki 3100, Tempo 3200, Jaeger 16686, exporter 9464.",
    ),
  jaeger: z
    .strictObject({
      sampling: z
        .strictObject({
          default: z
            .number()
            .min(0)
            .max(1)
            .default(1)
            .describe("Share of traces that clients keep."),
          services: z
            .record(z.string(), z.number().min(0).max(1))
            .default({})
            .describe("The same for single services."),
        })
        .prefault({})
        .describe("What Jaeger clients are told about sampling."),
    })
    .prefault({})
    .describe("Jaeger's clients."),
  prometheus: z
    .strictObject({
      file: z
        .string()
        .default("")
        .describe("A prometheus.yml to load; the one of the directory given to `triptych up`."),
      adminApi: z
        .boolean()
        .default(false)
        .describe("Whether series may be deleted over the API (`--web.enable-admin-api`)."),
      lifecycle: z
        .boolean()
        .default(false)
        .describe("Whether `/-/reload` reads the configuration again (`--web.enable-lifecycle`)."),
      startTimeZeros: startTimeZerosSchema,
      lateSamples: z
        .boolean()
        .default(false)
        .describe(
          "Whether remote write takes samples behind the last one of their series, however late; otherwise they are refused, but for `storage.tsdb.out_of_order_time_window` of prometheus.yml.",
        ),
    })
    .prefault({})
    .describe("What stands in Prometheus's place."),
  incidents: z
    .strictObject({
      latencySeconds: z
        .number()
        .positive()
        .default(2)
        .describe("An incident opens when a service's p95 exceeds this."),
    })
    .prefault({})
    .describe("When incidents open."),
  log: z
    .strictObject({
      level: z
        .enum(["debug", "info", "warn", "error"])
        .default("info")
        .describe("Least level that is written."),
      json: z.boolean().default(false).describe("Write our own log as JSON."),
    })
    .prefault({})
    .describe("Our own log."),
});

export type Config = z.output<typeof configSchema>;
