import { describe, expect, test } from "vitest";
import { calmWords, countsOf, type Figures, healthOf, worstFirst } from "./service-health.ts";

const ms = 1e6;
const figures = (requests: number, errors = 0, p95Ms = 100): Figures => ({
  requests,
  errors,
  p95Ns: p95Ms * ms,
});
const text = (now: Figures, usual?: Figures) => {
  const { state, word, why } = healthOf(now, usual, 4);
  return `${state} ${word}: ${why}`.replaceAll("\u00a0", " ").trim();
};

describe("a service against its usual", () => {
  const check = (what: string, now: Figures, usual: Figures | undefined, want: string) =>
    test(what, () => expect(text(now, usual)).toBe(want));
  const usual = figures(4000, 8);
  check("as usual", figures(1000, 2), usual, "ok Usual:");
  check("nothing known", figures(1000, 2), undefined, "ok Fine:");
  check("slow", figures(1000, 0, 300), usual, "warn Degraded: p95 3× its usual 100 ms");
  check("very slow", figures(1000, 0, 2310), usual, "critical Critical: p95 23× its usual 100 ms");
  check("too few to tell", figures(5, 0, 2310), figures(20), "ok Usual:");
  check("failing", figures(1000, 110), usual, "critical Critical: 11 % fail, usually < 1 %");
  check("failing a little", figures(1000, 20), usual, "warn Degraded: 2 % fail, usually < 1 %");
  check("failing first", figures(1000, 20), figures(4000), "warn Degraded: 2 % fail, usually none");
  check("failing as ever", figures(1000, 20), figures(4000, 70), "ok Usual:");
  check(
    "much, as ever",
    figures(1000, 90),
    figures(4000, 300),
    "warn Degraded: 9 % fail, as before",
  );
  check("one error of two", figures(2, 1), usual, "info Changed: < 1 % of the usual requests");
  check(
    "both, worst first",
    figures(1000, 20, 900),
    usual,
    "critical Critical: p95 9× its usual 100 ms; 2 % fail, usually < 1 %",
  );
  check("more", figures(4000), usual, "info Changed: 4× the usual requests");
  check("less", figures(100), usual, "info Changed: 10 % of the usual requests");
  check("silent", figures(0), usual, "none Silent: no requests any more");
  check("never asked", figures(0), undefined, "none No requests: no requests");
});

describe("all of them", () => {
  const judged = (name: string, now: Figures, usual?: Figures) => ({
    name,
    now,
    health: healthOf(now, usual, 1),
  });
  const all = [
    judged("b", figures(100), figures(100)),
    judged("a", figures(100), figures(100)),
    judged("silent", figures(0), figures(100)),
    judged("bad", figures(100, 50), figures(100)),
    judged("slow", figures(100, 0, 300), figures(100)),
  ];
  test("worst first", () =>
    expect([...all].sort(worstFirst).map(({ name }) => name)).toEqual([
      ...["bad", "slow", "silent", "a", "b"],
    ]));
  test("counted", () =>
    expect(countsOf(all)).toEqual(["1 critical", "1 degraded", "1 silent", "2 as usual"]));
  test("calm", () =>
    expect(calmWords(all.slice(0, 2), 100).replaceAll("\u00a0", " ")).toBe(
      "All 2 services do as usual: 2 requests a second, none fails",
    ));
  test("calm, one alone and new", () =>
    expect(calmWords([judged("a", figures(100, 1))], 10)).toBe(
      "a answers: 10 requests a second, 1\u00a0% fail",
    ));
});
