import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labelsFrom } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { afterAll, describe, expect, test } from "vitest";
import { lokiSchema } from "../config/loki-schema.ts";
import type { SavedState } from "../store/saved-state.ts";
import type { LogRuleQuery } from "./log-query.ts";
import { createLokiRuler, type LokiRuler } from "./loki-ruler.ts";
import { createRuleSets } from "./rule-sets.ts";
import { createWorld, groupsOf, groupsOfLogs, type World } from "./rules-for-tests.ts";
import type { Rules } from "./rules.ts";
import { type SavedRuleGroup, storedRulesLimits } from "./stored-rules.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-loki-rules-"));
afterAll(() => rmSync(directory, { recursive: true }));

const rule = (name: string, more = ""): string =>
  `name: ${name}\ninterval: 15s\nrules:\n- alert: Errors\n  expr: count_over_time({app="web"} |= "error" [5m]) > 2\n  for: 30s\n${more}`;

/** What outlives the process. */
function memory() {
  const saved = new Map<string, SavedRuleGroup>();
  const fails = { load: false, save: false };
  const check = (when: boolean): void => {
    if (when) throw new TriptychError("store_unavailable", "away");
  };
  const state: SavedState<SavedRuleGroup> = {
    async load() {
      check(fails.load);
      return [...saved.values()];
    },
    async save({ key, version, value }) {
      check(fails.save);
      if (version > (saved.get(key)?.version ?? 0)) saved.set(key, value);
    },
  };
  return { saved, fails, state };
}

interface Ran {
  readonly ruler: LokiRuler;
  readonly rules: Rules;
  readonly asked: string[];
  readonly reported: TriptychError[];
}

async function run(
  world: World,
  state: SavedState<SavedRuleGroup>,
  { value = 3, config = {} }: { readonly value?: number; readonly config?: object } = {},
): Promise<Ran> {
  const asked: string[] = [];
  const reported: TriptychError[] = [];
  const logs: LogRuleQuery = async (expr, atMs) => {
    asked.push(`${expr.kind} @${atMs}`);
    return [{ labels: labelsFrom([["app", "web"]]), value }];
  };
  const rules = world.rules({ logs });
  const ruler = createLokiRuler({
    clock: world.clock,
    sets: createRuleSets(rules),
    saved: state,
    report: (error) => void reported.push(error),
  });
  await ruler.read(lokiSchema.parse(config))();
  rules.start();
  ruler.start();
  await world.clock.advance(0);
  return { ruler, rules, asked, reported };
}

const states = (rules: Rules): string[] =>
  rules
    .view()
    .flatMap((group) => group.rules.flatMap(({ alerts }) => alerts.map(({ state }) => state)));

describe("rules over logs", () => {
  test("fire after their time, are told, written and kept over a restart", async () => {
    const world = createWorld();
    const { state } = memory();
    const { ruler, rules, asked } = await run(world, state);
    await ruler.stored.set("team", rule("g", "  annotations: {s: '{{ $value }}'}\n"));
    await world.clock.advance(20_000);
    expect(states(rules)).toEqual(["pending"]);
    await world.clock.advance(45_000);
    expect(states(rules)).toEqual(["firing"]);
    expect(asked[0]).toMatch(/^binary @\d+$/);
    expect(rules.view()[0]).toMatchObject({
      file: "loki-api:team",
      namespace: "team",
      rules: [{ language: "logql", query: '(count_over_time({app="web"} |= "error"[5m]) > 2)' }],
    });
    expect(world.of("ALERTS").length).toBeGreaterThan(2);
    const [told] = world.notified;
    expect(told?.annotations).toEqual([["s", "3"]]);
    const left = new URL(told?.generatorPath ?? "", "http://x").searchParams.get("left") ?? "";
    expect(JSON.parse(left)).toMatchObject({ queries: [{ queryType: "range" }] });
    await ruler.close();
    await rules.close();

    const again = await run(world, state);
    await world.clock.advance(16_000);
    expect(states(again.rules)).toEqual(["firing"]);
    expect(again.ruler.groups()).toMatchObject([{ name: "g", namespace: "team" }]);
    await again.ruler.stored.deleteGroup("team", "g");
    expect(again.rules.view()).toEqual([]);
    await again.ruler.close();
    await again.rules.close();
    const last = await run(world, state);
    expect(last.ruler.groups()).toEqual([]);
  });

  test("beside rules over metrics, whose reload leaves them alone", async () => {
    const world = createWorld();
    const { ruler, rules } = await run(world, memory().state);
    const sets = createRuleSets(rules);
    await sets.set("prometheus", groupsOf("groups: [{name: p, rules: []}]"));
    await ruler.stored.set("n", rule("g"));
    expect(rules.view().map(({ name }) => name)).toEqual(["g"]);
  });

  test("files of each tenant, with the ruler's interval where they name none", async () => {
    const world = createWorld();
    mkdirSync(join(directory, "fake/..data"), { recursive: true });
    mkdirSync(join(directory, "other"), { recursive: true });
    const groups = (name: string): string =>
      `groups:\n- name: ${name}\n  rules:\n  - record: a:b\n    expr: sum(rate({a="b"}[1m]))\n`;
    writeFileSync(join(directory, "fake/a.yaml"), groups("one"));
    writeFileSync(join(directory, "fake/.a.yaml.swp"), "{");
    writeFileSync(join(directory, "other/b.yml"), groups("two"));
    const config = { ruleFiles: [join(directory, "*/*")], evaluationIntervalSeconds: 10 };
    const { ruler, rules } = await run(world, memory().state, { config });
    expect(
      rules.view().map(({ name, namespace, intervalMs }) => [name, namespace, intervalMs]),
    ).toEqual([
      ["one", "a.yaml", 10_000],
      ["two", "b.yml", 10_000],
    ]);
    await world.clock.advance(10_000);
    expect(world.of("a:b").length).toBe(2);
    const told = /stands in the file .*a\.yaml/;
    await expect(ruler.stored.deleteGroup("a.yaml", "one")).rejects.toThrow(told);
    await expect(ruler.stored.deleteNamespace("a.yaml")).rejects.toThrow(told);
    await expect(ruler.stored.set("a.yaml", rule("one"))).rejects.toThrow(told);
    writeFileSync(join(directory, "other/b.yml"), groups("two").replace("rate", "rat"));
    expect(() => ruler.read(lokiSchema.parse(config))).toThrow(/b\.yml:5:11: .*parse error/);
  });

  test("without a store of logs they say so", async () => {
    const world = createWorld();
    const rules = world.rules();
    const text =
      'groups: [{name: g, interval: 5s, rules: [{record: x, expr: "rate({a=\\"b\\"}[1m])"}]}]';
    await rules.load(groupsOfLogs(text));
    rules.start();
    await world.clock.advance(6_000);
    expect(rules.view()[0]?.rules[0]).toMatchObject({
      health: "err",
      lastError: "rules over logs are not evaluated here",
    });
  });
});

