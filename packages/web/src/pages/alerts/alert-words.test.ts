import type { Alert, Labels } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import {
  firesInMs,
  groupAlerts,
  labelWords,
  linesIn,
  markOf,
  metricIn,
  runbookOf,
  serviceOf,
  severityOf,
  shownValue,
  sinceMs,
  summaryOf,
  troubleOf,
  wayOut,
} from "./alert-words.ts";

const alert = (name: string, labels: Labels = {}, more: Partial<Alert> = {}): Alert => ({
  id: name,
  name,
  state: "firing",
  labels: { alertname: name, ...labels },
  annotations: {},
  value: 1,
  valueText: "1",
  activeAtMs: 1000,
  rule: "r",
  ...more,
});

describe("severity", () => {
  const check = (labels: Labels, want: string) =>
    test(want, () => {
      const { state, word, rank } = severityOf(labels);
      expect(`${state} ${word} ${rank}`).toBe(want);
    });
  check({ severity: "page" }, "critical page 0");
  check({ severity: "WARNING" }, "warn WARNING 1");
  check({ severity: "purple" }, "warn purple 1.4");
  check({ priority: "P3" }, "info P3 2");
  check({}, "warn no severity 1.5");
});

describe("service", () => {
  const check = (labels: Labels, want: string | undefined) =>
    test(String(want), () => expect(serviceOf(labels)).toBe(want));
  check({ service_name: "cart", job: "x" }, "cart");
  check({ service: "", job: "shop/payment" }, "payment");
  check({ job: "node" }, "node");
  check({ instance: "a:1" }, undefined);
});

describe("words of an alert", () => {
  test("summary first", () =>
    expect(
      summaryOf(alert("A", {}, { annotations: { description: "long", summary: "short" } })),
    ).toBe("short"));
  test("labels without any text", () =>
    expect(summaryOf(alert("A", { severity: "page", zone: "eu" }))).toBe("zone=eu"));
  test("labels without some", () =>
    expect(labelWords({ alertname: "A", a: "1", b: "2" }, ["a"])).toBe("b=2"));
  test("runbook", () =>
    expect(runbookOf({ runbook_url: "", runbook: "https://r" })).toBe("https://r"));
  test("since", () => {
    expect(sinceMs(alert("A", {}, { firedAtMs: 2000 }))).toBe(2000);
    expect(sinceMs(alert("A", {}, { state: "pending", firedAtMs: 2000 }))).toBe(1000);
    expect(sinceMs(alert("A", {}, { state: "resolved", resolvedAtMs: 3000 }))).toBe(3000);
  });
  test("a pending one waits", () =>
    expect(firesInMs(alert("A"), { forSeconds: 60 } as never, 31_000)).toBe(30_000));
});

test("groups: worst first, then newest", () => {
  const groups = groupAlerts([
    alert("Old", { severity: "warning" }),
    alert("New", { severity: "warning" }, { activeAtMs: 5000 }),
    alert("Bad", { severity: "critical" }),
    alert("Old", { severity: "warning", zone: "b" }),
    alert("Old", { severity: "info" }),
  ]);
  expect(
    groups.map(({ name, severity, alerts }) => `${severity.word} ${name} ${alerts.length}`),
  ).toEqual(["critical Bad 1", "warning New 1", "warning Old 2", "info Old 1"]);
});

describe("the metric in a query", () => {
  const check = (query: string, want: string | undefined) =>
    test(query, () => expect(metricIn(query)).toBe(want));
  check("up == 0", "up");
  check('rate(http_requests_total{code="up"}[5m]) > 1', "http_requests_total");
  check("sum by (job, zone) (rate(a:b:c[1m]))", "a:b:c");
  check("sum(errors) by (job) / on (job) group_left calls", "errors");
  check('{__name__="x"}', undefined);
  check("vector(1) > 0.5e3", undefined);
  check('label_replace(m, "a", "$1", "b", "(.*)")', "m");
  check("avg without (x) (node_load1 offset 5m)", "node_load1");
});

describe("what failed and where", () => {
  const check = (error: string, query: string, want: ReturnType<typeof troubleOf>) =>
    test(error, () => expect(troubleOf(error, query)).toEqual(want));
  check("1:4: parse error: no", "up + x", { message: "parse error: no", offset: 3 });
  check("bad thing (2:1)", "up\n+ x", { message: "bad thing", offset: 3 });
  check("bad thing (9:1)", "up", { message: "bad thing" });
  check("simply bad", "up", { message: "simply bad" });
});

describe("the way out", () => {
  const check = (error: string, want: RegExp | undefined) =>
    test(error, () =>
      want === undefined
        ? expect(wayOut(error)).toBeUndefined()
        : expect(wayOut(error)).toMatch(want),
    );
  check("found duplicate series for the match group {}", /group_left/);
  check("many-to-many matching not allowed", /group_left/);
  check("vector contains metrics with the same labelset", /labels/);
  check("query timed out in expression evaluation", /too long/);
  check("exceeded limit of 3 with 5 alerts", /narrow|limit/);
  check("something else", undefined);
});

test("only what fires has the mark of its severity", () =>
  expect(
    (["firing", "pending", "resolved"] as const).map(
      (state) => markOf(alert("A", { severity: "page" }, { state })).word,
    ),
  ).toEqual(["page", "pending", "over"]));
test("values that are no numbers are shown as they are", () =>
  expect([
    shownValue(alert("A", {}, { value: null, valueText: "+Inf" })),
    shownValue(alert("A", {}, { value: 1234 })),
  ]).toEqual(["+Inf", "1,234"]));

describe("lines of a query over logs", () => {
  const check = (query: string, attr: readonly string[], text?: string) =>
    test(query, () =>
      expect(linesIn(query)).toEqual(text === undefined ? { attr } : { attr, text }),
    );
  check('count_over_time({app="web"}[5m]) > 1', ["any.app=web"]);
  check(
    'sum(rate({app="a b", env=~"p.*", x=`y}`} |= "it \\"broke\\"" | json [5m]))',
    ["any.app=a b", "any.x=y}"],
    'it "broke"',
  );
  check('rate({app!="web"} != "x" [1m])', []);
  check("vector(1)", []);
});
