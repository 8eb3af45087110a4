/**
 * A loaded `prometheus.yml` as text with all defaults filled in and without secrets: what `/api/v1/status/config`
 * shows. Keys come in Prometheus' order, and those that say nothing are left out where Prometheus leaves them out.
 */
import type { GivenRule } from "./relabel-config.ts";
import { httpClientKeys } from "./http-client.ts";
import { printDuration, printSize } from "./scalars.ts";
import { isSecret } from "./secret.ts";
import { plainScalar, type YamlValue, yamlText } from "./yaml-text.ts";

const durations = new Set([
  ..."scrape_interval scrape_timeout evaluation_interval rule_query_offset timeout remote_timeout".split(
    " ",
  ),
  ..."batch_send_deadline min_backoff max_backoff sample_age_limit send_interval refresh_interval".split(
    " ",
  ),
  ..."out_of_order_time_window time".split(" "),
]);
const sizes = new Set(["body_size_limit", "size"]);
/** Keys that are shown also when they say nothing, wherever they are. */
const always = new Set([
  ..."job_name honor_timestamps track_timestamps_staleness enable_compression api_version url send".split(
    " ",
  ),
  ..."follow_redirects enable_http2 insecure_skip_verify send_interval files names type port role".split(
    " ",
  ),
  ..."targets kubeconfig_file allow_stale host host_networking_host match_first_network own_namespace node".split(
    " ",
  ),
]);
/** Of these, false is not the same as nothing. */
const threeValued = new Set([..."scrape_native_histograms extra_scrape_metrics".split(" ")]);
const jobThreeValued = new Set([
  ...threeValued,
  ..."always_scrape_classic_histograms convert_classic_histograms_to_nhcb".split(" "),
]);

/** A bearer token is shown as the authorization that it becomes. */
const http = httpClientKeys.filter((key) => !key.startsWith("bearer_token"));
const jobKeys = [
  ..."job_name honor_labels honor_timestamps track_timestamps_staleness params scrape_interval".split(
    " ",
  ),
  ..."scrape_timeout scrape_protocols fallback_scrape_protocol scrape_native_histograms".split(" "),
  ..."always_scrape_classic_histograms convert_classic_histograms_to_nhcb".split(" "),
  ..."scrape_failure_log_file metrics_path scheme enable_compression body_size_limit".split(" "),
  ..."sample_limit target_limit label_limit label_name_length_limit label_value_length_limit".split(
    " ",
  ),
  ..."native_histogram_bucket_limit native_histogram_min_bucket_factor keep_dropped_targets".split(
    " ",
  ),
  ..."metric_name_validation_scheme metric_name_escaping_scheme extra_scrape_metrics".split(" "),
  ...http,
  ..."relabel_configs metric_relabel_configs".split(" "),
];
const alertmanagerKeys = [
  ...http,
  ..."sigv4 scheme path_prefix timeout api_version relabel_configs alert_relabel_configs".split(
    " ",
  ),
];
const remoteWriteKeys = [
  ..."url remote_timeout headers write_relabel_configs name send_exemplars".split(" "),
  ..."send_native_histograms round_robin_dns protobuf_message".split(" "),
  ...http,
  ..."queue_config metadata_config sigv4 azuread google_iam".split(" "),
];
const remoteReadKeys = [
  ..."url remote_timeout chunked_read_limit headers read_recent name".split(" "),
  ...http,
  ..."required_matchers filter_external_labels".split(" "),
];
/** Discoveries with keys after or before those of the client. */
const discoveryKeys: { readonly [kind: string]: readonly string[] } = {
  http_sd_configs: [...http, "refresh_interval", "url"],
  consul_sd_configs: [
    ..."server path_prefix token datacenter namespace partition tag_separator scheme username".split(
      " ",
    ),
    ..."password allow_stale refresh_interval services tags node_meta filter health_filter".split(
      " ",
    ),
    ...http,
  ],
  kubernetes_sd_configs: [
    ..."api_server role kubeconfig_file".split(" "),
    ...http,
    ..."namespaces selectors attach_metadata".split(" "),
  ],
  docker_sd_configs: [
    ...http,
    ..."host port filters host_networking_host refresh_interval match_first_network".split(" "),
  ],
};

interface WithDiscovery {
  readonly discovery: { readonly configs: object };
}

/** A configuration as `load.ts` makes it. */
export interface FilledConfig {
  readonly global: object;
  readonly runtime: object;
  readonly alerting: {
    readonly alert_relabel_configs: readonly GivenRule[];
    readonly alertmanagers: readonly WithDiscovery[];
  };
  readonly rule_files: readonly string[];
  readonly scrape_config_files: readonly string[];
  readonly scrape_configs: readonly (WithDiscovery & { readonly isOfFile?: boolean })[];
  readonly storage: {
    readonly tsdb: { readonly out_of_order_time_window: number };
    readonly exemplars: { readonly max_exemplars: number };
  };
  readonly tracing: object | undefined;
  readonly remote_write: readonly object[];
  readonly remote_read: readonly object[];
  readonly otlp: object;
}

