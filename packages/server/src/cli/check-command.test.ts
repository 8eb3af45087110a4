import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runCheck } from "./check-command.ts";

const dir = mkdtempSync(join(tmpdir(), "triptych-check-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function run(
  files: { readonly [name: string]: string },
  flags: Parameters<typeof runCheck>[1] = {},
): Promise<{ code: number; told: string }> {
  let told = "";
  const add = (text: string): void => {
    told += text.replaceAll(`${dir}/`, "");
  };
  const names = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  });
  return { code: await runCheck(names, flags, { out: add, err: add }), told };
}

const rule = (expr: string, more = ""): string =>
  `groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '${expr}'\n    for: 5m\n    annotations: {runbook_url: "https://r"}\n${more}`;

describe("lints", () => {
  const check = (expr: string, ...want: string[]) =>
    test(expr, async () => {
      const { code, told } = await run({ "r.yml": rule(expr) });
      expect(code).toBe(0);
      for (const text of want) expect(told).toContain(text);
      if (want.length === 0) expect(told).toBe("r.yml: ok (1 rules)\n");
      else
        expect(told).toMatch(
          /^r\.yml:\d+:\d+: warning: alert "A": .*\n {4}why: .*\n {4}fix: .* \[[a-z-]+\]\n/,
        );
    });
  check("up == 0");
  check("sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 5");
  check("rate(node_memory_free_bytes[5m]) > 0", "[rate-of-gauge]", "deriv()");
  check("rate(http_requests_total[5m]) > 0");
  check("rate(node_network_receive_bytes_total[5m]) > 0");
  check("rate(job:used_bytes:sum[5m]) > 0");
  check("histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m]))) > 1", "[quantile-without-le]");
  check(
    "histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m]))) > 1",
    "[quantile-without-le]",
  );
  check("histogram_quantile(0.9, sum by (job, le) (rate(x_bucket[5m]))) > 1");
  check("histogram_quantile(0.9, sum without (job) (rate(x_bucket[5m]))) > 1");
  check("histogram_quantile(0.9, sum by (job) (rate(x[5m]))) > 1");
  check(
    "histogram_quantile(0.9, sum by (le) (x_bucket)) > 1",
    "[quantile-without-rate]",
    "use rate(x_bucket[5m])",
  );
  check("up == 2", "[never-fires]", "between 0 and 1");
  check("up > 1", "[never-fires]");
  check("up >= 1");
  check("avg(up) * 100 > 100", "[never-fires]", "between 0 and 100");
  check("avg(up) * 100 < 90");
  check("count(up) < 1", "[never-fires]", "at least 1");
  check("count(up) <= 1");
  check("rate(x_total[5m]) < 0", "[never-fires]");
  check('sum(rate(x_total{code=~"5.."}[5m])) / sum(rate(x_total[5m])) > 5', "[never-fires]");
  check('sum by (a) (rate(x_total{code=~"5.."}[5m])) / sum by (a) (rate(x_total[5m])) > 0.05');
  check('sum(rate(x_total{code=~"5.."}[5m])) / sum(rate(y_total[5m])) > 5');
  check("x > 5 and x < 3", "[never-fires]", "no value passes both");
  check("x > 3 and x < 5");
  check("x unless x", "[never-fires]");
  check('x{a="1",a="2"} > 0', "[never-fires]", "two values of a at once");
  check("clamp_max(x, 10) > 10", "[never-fires]");
  check("x > bool 5 == 2", "[never-fires]");
  check("hour() > 24", "[never-fires]");
  check("absent(up) == 0", "[never-fires]");
});

test("for and runbook", async () => {
  const text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n";
  const { code, told } = await run({ "r.yml": text });
  expect(code).toBe(0);
  expect(told).toContain('r.yml:4:5: warning: alert "A": fires at the first bad evaluation');
  expect(told).toContain("[missing-runbook]");
  expect(told).toContain("r.yml: ok (1 rules, 2 warnings)");
  expect((await run({ "r.yml": text }, { strict: true })).code).toBe(1);
});

test("unknown metrics, where it is known which there are", async () => {
  const metadata = join(dir, "m.txt");
  writeFileSync(
    metadata,
    "# TYPE http_requests_total counter\n# TYPE queue gauge\n# TYPE lat histogram\n",
  );
  const files = {
    "a.yml": rule(
      "made:by_us > 0 and lat_bucket > 0 and http_requests_total > 0 and http_request_total > 0 and up > 0",
    ),
    "b.yml": "groups:\n- name: h\n  rules:\n  - record: made:by_us\n    expr: rate(queue[5m])\n",
  };
  const { told } = await run(files, { metadata });
  expect(told.match(/no metric is named \S+/g)).toEqual(["no metric is named http_request_total"]);
  expect(told).toContain("rate() of queue, which is a gauge\n");
});

