import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRng } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import { globFiles, matchesName } from "./config-files.ts";
import { type ConfigFiles, loadPrometheusConfig, parsePrometheusConfig } from "./load.ts";
import { problemOf } from "./yaml-reader.ts";

const root = fileURLToPath(new URL("../../../../../", import.meta.url));
const data = join(root, "../shared/conformance/prometheus-config");
const directory = join(data, "config");

/** Names as Prometheus' tests have them: relative to the directory of its package. */
const files: ConfigFiles = {
  readText: (file) => readFileSync(join(directory, file), "utf8"),
  glob: (pattern) =>
    globFiles(join(directory, pattern)).map((file) => file.slice(directory.length + 1)),
  env: (name) => (name === "TEST" ? "TestValue" : undefined),
};

interface Expectation {
  readonly ok: boolean;
  readonly error_contains?: string;
}

const exceptions: { readonly [file: string]: string } = JSON.parse(
  readFileSync(join(root, "corpus/config/prometheus-exceptions.json"), "utf8"),
);

function outcome(file: string): string {
  try {
    loadPrometheusConfig(`testdata/${file}`, {
      files,
      agentMode: file.startsWith("agent_mode"),
    });
    return "";
  } catch (error) {
    if (problemOf(error) === undefined) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

describe.skipIf(!existsSync(data))("outcomes of Prometheus' own files", () => {
  if (!existsSync(data)) return;
  const { expect: all } = JSON.parse(readFileSync(join(data, "expect.json"), "utf8")) as {
    readonly expect: { readonly [file: string]: Expectation };
  };
  for (const [file, { ok, error_contains: part }] of Object.entries(all))
    test(file, () => {
      const message = outcome(file);
      const isRight = ok ? message === "" : message.includes(part ?? "") && message !== "";
      if (Object.hasOwn(exceptions, file))
        expect(isRight, "is fine now: strike it off").toBe(false);
      else if (!isRight) expect(message).toBe(ok ? "" : (part ?? "an error"));
    });
});

describe.skipIf(!existsSync(data))("examples of Prometheus' documentation load", () => {
  const examples = join(data, "documentation/examples");
  const names = existsSync(examples) ? globFiles(join(examples, "prometheus*.yml")) : [];
  for (const file of names)
    test(file.slice(examples.length + 1), () => {
      const config = loadPrometheusConfig(file, {
        files: { ...files, readText: (name) => readFileSync(name, "utf8") },
      });
      expect(config.scrape_configs.length + config.remote_write.length).toBeGreaterThanOrEqual(0);
    });
});

const parse = (text: string, env: { readonly [name: string]: string } = {}) =>
  parsePrometheusConfig(text, "/etc/prometheus/prometheus.yml", {
    files: { readText: () => "", glob: () => [], env: (name) => env[name] },
  });

describe("what is read", () => {
  test("an empty file has the defaults", () => {
    const { global, scrape_configs, otlp, storage } = parse("");
    expect([global.scrape_interval, global.scrape_timeout]).toEqual([60_000, 10_000]);
    expect(scrape_configs).toEqual([]);
    expect(otlp.translation_strategy).toBe("UnderscoreEscapingWithSuffixes");
    expect(storage.tsdb.out_of_order_time_window).toBe(0);
  });
  test("a job inherits from global, paths from the file", () => {
    const [job] = parse(
      `global: { scrape_interval: 15s, sample_limit: 7, metric_name_validation_scheme: legacy }
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: a
    basic_auth: { username: u, password_file: pw }
    tls_config: { ca_file: /ca.pem }
    relabel_configs: [{ target_label: x, replacement: "y" }]
`,
    ).scrape_configs;
    expect(job).toMatchObject({
      scrape_interval: 15_000,
      scrape_timeout: 10_000,
      sample_limit: 7,
      metric_name_escaping_scheme: "underscores",
      basic_auth: { password_file: "/etc/prometheus/pw" },
      tls_config: { ca_file: "/ca.pem" },
      scrape_protocols: [
        "OpenMetricsText1.0.0",
        "OpenMetricsText0.0.1",
        "PrometheusText1.0.0",
        "PrometheusText0.0.4",
      ],
    });
    expect(job?.relabel_configs[0]?.nameScheme).toBe("legacy");
  });
  test("external labels are expanded", () => {
    const { global } = parse(
      `global: { external_labels: { a: "$A-\${B}", b: "$$", c: "$NONE", d: plain } }`,
      { A: "1", B: "2" },
    );
    expect([...global.external_labels]).toEqual([
      ["a", "1-2"],
      ["b", "$"],
      ["d", "plain"],
    ]);
  });
  test("secrets are neither printed nor lost", () => {
    const config = parse(`# a comment
scrape_configs:
  - job_name: a
    basic_auth: { username: u, password: hunter2 }
    proxy_url: http://me:hunter2@proxy:3128
remote_write:
  - url: http://x/
    authorization:
      credentials: |
        hunter2
`);
    expect(config.text).not.toContain("hunter2");
    expect(config.text).toContain("password: <secret>");
    expect(JSON.stringify(config.scrape_configs[0]?.basic_auth)).not.toContain("hunter2");
    expect(config.scrape_configs[0]?.basic_auth?.password.reveal()).toBe("hunter2");
  });
  test("merge keys and aliases", () => {
    const { scrape_configs } = parse(`scrape_configs:
  - &base { job_name: a, scrape_interval: 5s, scrape_timeout: 2s }
  - { <<: *base, job_name: b, scrape_timeout: 1s }
`);
    expect(
      scrape_configs.map((job) => [job.job_name, job.scrape_interval, job.scrape_timeout]),
    ).toEqual([
      ["a", 5000, 2000],
      ["b", 5000, 1000],
    ]);
  });
});

describe("problems have places", () => {
  const check = (text: string, line: number, message: string) =>
    test(message, () => {
      let found: ReturnType<typeof problemOf>;
      try {
        parse(text);
      } catch (error) {
        found = problemOf(error);
      }
      expect(found).toMatchObject({ line });
      expect(found?.message).toContain(message);
    });
  check(
    "global:\n  scrape_intervall: 1s\n",
    2,
    "field scrape_intervall not found in type config.plain",
  );
  check(
    "scrape_configs:\n  - job_name: a\n    scrape_interval: soon\n",
    3,
    "not a valid duration string",
  );
  check("scrape_configs:\n  - job_name: a\n  - job_name: a\n", 3, "found multiple scrape configs");
  check("a: [\n", 2, "yaml:");
  check(
    "scrape_configs:\n  - job_name: a\n    relabel_configs:\n      - regex: (\n",
    4,
    "error parsing regexp",
  );
});

describe("numbers are read as Go's reader does", () => {
  const check = (text: string, want: number | string) =>
    test(text, () => {
      const read = (): number | undefined =>
        parse(`scrape_configs:\n  - job_name: a\n    sample_limit: ${text}\n`).scrape_configs[0]
          ?.sample_limit;
      if (typeof want === "number") expect(read()).toBe(want);
      else expect(read).toThrow(want);
    });
  check("1e3", 1000);
  check("1.5", 1);
  check("010", 8);
  check("0x10", 16);
  check("1_000", 1000);
  check("0b11", 3);
  check('"5"', "cannot unmarshal !!str `5` into uint");
  check("!!str 5", "cannot unmarshal !!str `5` into uint");
  check('!!int "5"', 5);
  check("-1", "cannot unmarshal");
  check("1e30", "cannot unmarshal");
});

test("aliases cannot multiply without bound", () => {
  const targets = `[${"x,".repeat(5000)}x]`;
  const again = "      - targets: *t\n".repeat(5000);
  const text = `scrape_configs:\n  - job_name: a\n    static_configs:\n      - targets: &t ${targets}\n${again}`;
  expect(() => parse(text)).toThrow("the file has more than");
});

describe("names with wildcards", () => {
  const check = (pattern: string, name: string, want: boolean) =>
    test(`${pattern} ${name}`, () => expect(matchesName(pattern, name)).toBe(want));
  check("*.yml", "a.yml", true);
  check("*.yml", "a.yaml", false);
  check("a?[b-d]*", "axcz", true);
  check("[^a]b", "ab", false);
  check("***a", "bbba", true);
});

test("broken files end in a problem with a place, never otherwise", () => {
  const rng = createRng(7);
  const sound = `global: { external_labels: { a: "b" } }
scrape_configs:
  - &job
    job_name: a
    static_configs: [{ targets: ["x:1"], labels: { l: v } }]
    relabel_configs: [{ source_labels: [a], regex: "(.*)", target_label: b }]
  - { <<: *job, job_name: b, params: { p: [q] }, body_size_limit: 1MB }
remote_write: [{ url: "http://x/", queue_config: { capacity: 5 } }]
`;
  const pieces = [
    "",
    ": ",
    "- ",
    "\n",
    "[",
    "{",
    "&a ",
    "*a",
    "!!binary ",
    "null",
    "\t",
    "'",
    '"',
    "<<: ",
    "? ",
  ];
  for (let round = 0; round < 500; round++) {
    let text = sound;
    for (let cut = 0; cut < 3; cut++) {
      const at = rng.below(text.length);
      text = text.slice(0, at) + rng.pick(pieces) + text.slice(at + rng.below(10));
    }
    try {
      parse(text);
    } catch (error) {
      expect(problemOf(error)?.line, `${String(error)} in ${text}`).toBeGreaterThan(0);
    }
  }
});
