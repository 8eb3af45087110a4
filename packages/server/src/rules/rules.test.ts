import { describe, expect, test } from "vitest";
import { parseRuleFile } from "../config/rules/rule-file.ts";
import { createWorld, groupsOf, type World } from "./rules-for-tests.ts";
import type { Rules } from "./rules.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const downRule = (more = ""): string => `
groups:
- name: g
  interval: 15s
  rules:
  - alert: Down
    expr: up == 0
    labels: {severity: page}
    annotations: {s: "{{ $labels.instance }} is {{ $value }} in {{ $externalLabels.cluster }}"}
${more}`;

async function running(world: World, text: string): Promise<Rules> {
  const rules = world.rules();
  await rules.load(groupsOf(text));
  rules.start();
  await world.clock.advance(0);
  return rules;
}

/** Goes on in steps of five seconds, with a sample of each series before each. */
async function go(
  world: World,
  ms: number,
  series: { readonly [instance: string]: number },
): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * SECOND) {
    for (const [instance, value] of Object.entries(series))
      world.put(
        [
          ["__name__", "up"],
          ["instance", instance],
        ],
        value,
      );
    await world.clock.advance(5 * SECOND);
  }
}

const states = (rules: Rules): string[] =>
  rules
    .view()
    .flatMap((group) => group.rules.flatMap(({ alerts }) => alerts.map(({ state }) => state)));

describe("alerting rules", () => {
  test("pending, firing, over; series and messages", async () => {
    const world = createWorld();
    const rules = await running(world, downRule("    for: 1m\n"));
    await go(world, 20 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["pending"]);
    expect(world.notified).toEqual([]);
    await go(world, 75 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["firing"]);
    expect(world.notified[0]).toMatchObject({
      labels: [
        ["alertname", "Down"],
        ["instance", "a"],
        ["severity", "page"],
      ],
      annotations: [["s", "a is 0 in test"]],
      resolved: false,
      generatorPath: "/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    });
    expect((world.notified[0]?.endsAtMs ?? 0) - (world.notified[0]?.atMs ?? 0)).toBeGreaterThan(
      3 * MINUTE,
    );
    await go(world, 3 * MINUTE, { a: 0 });
    // Told again once a minute.
    expect(world.notified.length).toBeGreaterThanOrEqual(3);
    expect(world.notified.length).toBeLessThanOrEqual(5);
    await go(world, 30 * SECOND, { a: 1 });
    expect(states(rules)).toEqual([]);
    expect(world.notified.at(-1)).toMatchObject({ resolved: true });
    const series = new Set(world.written.map((one) => one.series));
    expect([...series].sort()).toEqual([
      'ALERTS_FOR_STATE{alertname="Down",instance="a",severity="page"}',
      'ALERTS{alertname="Down",alertstate="firing",instance="a",severity="page"}',
      'ALERTS{alertname="Down",alertstate="pending",instance="a",severity="page"}',
    ]);
    const stale = world.written.filter(({ value }) => value === "stale").map((one) => one.series);
    expect([...stale].sort()).toEqual([...series].sort());
    await go(world, 20 * MINUTE, { a: 1 });
    const resolved = world.notified.filter((one) => one.resolved);
    const last = resolved.at(-1)?.atMs ?? 0;
    // Told as over for a quarter of an hour, then forgotten.
    expect(last - (resolved[0]?.atMs ?? 0)).toBeGreaterThan(13 * MINUTE);
    expect(last - (resolved[0]?.atMs ?? 0)).toBeLessThan(16 * MINUTE);
    await rules.close();
  });

  test("keep_firing_for", async () => {
    const world = createWorld();
    const rules = await running(world, downRule("    keep_firing_for: 2m\n"));
    await go(world, 30 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["firing"]);
    await go(world, 90 * SECOND, { a: 1 });
    expect(states(rules)).toEqual(["firing"]);
    await go(world, 60 * SECOND, { a: 1 });
    expect(states(rules)).toEqual([]);
    await rules.close();
  });

  test("a longer `for` takes an alert that fires back to pending", async () => {
    const world = createWorld();
    const rules = await running(world, downRule());
    await go(world, 60 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["firing"]);
    await rules.load(groupsOf(downRule("    for: 10m\n")));
    await go(world, 30 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["pending"]);
    await rules.close();
  });

  test("a label whose template comes to nothing keeps its text in ALERTS", async () => {
    const world = createWorld();
    const text = downRule().replace("severity: page", 'severity: "{{ if false }}x{{ end }}"');
    const rules = await running(world, text);
    await go(world, 30 * SECOND, { a: 0 });
    const labels = rules.view()[0]?.rules[0]?.alerts[0]?.labels.pairs ?? [];
    expect(Object.fromEntries(labels)).not.toHaveProperty("severity");
    expect(JSON.stringify(world.of("ALERTS"))).toContain("{{ if false }}x{{ end }}");
    await rules.close();
  });

  test("more than the limit is an error and no alert", async () => {
    const world = createWorld();
    const rules = await running(
      world,
      downRule().replace("interval: 15s", "interval: 15s\n  limit: 1"),
    );
    await go(world, 30 * SECOND, { a: 0, b: 0 });
    expect(rules.view()[0]?.rules[0]).toMatchObject({
      health: "err",
      lastError: "exceeded limit of 1 with 2 alerts",
      alerts: [],
    });
    await rules.close();
  });

  test("the same labels twice are an error", async () => {
    const world = createWorld();
    const rules = await running(world, downRule("").replace("severity: page", "instance: x"));
    await go(world, 30 * SECOND, { a: 0, b: 0 });
    expect(rules.view()[0]?.rules[0]?.lastError).toBe(
      "vector contains metrics with the same labelset after applying alert labels",
    );
    await rules.close();
  });

  test("a text that cannot be made says so", async () => {
    const world = createWorld();
    const rules = await running(
      world,
      downRule("").replace("{{ $value }}", '{{ query \\"a b\\" }}'),
    );
    await go(world, 30 * SECOND, { a: 0 });
    expect(world.notified[0]?.annotations[0]?.[1]).toContain(
      "<error expanding template: error executing template __alert_Down: template: __alert_Down:1:",
    );
    await rules.close();
  });

  test("text of a label is data, never a template", async () => {
    const world = createWorld();
    const rules = await running(world, downRule());
    await go(world, 30 * SECOND, { "{{ $value }}": 0 });
    expect(world.notified[0]?.annotations[0]?.[1]).toBe("{{ $value }} is 0 in test");
    await rules.close();
  });

  test("state that cannot be saved does not keep an alert from being told", async () => {
    const world = createWorld();
    world.fails.save = true;
    const rules = await running(world, downRule());
    await go(world, 30 * SECOND, { a: 0 });
    expect(world.notified.length).toBe(1);
    expect(world.saved.size).toBe(0);
    world.fails.save = false;
    await go(world, 15 * SECOND, { a: 0 });
    expect(world.saved.size).toBe(1);
    await rules.close();
  });
});

describe("recording rules", () => {
  const chain = `