describe("the API's rules", () => {
  const check = (name: string, namespace: string, text: string, want: RegExp) =>
    test(name, async () => {
      const { ruler } = await run(createWorld(), memory().state);
      await expect(ruler.stored.set(namespace, text)).rejects.toThrow(want);
      expect(ruler.groups()).toEqual([]);
    });
  check("broken YAML", "n", "name: [", /^rule group:1:\d+: yaml: /);
  check("not a group", "n", "- a", /^rule group:1:1: .*cannot unmarshal !!seq/s);
  check("no name", "n", "rules: []", /Groupname must not be empty/);
  check(
    "broken query",
    "n",
    rule("g").replace("{app", "{{app"),
    /^rule group:5:9: .*parse error at line 1, col/,
  );
  check("unknown key", "n", rule("g", "  fro: 1m\n"), /^rule group:7:3: .*field fro not found/s);
  check("label", "n", rule("g", "  labels: {a-b: x}\n"), /invalid label name: a-b/);
  check("template", "n", rule("g", "  labels: {a: '{{'}\n"), /label "a": /);
  check("path", "../n", rule("g"), /path traversal/);
  check("path of a group", "n", rule("a/../b"), /path traversal/);
  check("long name", "n".repeat(257), rule("g"), /257 characters/);
  check(
    "too many rules",
    "n",
    `name: g\nrules:\n${'- {record: a, expr: "1"}\n'.repeat(storedRulesLimits.rulesMax + 1)}`,
    /limit: 1000 actual: 1001/,
  );
  check("too long", "n", `name: g #${"x".repeat(storedRulesLimits.textBytesMax)}`, /larger than/);
  check("aliases that grow", "n", `a: &a [1]\n${"b: [*a, *a]\n".repeat(5)}`, /yaml|field a/);

  test("nothing is there before the store could be read, and then all is", async () => {
    const world = createWorld();
    const { state, fails } = memory();
    await (await run(world, state)).ruler.stored.set("n", rule("g"));
    fails.load = true;
    const { ruler, reported } = await run(world, state);
    expect(() => ruler.groups()).toThrow("not been read yet");
    await expect(ruler.stored.set("n", rule("h"))).rejects.toThrow("not been read yet");
    expect(reported).toHaveLength(1);
    fails.load = false;
    await world.clock.advance(2_000);
    expect(ruler.groups()).toHaveLength(1);
  });

  test("what cannot be kept is not acknowledged and not evaluated", async () => {
    const world = createWorld();
    const { state, fails } = memory();
    const { ruler, rules } = await run(world, state);
    fails.save = true;
    await expect(ruler.stored.set("n", rule("g"))).rejects.toThrow("away");
    expect([ruler.groups(), rules.view()]).toEqual([[], []]);
    fails.save = false;
    await ruler.stored.set("n", rule("g"));
    await ruler.stored.set("n", rule("h"));
    await ruler.stored.set("n", rule("g", "  labels: {a: b}\n"));
    await expect(ruler.stored.deleteGroup("n", "x")).rejects.toThrow("group does not exist");
    await expect(ruler.stored.deleteNamespace("x")).rejects.toThrow("group namespace does not");
    expect(ruler.groups().map(({ name, rules: [one] }) => [name, one?.labels])).toEqual([
      ["g", [["a", "b"]]],
      ["h", []],
    ]);
    await ruler.stored.deleteNamespace("n");
    expect([ruler.groups(), rules.view()]).toEqual([[], []]);
  });

  test("a stored group that this version refuses is told and left", async () => {
    const { state, saved } = memory();
    saved.set("k", { namespace: "n", name: "g", text: "name: g\nnew: 1\n", version: 5 });
    const { ruler, reported } = await run(createWorld(), state);
    expect(ruler.groups()).toEqual([]);
    expect(reported[0]?.message).toContain("field new not found");
  });
});