test("errors end with 1, each with its place", async () => {
  const { code, told } = await run({
    "r.yml": rule("up =="),
    "t.yaml": "http: {prot: 1}",
    "ok.yaml": "http: {port: 1}",
  });
  expect(code).toBe(1);
  expect(told).toContain(
    'r.yml:5:11: group "g", rule 1, "A": could not parse expression: 1:6: parse error: ',
  );
  expect(told).toContain('t.yaml:1:8: unknown key "http.prot"');
  expect(told).toContain("ok.yaml: ok\n");
  expect(await run({}, {})).toEqual({ code: 0, told: "" });
  let missing = "";
  expect(
    await runCheck(
      [join(dir, "none.yml")],
      {},
      {
        out: () => {},
        err: (text) => {
          missing += text;
        },
      },
    ),
  ).toBe(1);
  expect(missing).toContain("does not exist");
});

test("duplicates", async () => {
  const text =
    "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n  - record: a\n    expr: up\n";
  expect((await run({ "r.yml": text })).told).toContain(
    'r.yml:6:5: warning: record "a": stands in line 4 too',
  );
});

describe("exposed metrics", () => {
  const check = (text: string, code: number, ...want: string[]) =>
    test(text.split("\n").at(-2) ?? text, async () => {
      const found = await run({ "x.prom": text });
      expect([found.code, found.told]).toEqual([code, expect.stringContaining(want[0] ?? "")]);
      for (const one of want) expect(found.told).toContain(one);
    });
  const meta = (name: string, type: string): string =>
    `# HELP ${name} H.\n# TYPE ${name} ${type}\n`;
  check(`${meta("a_total", "counter")}a_total 1\n`, 0, "x.prom: ok (1 metrics)\n");
  check("a_total 1\n", 0, "x.prom:1:1: warning: a_total: no help text");
  check(
    `${meta("a", "gauge")}a{le="1"} 1\n`,
    0,
    'warning: a: non-histogram metrics should not have "le" label',
  );
  check(`${meta("a", "gauge")}a 1\na 2\n`, 0, "warning: a: metric not unique");
  check(`${meta("a", "summary")}a{quantile="1"} 1\n`, 0, "x.prom: ok (1 metrics)\n");
  check(`${meta("a", "counter")}a 1\n`, 0, '"_total" suffix');
  check(`${meta("a_total", "gauge")}a_total 1\n`, 0, "non-counter metrics should not");
  check(`${meta("aB", "gauge")}aB{cD="x"} 1\n`, 0, "metric names should be", "label names should");
  check(`${meta("a_gauge", "gauge")}a_gauge 1\n`, 0, "should not include type 'gauge'");
  check(`${meta("a_milliseconds", "gauge")}a_milliseconds 1\n`, 0, 'use base unit "seconds"');
  check(`${meta("a_ms", "gauge")}a_ms 1\n`, 0, "abbreviated units");
  check(`${meta("a:b", "gauge")}a:b 1\n`, 0, "should not contain ':'");
  check(`${meta("a_count", "gauge")}a_count 1\n`, 0, 'should not have "_count"');
  check("# HELP a A.\na{ 1\n", 1, "2");
});

describe("web configurations", () => {
  const check = (text: string, code: number, want: string) =>
    test(text, async () => {
      const found = await run({ "web.yml": text });
      expect([found.code, found.told]).toEqual([code, expect.stringContaining(want)]);
    });
  const hash = `$2y$10$${"a".repeat(53)}`;
  check(`basic_auth_users:\n  u: ${hash}\n`, 0, "web.yml: ok (web configuration)");
  check(
    "basic_auth_users:\n  u: secret\n",
    1,
    'web.yml:2:6: the password of "u" is no bcrypt hash',
  );
  check("tls_server_config: {}\n", 1, "missing one of cert or cert_file");
  check("tls_server_config:\n  min_version: TLS9\n", 1, "unknown TLS version: TLS9");
  check("tls_server_config:\n  nope: 1\n", 1, "field nope not found in type web.TLSConfig");
  check("tls_server_config:\n  cert_file: none.pem\n", 1, "none.pem: ENOENT");
  check("tls_server_config:\n  client_auth_type: x\n", 1, "invalid ClientAuth: x");
});

test("rules over logs", async () => {
  const text = (expr: string): string =>
    `groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '${expr}'\n    annotations: {runbook_url: "https://r"}\n`;
  const good = await run({ "l.yml": text('sum(count_over_time({app="x"} |= "y" [5m])) > 3') });
  expect(good).toEqual({ code: 0, told: "l.yml: ok (1 rules over logs)\n" });
  const never = await run({ "l.yml": text('sum(count_over_time({app="x"} |= "y" [5m])) == 0') });
  expect(never.told).toContain("absent_over_time");
  const bad = await run({ "l.yml": text('sum(count_over_time({app="x"} |= "y" [5m)) > 3') });
  expect(bad.code).toBe(1);
  expect(bad.told).toMatch(
    /^l\.yml:5:11: group "g", rule 1, "A": could not parse expression: parse error at line 1, col \d+: /,
  );
});