groups:
- name: g
  interval: 15s
  rules:
  - record: first
    expr: sum by (instance) (up)
    labels: {a: b}
  - record: second
    expr: first * 2
`;
  test("a rule sees what the rule before it wrote, before the store does; series end", async () => {
    const world = createWorld();
    world.visible = false;
    const rules = await running(world, chain);
    await go(world, 30 * SECOND, { a: 1 });
    const [first, second] = [world.of("first")[0], world.of("second")[0]];
    expect(first).toMatchObject({ series: 'first{a="b",instance="a"}', value: 1 });
    expect(second).toMatchObject({
      series: 'second{a="b",instance="a"}',
      value: 2,
      timeMs: first?.timeMs,
    });
    await world.clock.advance(6 * MINUTE);
    expect(world.of("first").at(-1)?.value).toBe("stale");
    expect(world.of("second").at(-1)?.value).toBe("stale");
    await rules.close();
  });

  test("times are spread by group, the same in every process, and multiples of the interval apart", async () => {
    const timesOf = async (startMs: number): Promise<number[]> => {
      const world = createWorld(startMs);
      const rules = await running(world, chain);
      await go(world, 2 * MINUTE, { a: 1 });
      await rules.close();
      return world.of("first").map(({ timeMs }) => timeMs % (15 * SECOND));
    };
    const times = [...(await timesOf(1_700_000_000_000)), ...(await timesOf(1_700_000_007_123))];
    expect(times.length).toBeGreaterThan(12);
    expect(new Set(times).size).toBe(1);
  });

  test("query_offset reads and writes earlier", async () => {
    const world = createWorld();
    const rules = await running(
      world,
      chain.replace("interval: 15s", "interval: 15s\n  query_offset: 1m"),
    );
    await go(world, 2 * MINUTE, { a: 1 });
    const last = rules.view()[0]?.lastEvaluationMs ?? 0;
    expect(world.of("first").at(-1)?.timeMs).toBe(last - MINUTE);
    await rules.close();
  });

  test("a failed rule is shown, the others go on, and nothing is ended", async () => {
    const world = createWorld();
    const rules = await running(world, chain);
    await go(world, 30 * SECOND, { a: 1 });
    world.fails.query = true;
    await go(world, 30 * SECOND, { a: 1 });
    expect(rules.view()[0]?.rules[0]).toMatchObject({
      health: "err",
      lastError: "the store is away",
    });
    expect(world.written.some(({ value }) => value === "stale")).toBe(false);
    world.fails.query = false;
    world.fails.accept = true;
    await go(world, 30 * SECOND, { a: 1 });
    expect(rules.view()[0]?.rules[0]).toMatchObject({ health: "err", lastError: "accept" });
    world.fails.accept = false;
    await go(world, 30 * SECOND, { a: 1 });
    expect(rules.view()[0]?.rules.map(({ health }) => health)).toEqual(["ok", "ok"]);
    await rules.close();
  });
});

describe("reload", () => {
  test("an unchanged group keeps its state; of a changed one, the rules that stay", async () => {
    const world = createWorld();
    const text = downRule("    for: 2m\n");
    const rules = await running(world, text);
    await go(world, 60 * SECOND, { a: 0 });
    const activeAt = rules.view()[0]?.rules[0]?.alerts[0]?.activeAtMs;
    await rules.load(groupsOf(text));
    expect(rules.view()[0]?.rules[0]?.alerts[0]?.activeAtMs).toBe(activeAt);
    await rules.load(
      groupsOf(text.replace("interval: 15s", "interval: 10s") + "  - record: x\n    expr: up\n"),
    );
    expect(rules.view()[0]?.rules[0]?.alerts[0]?.activeAtMs).toBe(activeAt);
    await go(world, 90 * SECOND, { a: 0 });
    expect(states(rules)).toEqual(["firing"]);
    await rules.load([]);
    expect(rules.view()).toEqual([]);
    expect([...world.saved.values()].every(({ alerts }) => alerts.length === 0)).toBe(true);
    await go(world, 60 * SECOND, { a: 0 });
    expect(world.of("x").at(-1)?.value).toBe("stale");
    await rules.close();
  });

  test("series of a rule that is gone end with the next evaluation", async () => {
    const world = createWorld();
    const record = (name: string): string =>
      `groups:\n- name: g\n  interval: 15s\n  rules:\n  - record: ${name}\n    expr: up\n`;
    const rules = await running(world, record("x"));
    await go(world, 30 * SECOND, { a: 1 });
    await rules.load(groupsOf(record("y")));
    await go(world, 30 * SECOND, { a: 1 });
    expect(world.of("x").at(-1)?.value).toBe("stale");
    expect(world.of("y").at(-1)?.value).toBe(1);
    await rules.close();
  });
});

describe("time", () => {
  test("a late evaluation skips what it missed and counts it; no group runs twice at once", async () => {
    const world = createWorld();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held_ = true;
    const rules = world.rules({
      next: { accept: async () => (held_ ? held : undefined) },
      metrics: world.metrics,
    });
    await rules.load(
      groupsOf("groups:\n- name: g\n  interval: 15s\n  rules:\n  - record: x\n    expr: up\n"),
    );
    rules.start();
    await go(world, 2 * MINUTE, { a: 1 });
    held_ = false;
    release();
    await go(world, MINUTE, { a: 1 });
    const text = world.metrics.render();
    expect(
      Number(/triptych_rule_group_iterations_missed_total\{[^}]*\} (\d+)/.exec(text)?.[1]),
    ).toBeGreaterThanOrEqual(5);
    await rules.close();
  });

  test("a step of the wall clock neither fires an alert early nor holds it back", async () => {
    for (const stepMs of [60 * MINUTE, -60 * MINUTE, -24 * 60 * MINUTE]) {
      const world = createWorld();
      const rules = await running(world, downRule("    for: 2m\n"));
      await go(world, MINUTE, { a: 0 });
      expect(states(rules)).toEqual(["pending"]);
      world.clock.stepWall(stepMs);
      await go(world, 30 * SECOND, { a: 0 });
      expect(states(rules)).toEqual(["pending"]);
      await go(world, MINUTE, { a: 0 });
      expect(states(rules)).toEqual(["firing"]);
      await rules.close();
    }
  });

  test("close leaves no timer", async () => {
    const world = createWorld();
    const rules = await running(world, downRule());
    await go(world, MINUTE, { a: 0 });
    await rules.close();
    await rules.close();
    expect(world.clock.timers).toBe(0);
  });
});

test("saved state that cannot be read is tried again", async () => {
  const world = createWorld();
  world.fails.load = true;
  const rules = await running(world, downRule());
  await go(world, MINUTE, { a: 0 });
  expect(world.notified).toEqual([]);
  world.fails.load = false;
  await go(world, MINUTE, { a: 0 });
  expect(states(rules)).toEqual(["firing"]);
  expect(parseRuleFile("", "f").problems).toEqual([]);
  await rules.close();
});
