import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkKinds } from "./check-kinds.ts";
import { checkPrometheusFile, looksLikePrometheusFile } from "./check-prometheus.ts";
import { noKnowledge } from "./metric-knowledge.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-check-"));
afterAll(() => rmSync(directory, { recursive: true }));

const check = (title: string, text: string, want: readonly string[]) =>
  test(title, () => {
    const file = join(directory, "prometheus.yml");
    writeFileSync(file, text);
    const found = checkPrometheusFile(file).map(
      ({ severity, line, column, message }) => `${severity} ${line}:${column} ${message}`,
    );
    expect(found).toEqual(want);
  });

describe("a prometheus.yml", () => {
  check("is fine", "scrape_configs: [{ job_name: a }]\n", []);
  check("has an unknown key", "globals: {}\n", [
    "error 1:1 yaml: unmarshal errors: field globals not found in type config.plain",
  ]);
  check(
    "names what is not there",
    `scrape_configs:
  - job_name: a
    gce_sd_configs: [{ project: p, zone: z }]
    tls_config: { ca_file: /nonexistent/ca.pem }
`,
    [
      'warning 1:1 job "a": gce_sd_configs is read, but this discovery is not run: it gives no targets',
      'warning 1:1 job "a": the file /nonexistent/ca.pem does not exist',
    ],
  );
  check(
    "scrapes too seldom",
    "scrape_configs: [{ job_name: a, scrape_interval: 5m }, { job_name: b, scrape_interval: 299s }]\n",
    [
      'warning 1:1 job "a": a scrape_interval of 5m leaves gaps, since queries look back 5m; scrape more often',
    ],
  );
  test("names rule files, which are checked, too", () => {
    writeFileSync(
      join(directory, "r.rules"),
      "groups: [{ name: a, rules: [{ record: r, expr: 'a ==' }] }]",
    );
    const text = "rule_files: ['*.rules', none.rules]\n";
    const file = join(directory, "with-rules.yml");
    writeFileSync(file, text);
    const kind = checkKinds.find((one) => one.recognises({ file, text }));
    const context = { files: [{ file, text }], known: noKnowledge };
    expect(kind?.check({ file, text }, context).errors).toHaveLength(1);
  });
  test("is not there", () =>
    expect(checkPrometheusFile(join(directory, "none.yml"))[0]?.message).toContain("ENOENT"));
});

test("is told from other files by its keys", () => {
  expect(looksLikePrometheusFile(["global", "scrape_configs"])).toBe(true);
  expect(looksLikePrometheusFile(["groups"])).toBe(false);
  expect(looksLikePrometheusFile(["receivers", "exporters"])).toBe(false);
  expect(looksLikePrometheusFile(["global"])).toBe(true);
  expect(looksLikePrometheusFile(["storage"])).toBe(true);
  expect(looksLikePrometheusFile(["otlp"], "otlp:\n  promote_scope_metadata: true\n")).toBe(true);
  expect(looksLikePrometheusFile(["otlp"], "otlp:\n  httpPort: 1\n")).toBe(false);
  expect(looksLikePrometheusFile(["global", "route", "receivers"])).toBe(false);
});
