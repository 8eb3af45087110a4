/** `global`, and the choice of exposition formats that it shares with the jobs. */
import { isLabelName, type NameScheme } from "@triptych/lang";
import {
  bool,
  count,
  type Kind,
  maybeBool,
  maybeList,
  type Of,
  parsed,
  path,
  problem,
  struct,
  text,
} from "./kinds.ts";
import { labelMap } from "./labels.ts";
import { duration, quoted, size } from "./scalars.ts";

/** Formats to ask for, by name, with the media type of each (Prometheus' `scrape_protocols`). */
export const scrapeProtocols = {
  PrometheusProto:
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
  "PrometheusText1.0.0": "text/plain;version=1.0.0",
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
} as const;
export type ScrapeProtocol = keyof typeof scrapeProtocols;

const textFirst: readonly ScrapeProtocol[] = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
];

/** Native histograms come in protobuf alone. */
export function defaultProtocols(withNative: boolean): readonly ScrapeProtocol[] {
  return withNative ? ["PrometheusProto", ...textFirst] : textFirst;
}

/** Throws a `Problem` for a format that is none. */
export function checkProtocol(given: string): ScrapeProtocol {
  if (Object.hasOwn(scrapeProtocols, given)) return given as ScrapeProtocol;
  const known = Object.keys(scrapeProtocols).sort().join(" ");
  return problem(`unknown scrape protocol ${given}, supported: [${known}]`);
}

/** Throws a `Problem`, its words ending in `where`. */
export function checkProtocols(given: readonly string[], where: string): readonly ScrapeProtocol[] {
  if (given.length === 0) problem(`scrape_protocols cannot be empty ${where}`);
  const seen = new Set<string>();
  return given.map((one) => {
    if (seen.has(one.toLowerCase()))
      return problem(`duplicated protocol in scrape_protocols, got [${given.join(" ")}] ${where}`);
    seen.add(one.toLowerCase());
    try {
      return checkProtocol(one);
    } catch (error) {
      return problem(`scrape_protocols: ${error instanceof Error ? error.message : ""} ${where}`);
    }
  });
}

export const nameScheme: Kind<NameScheme | ""> = parsed<NameScheme | "">("", "", (given) =>
  given === "" || given === "utf8" || given === "legacy"
    ? given
    : problem(`unrecognized ValidationScheme: ${JSON.stringify(given)}`),
);

/** How names that are not of the old set are written on the wire. */
export const escapings = ["allow-utf-8", "underscores", "dots", "values"] as const;
export type Escaping = (typeof escapings)[number];

/** What a job may say and `global` says for all. */
export const scrapeLimitFields = {
  body_size_limit: size,
  sample_limit: count(),
  target_limit: count(),
  label_limit: count(),
  label_name_length_limit: count(),
  label_value_length_limit: count(),
  keep_dropped_targets: count(),
} as const;

const SCRAPE_INTERVAL_MS = 60_000;
const SCRAPE_TIMEOUT_MS = 10_000;
const EVALUATION_INTERVAL_MS = 60_000;

export const globalConfig = struct(
  "config.plain",
  {
    scrape_interval: duration(),
    scrape_timeout: duration(),
    scrape_protocols: maybeList(text()),
    evaluation_interval: duration(),
    rule_query_offset: duration(),
    query_log_file: path,
    scrape_failure_log_file: path,
    external_labels: labelMap,
    ...scrapeLimitFields,
    metric_name_validation_scheme: nameScheme,
    metric_name_escaping_scheme: text(),
    scrape_native_histograms: maybeBool,
    convert_classic_histograms_to_nhcb: bool(),
    always_scrape_classic_histograms: bool(),
    extra_scrape_metrics: maybeBool,
  },
  (given) => {
    const scheme: NameScheme = given.metric_name_validation_scheme || "utf8";
    for (const name of given.external_labels.keys())
      if (!isLabelName(name, scheme)) problem(`${quoted(name)} is not a valid label name`);
    const interval = given.scrape_interval || SCRAPE_INTERVAL_MS;
    if (given.scrape_timeout > interval)
      problem("global scrape timeout greater than scrape interval");
    const protocols = given.scrape_protocols;
    return {
      ...given,
      metric_name_validation_scheme: scheme,
      scrape_interval: interval,
      scrape_timeout: given.scrape_timeout || Math.min(SCRAPE_TIMEOUT_MS, interval),
      evaluation_interval: given.evaluation_interval || EVALUATION_INTERVAL_MS,
      scrape_native_histograms: given.scrape_native_histograms ?? false,
      extra_scrape_metrics: given.extra_scrape_metrics ?? false,
      scrape_protocols:
        protocols === undefined ? undefined : checkProtocols(protocols, "for global config"),
    };
  },
);
export type GlobalConfig = Of<typeof globalConfig>;
