/** What this server can do, under the names by which clients of Prometheus ask. */
import { promqlAggregations, promqlFunctions } from "@triptych/lang";

type Flags = Readonly<Record<string, boolean>>;

const on = (names: readonly string[]): Flags =>
  Object.fromEntries([...names].sort().map((name) => [name, true]));

const operators = [
  ...["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "=~", "!~", "@"],
  ...["and", "or", "unless", "</", ">/"],
];
const keywords = [
  ...["offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"],
  ...["anchored", "smoothed", "fill", "fill_left", "fill_right"],
];

const discoveries = [
  ...["static", "file", "http", "dns", "docker", "dockerswarm", "kubernetes", "consul"],
];
const templateFunctions = [
  ...["query", "first", "label", "value", "strvalue", "args", "reReplaceAll", "safeHtml", "match"],
  ...["title", "toUpper", "toLower", "graphLink", "tableLink", "sortByLabel", "stripPort"],
  ...["stripDomain", "humanize", "humanize1024", "humanizeDuration", "humanizePercentage"],
  ...["humanizeTimestamp", "toTime", "toDuration", "now", "pathPrefix", "externalURL"],
  ...["parseDuration", "urlQueryEscape"],
];

export function features(has: { readonly isAdmin: boolean }): Readonly<Record<string, Flags>> {
  return {
    api: {
      ...on(["label_values_match", "query_warnings", "query_stats", "time_range_series"]),
      ...on(["time_range_labels", "exclude_alerts", "remote_write_receiver", "lifecycle"]),
      ...on(["otlp_write_receiver"]),
      ...on(["search", "search_fuzz_alg_jarowinkler", "search_fuzz_alg_subsequence"]),
      admin: has.isAdmin,
    },
    otlp_receiver: { delta_conversion: true, native_delta_ingestion: false },
    prometheus: { agent_mode: false, auto_reload_config: false, server_mode: true },
    promql: {
      ...on(keywords),
      ...on(["at_modifier", "negative_offset", "per_query_lookback_delta", "subqueries"]),
      ...on(["delayed_name_removal", "duration_expr"]),
      per_step_stats: false,
      type_and_unit_labels: false,
    },
    promql_functions: on(promqlFunctions.map(({ name }) => name)),
    promql_operators: on([...operators, ...promqlAggregations]),
    rules: { ...on(["query_offset", "keep_firing_for"]), concurrent_rule_eval: false },
    scrape: {
      extra_scrape_metrics: false,
      start_timestamp_zero_ingestion: false,
      type_and_unit_labels: false,
    },
    service_discovery_providers: on(discoveries),
    templating_functions: on(templateFunctions),
    tsdb: { ...on(["exemplar_storage", "native_histograms"]), st_storage: true },
    ui: { ui_v2: false, ui_v3: false },
  };
}
