/** The smaller sections: `alerting`, `storage`, `tracing`, `otlp` and `runtime`. */
import { discoveryFields } from "./discovery-config.ts";
import { otherDiscoveryFields } from "./discovery-others.ts";
import { checkHttpClient, httpClientFields, plainHeaders, tlsConfig } from "./http-client.ts";
import {
  bool,
  float,
  fullList,
  integer,
  type Kind,
  list,
  maybe,
  type Of,
  oneOf,
  parsed,
  problem,
  struct,
  text,
} from "./kinds.ts";
import { type GivenRule, relabelRules } from "./relabel-config.ts";
import { sigv4 } from "./remote-config.ts";
import { duration, size } from "./scalars.ts";
import { checkStaticTargets, type Discovery } from "./scrape-config.ts";

const alertmanager = struct(
  "config.AlertmanagerConfig",
  {
    ...httpClientFields,
    ...discoveryFields,
    ...otherDiscoveryFields,
    sigv4: maybe(sigv4),
    scheme: text("http"),
    path_prefix: text(),
    timeout: duration(10_000),
    api_version: oneOf(
      ["v2"],
      "v2",
      (given) => `expected Alertmanager api version to be one of [v2] but got ${given}`,
    ),
    relabel_configs: relabelRules("empty or null Alertmanager target relabeling rule"),
    alert_relabel_configs: relabelRules("empty or null Alertmanager alert relabeling rule"),
  },
  (config) => {
    const client = checkHttpClient(config);
    const hasAuth =
      client.basic_auth !== undefined ||
      client.authorization !== undefined ||
      client.oauth2 !== undefined;
    if (hasAuth && config.sigv4 !== undefined)
      problem("at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
    if (config.relabel_configs.length === 0) checkStaticTargets(config.static_configs);
    return client;
  },
);

export const alerting = struct("config.plain", {
  alert_relabel_configs: relabelRules("empty or null alert relabeling rule"),
  alertmanagers: fullList(alertmanager, "empty or null Alertmanager section"),
});
type GivenAlertmanager = Of<typeof alertmanager>;

/** One group of Alertmanagers: how to reach them, and where they are. */
export interface AlertmanagerConfig
  extends Omit<
    GivenAlertmanager,
    | "relabel_configs"
    | "alert_relabel_configs"
    | keyof typeof discoveryFields
    | keyof typeof otherDiscoveryFields
  > {
  readonly relabel_configs: readonly GivenRule[];
  readonly alert_relabel_configs: readonly GivenRule[];
  readonly discovery: Discovery;
}

const chunkEncodings = ["", "xor", "xor2"] as const;

const retention = struct(
  "config.plain",
  { time: duration(), size, percentage: float() },
  (config) => {
    if (config.size < 0)
      problem(
        `'storage.tsdb.retention.size' must be greater than or equal to 0, got ${config.size}`,
      );
    if (config.percentage < 0 || config.percentage > 100)
      problem(
        `'storage.tsdb.retention.percentage' must be in the range [0, 100], got ${config.percentage}`,
      );
    return config;
  },
);

export const storage = struct("config.StorageConfig", {
  tsdb: struct("config.plain", {
    out_of_order_time_window: duration(),
    stale_series_compaction_threshold: float(),
    chunk_encoding: struct("config.ChunkEncodingConfig", {
      floats: oneOf(
        chunkEncodings,
        "",
        (given) =>
          `'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got ${JSON.stringify(given)}`,
      ),
    }),
    retention,
  }),
  exemplars: struct("config.ExemplarsConfig", { max_exemplars: integer(100_000) }),
});

export const tracing: Kind<Of<typeof tracingGiven> | undefined> = maybe({
  initial: () => problem("tracing has no initial value"),
  read: (reader, node) => tracingGiven.read(reader, node),
});

const tracingGiven = struct(
  "config.plain",
  {
    client_type: oneOf(
      ["http", "grpc"],
      "grpc",
      (given) => `expected tracing client type to be to be http or grpc, but got ${given}`,
    ),
    endpoint: text(),
    sampling_fraction: float(),
    insecure: bool(),
    tls_config: tlsConfig,
    headers: plainHeaders("custom authorization header configuration is not yet supported"),
    compression: parsed("", "", (given) =>
      given === "" || given === "gzip"
        ? given
        : problem(`invalid compression type ${given} provided, valid options: gzip`),
    ),
    timeout: duration(),
  },
  (config) => (config.endpoint === "" ? problem("tracing endpoint must be set") : config),
);

const otlpStrategies = [
  "",
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
] as const;

export const otlp = struct(
  "config.plain",
  {
    promote_all_resource_attributes: bool(),
    promote_resource_attributes: list(text()),
    ignore_resource_attributes: list(text()),
    translation_strategy: oneOf(
      otlpStrategies,
      "UnderscoreEscapingWithSuffixes",
      (given) => `unsupported OTLP translation strategy ${JSON.stringify(given)}`,
    ),
    keep_identifying_resource_attributes: bool(),
    convert_histograms_to_nhcb: bool(),
    promote_scope_metadata: bool(),
    label_name_underscore_sanitization: bool(true),
    label_name_preserve_multiple_underscores: bool(true),
  },
  (config) => {
    const { promote_resource_attributes: promoted, ignore_resource_attributes: ignored } = config;
    if (config.promote_all_resource_attributes) {
      if (promoted.length > 0)
        problem(
          "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
        );
      return { ...config, ignore_resource_attributes: attributes(ignored, "ignore", "ignored") };
    }
    if (ignored.length > 0)
      problem(
        "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
      );
    return { ...config, promote_resource_attributes: attributes(promoted, "promote", "promoted") };
  },
);

function attributes(given: readonly string[], verb: string, adjective: string): readonly string[] {
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const one of given.map((name) => name.trim())) {
    if (one === "") wrong.push(`empty ${adjective} OTel resource attribute`);
    else if (seen.has(one))
      wrong.push(`duplicated ${adjective} OTel resource attribute ${JSON.stringify(one)}`);
    seen.add(one);
  }
  if (wrong.length > 0) problem(`invalid '${verb}_resource_attributes': ${wrong.join("\n")}`);
  return [...seen];
}

const GOGC_DEFAULT = 75;

/** Of Go's memory management: read, and of no use here. */
export const runtime = struct("config.RuntimeConfig", { gogc: integer(GOGC_DEFAULT) });
