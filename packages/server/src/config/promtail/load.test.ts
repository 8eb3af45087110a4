import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expandEnv } from "./expand-env.ts";
import { type PromtailConfig, parsePromtailConfig } from "./load.ts";

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
  wrong(job("gelf: { listen: x }"), /field listen not found.*promtail\.yml:3:13/s);
  wrong(job("loki_push_api: { server: { http_listen_port: x } }"), /no port.*3:50/);
  wrong(job("static_config: []"), /field static_config not found.*promtail\.yml:3:5/s);
  wrong(
    job("syslog: { listen_address: x, tls_config: { cert_file: a } }"),
    /certificate and key are both required/,
  );
  wrong(job("encoding: klingon"), /unknown encoding "klingon"/);
  wrong(job("decompression: { enabled: true, format: bz2 }"), /must be gz or z/);
  wrong(job("syslog: { labels: {} }"), /listen_address/);
  wrong("scrape_configs: [", /yaml:.*promtail\.yml:1/);
});

test("what is not served is read over and told with its place; the rest is there", () => {
  const { jobs, unserved } = load(`scrape_configs:
  - job_name: a
    kafka: { brokers: [x], topics: [y] }
  - job_name: b
    static_configs: [{ labels: { __path__: /x.log } }]
    pipeline_stages:
      - match: { selector: '{a="b"}', stages: [{ geoip: { db: x } }, { decolorize: }] }
      - geoip: { db: x }
      - cri: {}
`);
  expect(jobs.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(jobs[1]?.stages.map(({ kind }) => kind)).toEqual(["match", "cri"]);
  expect(
    unserved.map(({ line, column, message }) => [line, column, message.split(":")[0]]),
  ).toEqual([
    [3, 12, "kafka of scrape_configs is not served"],
    [7, 50, "pipeline stage geoip is not served"],
    [8, 9, "pipeline stage geoip is not served"],
  ]);
});

test("targets that listen on the network", () => {
  const { jobs } = load(`scrape_configs:
  - job_name: push
    loki_push_api:
      server: { http_listen_port: 3500, grpc_listen_port: 3600, log_level: warn }
      labels: { from: push }
      use_incoming_timestamp: true
  - job_name: gelf
    gelf: { labels: { job: g } }
`);
  expect(jobs[0]?.lokiPush).toEqual({
    server: { address: "", port: 3500, wantsTls: false },
    labels: new Map([["from", "push"]]),
    use_incoming_timestamp: true,
  });
  expect(jobs[1]?.gelf).toMatchObject({ listen_address: ":12201", use_incoming_timestamp: false });
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