export function filledText(config: FilledConfig): string {
  const out = new Map<string, YamlValue>();
  const add = (key: string, value: YamlValue | undefined): void => {
    if (value !== undefined && !isEmpty(value)) out.set(key, value);
  };
  const { alerting, storage } = config;
  add("global", entries(config.global, { threeValued }));
  add("runtime", entries(config.runtime, {}));
  add(
    "alerting",
    mapping([
      ["alert_relabel_configs", rules(alerting.alert_relabel_configs)],
      ["alertmanagers", alerting.alertmanagers.map((one) => withDiscovery(one, alertmanagerKeys))],
    ]),
  );
  add("rule_files", config.rule_files);
  add("scrape_config_files", config.scrape_config_files);
  const own = config.scrape_configs.filter(({ isOfFile }) => isOfFile !== true);
  add(
    "scrape_configs",
    own.map((job) => withDiscovery(job, jobKeys, jobThreeValued)),
  );
  out.set("storage", storageOf(storage));
  add("tracing", config.tracing === undefined ? undefined : entries(config.tracing, {}));
  add(
    "remote_write",
    config.remote_write.map((one) => entries(one, { keys: remoteWriteKeys })),
  );
  add(
    "remote_read",
    config.remote_read.map((one) => entries(one, { keys: remoteReadKeys })),
  );
  add("otlp", entries(config.otlp, {}));
  return yamlText(out);
}

const EXEMPLARS_MAX = 100_000;

/** Prometheus shows the window twice, the first time as a number under Go's own name. */
function storageOf({ tsdb, exemplars }: FilledConfig["storage"]): YamlValue {
  const window = new Map<string, YamlValue>([
    ["outofordertimewindow", tsdb.out_of_order_time_window],
    ...entries(tsdb, {}),
  ]);
  const out = new Map<string, YamlValue>([["tsdb", window]]);
  if (exemplars.max_exemplars !== EXEMPLARS_MAX) out.set("exemplars", entries(exemplars, {}));
  return out;
}

function withDiscovery(
  of: WithDiscovery,
  keys: readonly string[],
  three: ReadonlySet<string> = new Set(),
): YamlValue {
  const out = entries(of, { keys, threeValued: three });
  const found = Object.entries(of.discovery.configs).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [kind, list] of found)
    if (Array.isArray(list) && list.length > 0)
      out.set(
        kind,
        list.map((one) => entries(one, { keys: discoveryKeys[kind] })),
      );
  return out;
}

interface Choice {
  /** In this order; all of the object, in its own, unless given. */
  readonly keys?: readonly string[] | undefined;
  readonly threeValued?: ReadonlySet<string>;
}

function entries(
  of: object,
  { keys, threeValued: three = new Set() }: Choice,
): Map<string, YamlValue> {
  const out = new Map<string, YamlValue>();
  for (const key of keys ?? Object.keys(of)) {
    const value = (of as { readonly [key: string]: unknown })[key];
    const printed = shown(key, value);
    if (printed === undefined) continue;
    if (!isEmpty(printed) || always.has(key) || three.has(key)) out.set(key, printed);
  }
  return out;
}

function shown(key: string, value: unknown): YamlValue | undefined {
  if (value === undefined || value === null) return undefined;
  if (isSecret(value)) return value.toString();
  if (key.endsWith("relabel_configs")) return rules(value as readonly GivenRule[]);
  if (typeof value === "number") {
    if (durations.has(key)) return value === 0 ? "" : plainScalar(printDuration(value));
    return sizes.has(key) && value !== 0 ? plainScalar(printSize(value)) : value;
  }
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return withoutPassword(value);
  if (Array.isArray(value)) return value.map((one) => shown("", one) ?? "");
  if (value instanceof Map) {
    const sorted = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return mapping(sorted.map(([name, one]) => [String(name), shown("", one) ?? ""]));
  }
  return entries(value as object, {});
}

/** A password in an address is a secret, too. */
function withoutPassword(value: string): string {
  return value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#:@]*):[^/?#@]*@/i, "$1:xxxxx@");
}

function rules(of: readonly GivenRule[]): YamlValue {
  return of.map((rule) => {
    const out: [string, YamlValue][] = [];
    if (rule.sourceLabels.length > 0) out.push(["source_labels", { flow: rule.sourceLabels }]);
    out.push(["separator", rule.separator]);
    if (rule.givesRegex) out.push(["regex", rule.regex]);
    if (rule.modulus > 0n) out.push(["modulus", Number(rule.modulus)]);
    if (rule.targetLabel !== "") out.push(["target_label", rule.targetLabel]);
    out.push(["replacement", rule.replacement], ["action", rule.action]);
    return mapping(out);
  });
}

const alwaysOfRules = new Set(["separator", "regex", "replacement"]);

function mapping(of: readonly (readonly [string, YamlValue])[]): Map<string, YamlValue> {
  return new Map(of.filter(([key, value]) => alwaysOfRules.has(key) || !isEmpty(value)));
}

function isEmpty(value: YamlValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (value instanceof Map) return [...value.values()].every(isEmpty);
  return value === "" || value === 0 || value === false;
}
