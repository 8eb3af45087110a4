/** What `/api/v1/status/config` shows of a file: all defaults, in Prometheus' order and writing. */
import { expect, test } from "vitest";
import { parsePrometheusConfig } from "./load.ts";
import { yamlText } from "./yaml-text.ts";

const given = `
global: { scrape_interval: 15s, external_labels: { zone: "on", area: "a: b" }, body_size_limit: 1536KB }
rule_files: [rules/*.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["am:9093"] }], basic_auth: { username: u, password: hunter2 } }] }
scrape_configs:
  - job_name: node
    params: { module: [http_2xx] }
    sample_limit: 100
    bearer_token: hunter2
    relabel_configs:
      - { source_labels: [__address__, a], regex: "(.*)", target_label: instance, replacement: "" }
      - { action: labeldrop, regex: tmp_.* }
    file_sd_configs: [{ files: [t/*.json] }]
    static_configs: [{ targets: [], labels: { team: "1" } }]
remote_write: [{ url: "http://u:hunter2@h/w", queue_config: { max_shards: 3 } }]
`;

const want = `global:
  scrape_interval: 15s
  scrape_timeout: 10s
  evaluation_interval: 1m
  external_labels:
    area: 'a: b'
    zone: "on"
  body_size_limit: 1MiB512KiB
  metric_name_validation_scheme: utf8
  scrape_native_histograms: false
  extra_scrape_metrics: false
runtime:
  gogc: 75
alerting:
  alertmanagers:
  - basic_auth:
      username: u
      password: <secret>
    follow_redirects: true
    enable_http2: true
    scheme: http
    timeout: 10s
    api_version: v2
    static_configs:
    - targets:
      - am:9093
rule_files:
- /etc/rules/*.yml
scrape_configs:
- job_name: node
  honor_timestamps: true
  track_timestamps_staleness: false
  params:
    module:
    - http_2xx
  scrape_interval: 15s
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  body_size_limit: 1MiB512KiB
  sample_limit: 100
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  authorization:
    type: Bearer
    credentials: <secret>
  follow_redirects: true
  enable_http2: true
  relabel_configs:
  - source_labels: [__address__, a]
    separator: ;
    regex: (.*)
    target_label: instance
    replacement: ""
    action: replace
  - separator: ;
    regex: tmp_.*
    replacement: $1
    action: labeldrop
  file_sd_configs:
  - files:
    - /etc/t/*.json
    refresh_interval: 5m
  static_configs:
  - targets: []
    labels:
      team: "1"
storage:
  tsdb:
    outofordertimewindow: 0
remote_write:
- url: http://u:xxxxx@h/w
  remote_timeout: 30s
  protobuf_message: prometheus.WriteRequest
  follow_redirects: true
  enable_http2: false
  queue_config:
    capacity: 10000
    max_shards: 3
    min_shards: 1
    max_samples_per_send: 2000
    batch_send_deadline: 5s
    min_backoff: 30ms
    max_backoff: 5s
  metadata_config:
    send: true
    send_interval: 1m
    max_samples_per_send: 2000
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  label_name_underscore_sanitization: true
  label_name_preserve_multiple_underscores: true
`;

test("a file is shown with its defaults", () => {
  const files = { readText: () => given, glob: () => [], env: () => undefined };
  expect(parsePrometheusConfig(given, "/etc/prometheus.yml", { files }).text).toBe(want);
});

const check = (text: string, written: string) =>
  test(`written: ${text}`, () => expect(yamlText(new Map([["k", text]]))).toBe(`k: ${written}\n`));
check("a b", "a b");
check("yes", '"yes"');
check("10", '"10"');
check("1.5e3", '"1.5e3"');
check("", '""');
check("a: b", "'a: b'");
check("a:b", "a:b");
check("# a", "'# a'");
check("it's", "it's");
check("'q'", "'''q'''");
check("é", "é");
check("[a]", "'[a]'");
check("a\nb", "|-\n  a\n  b");
check("a\u0001", '"a\\u0001"');
