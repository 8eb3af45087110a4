import { createSimClock } from "@triptych/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { RuleGroupConfig } from "../../config/rules/rule-file.ts";
import { createHttpServer } from "../../receivers/http-server.ts";
import { createStoredRules, type SavedRuleGroup } from "../../rules/stored-rules.ts";
import { registerLokiRules } from "./rules.ts";

const applied: RuleGroupConfig[][] = [];
const stored = createStoredRules({
  clock: createSimClock(1_700_000_000_000),
  saved: { load: async (): Promise<SavedRuleGroup[]> => [], save: async () => {} },
  apply: async (groups) => void applied.push([...groups]),
  inFiles: () => [],
  report: (error) => expect(error).toBeUndefined(),
});
const app = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
registerLokiRules(app, { groups: () => stored.list(), stored });
const fixed = createHttpServer({ report: (error) => expect(error).toBeUndefined() });
registerLokiRules(fixed, { groups: () => [] });
beforeAll(() => stored.start());
afterAll(async () => {
  await app.close();
  await fixed.close();
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function ask(line: string, payload?: string, type = "application/yaml"): Promise<Answer> {
  const [method = "GET", url = ""] = line.split(" ");
  const answer = await app.inject({
    method: method as "GET",
    url,
    ...(payload === undefined ? {} : { payload, headers: { "content-type": type } }),
  });
  const { statusCode: status, headers, body } = answer;
  return { status, type: String(headers["content-type"]), body };
}

const group = `name: g1
interval: 1m
limit: 10
rules:
  - alert: Broken
    expr: sum(count_over_time({app="web"} |= "error" [5m])) > 5
    for: 1m30s
    keep_firing_for: 2m
    labels: { severity: page, __a: "1" }
    annotations: { s: "{{ $value }}" }
  - record: a:b
    expr: sum by (app) (rate({app=~".+"}[1m]))
`;

describe("groups", () => {
  test("are taken, listed as YAML, and deleted", async () => {
    for (const url of ["/loki/api/v1/rules", "/api/prom/rules", "/loki/api/v1/rules/ns"])
      expect(await ask(`GET ${url}`)).toMatchObject({
        status: 404,
        type: "text/plain; charset=utf-8",
        body: "no rule groups found\n",
      });
    const taken = await ask("POST /loki/api/v1/rules/ns", group);
    expect([taken.status, JSON.parse(taken.body)]).toEqual([
      202,
      { status: "success", data: null, errorType: "", error: "" },
    ]);
    expect(applied.at(-1)).toMatchObject([{ namespace: "ns", name: "g1", limit: 10 }]);
    const listed = await ask("GET /api/prom/rules");
    expect(listed.type).toBe("application/yaml");
    expect(parse(listed.body)).toEqual({ ns: [parse(group)] });
    expect(parse((await ask("GET /loki/api/v1/rules/ns/g1")).body)).toEqual(parse(group));
    const json = JSON.stringify({ name: "g2", rules: [{ record: "x", expr: "vector(1)" }] });
    expect((await ask("POST /api/prom/rules/other", json, "application/json")).status).toBe(202);
    const form = "application/x-www-form-urlencoded";
    expect((await ask("POST /api/prom/rules/other", group, form)).status).toBe(202);
    const names = Object.keys(parse((await ask("GET /loki/api/v1/rules")).body) as object);
    expect(names).toEqual(["ns", "other"]);
    const some = parse((await ask("GET /loki/api/v1/rules/ns?labels=severity:page")).body) as {
      ns: { rules: unknown[] }[];
    };
    expect(some.ns[0]?.rules).toHaveLength(1);
    expect((await ask("DELETE /loki/api/v1/rules/ns/g1")).status).toBe(202);
    expect(await ask("DELETE /loki/api/v1/rules/ns/g1")).toMatchObject({
      status: 404,
      body: "group does not exist\n",
    });
    expect((await ask("DELETE /api/prom/rules/other")).status).toBe(202);
    expect(await ask("DELETE /api/prom/rules/other")).toMatchObject({
      status: 404,
      body: "group namespace does not exist\n",
    });
    expect(applied.at(-1)).toEqual([]);
  });

  const refuse = (name: string, line: string, body: string, status: number, want: string) =>
    test(name, async () => {
      const answer = await ask(line, body);
      expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(want)]);
    });
  const post = "POST /loki/api/v1/rules/ns";
  refuse("broken YAML", post, "name: [\n", 400, "rule group:2:1: yaml: ");
  refuse("nothing", post, "", 400, "Groupname must not be empty");
  refuse("broken query", post, group.replace("sum(", "summ("), 400, "rule group:6:11: ");
  refuse("too large", post, "#".repeat(600_000), 413, "too large");
  refuse("group that is not there", "GET /loki/api/v1/rules/test/test", "", 404, "group does not");
});

test("where rules may not be changed", async () => {
  const url = "/loki/api/v1/rules/ns";
  const answer = await fixed.inject({ method: "POST", url, payload: group });
  expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining("rulesApi")]);
});
