import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expandEnv } from "./expand-env.ts";
import { parsePromtailConfig, type PromtailConfig } from "./load.ts";

const load = (yaml: string, env: { readonly [name: string]: string } = {}): PromtailConfig =>
  parsePromtailConfig(yaml, "promtail.yml", { expandEnv: true, env: (name) => env[name] });

test("a whole file: what is ours is read, what is another Loki's is noted", () => {
  const config = load(
    `
server: { http_listen_port: 9080, grpc_listen_port: 0, log_level: info }
positions: { filename: /tmp/p.yaml, sync_period: 5s }
clients:
  - url: http://loki:3100/loki/api/v1/push
    tenant_id: t
    batchwait: 1s
    external_labels: { cluster: "\${CLUSTER:-none}" }
limits_config: { readline_rate_enabled: true, readline_rate: 100, max_line_size: 256kb }
target_config: { sync_period: 20s }
tracing: { enabled: true }
scrape_configs:
  - job_name: system
    static_configs:
      - labels: { job: varlogs, __path__: /var/log/*.log, __path_exclude__: /var/log/x.log }
  - job_name: pods
    kubernetes_sd_configs: [{ role: pod }]
    pipeline_stages: [{ cri: {} }, { match: { selector: '{app="a"}', stages: [{ json: { expressions: { a: } } }] } }]
    relabel_configs:
      - { source_labels: [__meta_kubernetes_pod_node_name], target_label: __host__ }
  - job_name: docker
    docker_sd_configs: [{ host: "unix:///var/run/docker.sock", refresh_interval: 5s }]
  - job_name: journal
    journal: { max_age: 12h, json: false, labels: { job: systemd-journal }, matches: _TRANSPORT=kernel }
    relabel_configs:
      - { source_labels: ['__journal__systemd_unit'], target_label: unit }
  - job_name: syslog
    syslog: { listen_address: "0.0.0.0:1514", label_structured_data: true, labels: { job: syslog } }
  - job_name: old
    decompression: { enabled: true, format: gz, initial_delay: 10s }
    encoding: utf-16le
    static_configs: [{ targets: [localhost], labels: { __path__: "/x/*.gz" } }]
`,
    { CLUSTER: "c1" },
  );
  expect(config.jobs.map(({ name }) => name)).toEqual([
    ...["system", "pods", "docker", "journal", "syslog", "old"],
  ]);
  const [system, pods, docker, journal, syslog, old] = config.jobs;
  expect(system?.discovery.configs.static_configs[0]?.targets).toEqual(["localhost"]);
  expect(pods?.stages.map(({ kind }) => kind)).toEqual(["cri", "match"]);
  expect(docker?.discovery.configs.docker_sd_configs[0]?.refresh_interval).toBe(5000);
  expect(journal?.journal).toMatchObject({ max_age: 12 * 3_600_000, matches: "_TRANSPORT=kernel" });
  expect(syslog?.syslog).toMatchObject({
    listen_address: "0.0.0.0:1514",
    syslog_format: "rfc5424",
  });
  expect(old).toMatchObject({
    decompression: { format: "gz", delayMs: 10_000 },
    encoding: "utf-16le",
  });
  expect(config.externalLabels).toEqual(new Map([["cluster", "c1"]]));
  expect(config.limits.max_line_size).toBe(256_000);
  expect(config.syncPeriodMs).toBe(20_000);
  expect(config.ignored.map((one) => one.split(":", 1)[0])).toEqual([
    "clients",
    "server",
    "tracing",
  ]);
});

describe("what cannot be used is told with its place", () => {
  const wrong = (yaml: string, message: RegExp): void =>
    test(yaml, () => expect(() => load(yaml)).toThrow(message));
  const job = (text: string): string => `scrape_configs:\n  - job_name: j\n    ${text}`;
  wrong(
    job("gelf: { listen_address: x }"),
    /gelf of scrape_configs is not supported: .*promtail\.yml:3:11/,
  );
  wrong(job("loki_push_api: { server: {} }"), /send to this server's own \/loki\/api\/v1\/push/);
  wrong(job("kafka: { brokers: [x] }"), /kafka/);
  wrong(job("static_config: []"), /field static_config not found.*promtail\.yml:3:5/s);
  wrong(job("pipeline_stages: [{ geoip: {} }]"), /geoip is not supported.*3:25/);
  wrong(job("encoding: klingon"), /unknown encoding "klingon"/);
  wrong(job("decompression: { enabled: true, format: bz2 }"), /must be gz or z/);
  wrong(job("syslog: { labels: {} }"), /listen_address/);
  wrong("scrape_configs: [", /yaml:.*promtail\.yml:1/);
});

test("variables of the environment", () => {
  const env = (name: string): string | undefined => ({ A: "1", EMPTY: "" })[name];
  expect(expandEnv("$A ${A} ${B:x} ${B:-y z} ${EMPTY:d} ${B} $$A a$", env)).toBe(
    "1 1 x y z d  $A a$",
  );
});

const SEEDS = join(import.meta.dirname, "../../../../../../shared/seeds");

/** YAML blocks of a text that are promtail's. */
function promtailBlocks(text: string): string[] {
  return [...text.matchAll(/```ya?ml\n(.*?)```/gs)]
    .map(([, block]) => block as string)
    .filter((block) => /^scrape_configs:/m.test(block) && /__path__|^clients:/m.test(block));
}

test.skipIf(!existsSync(SEEDS))(
  "promtail files that people publish load (skipped without ../shared/seeds)",
  () => {
    const blocks = readdirSync(SEEDS).flatMap((name) =>
      promtailBlocks(readFileSync(join(SEEDS, name), "utf8")),
    );
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(load(block).jobs.length).toBeGreaterThan(0);
  },
);
