import { describe, expect, test } from "vitest";
import { alertmanagersAnswer, alertsAnswer, rulesAnswer } from "./rules.ts";
import { groups } from "./rule-groups-for-tests.ts";

interface Answer {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly { readonly name: string }[];
  }[];
  readonly groupNextToken?: string;
}
const ask = (query: string): Answer => rulesAnswer(groups, new URLSearchParams(query)) as Answer;
const shown = (answer: Answer): string[] =>
  answer.groups.map(({ name, rules }) => `${name}:${rules.map((rule) => rule.name).join(",")}`);

describe("which rules are told", () => {
  const check = (query: string, ...want: string[]) =>
    test(query, () => expect(shown(ask(query))).toEqual(want));
  check("", "g1:a:b,Down", "g2:a:b");
  check("type=alert", "g1:Down");
  check("type=record", "g1:a:b", "g2:a:b");
  check("rule_name[]=Down&rule_name[]=other", "g1:Down");
  check("rule_group[]=g2", "g2:a:b");
  check("file[]=a.yml", "g1:a:b,Down");
  check('match[]={severity="page"}', "g1:Down");
  check('match[]={severity="none"}&match[]={team=~"x|y"}', "g1:a:b", "g2:a:b");
});

describe("what is wrong is told", () => {
  const check = (query: string, want: string) =>
    test(query, () => expect(() => ask(query)).toThrow(want));
  check("group_limit=99999999999", 'parsing "99999999999": value out of range');
  check("type=x", 'invalid parameter "type": not supported value "x"');
  check("exclude_alerts=x", 'invalid parameter "exclude_alerts"');
  check("group_limit=0", "group_limit needs to be greater than 0");
  check("group_next_token=x", "group_limit needs to be present");
  check("group_limit=x", "needs to be a valid number");
  check("group_limit=1&group_next_token=x", "were rule groups changed?");
  check("exclude_alerts=x", "error converting exclude_alerts");
  check("match[]={", "unexpected");
});

test("pages", () => {
  const seen: string[] = [];
  let token: string | undefined = "";
  while (token !== undefined) {
    const answer: Answer = ask(`group_limit=1${token === "" ? "" : `&group_next_token=${token}`}`);
    seen.push(...shown(answer));
    token = answer.groupNextToken;
  }
  expect(seen).toEqual(["g1:a:b,Down", "g2:a:b"]);
});

test("the shape", () => {
  const told = {
    labels: { alertname: "Down" },
    annotations: { s: "t" },
    state: "firing",
    activeAt: "2023-11-14T22:13:20.000Z",
    keepFiringSince: "2023-11-14T22:13:21.000Z",
    value: "1.2345e+03",
  };
  expect(ask("rule_group[]=g1").groups).toEqual([
    {
      ...{ name: "g1", file: "a.yml", interval: 60, limit: 0, evaluationTime: 0.5 },
      lastEvaluation: "0001-01-01T00:00:00Z",
      rules: [
        {
          ...{
            name: "a:b",
            query: "sum(up)",
            labels: { team: "x" },
            health: "ok",
            type: "recording",
          },
          ...{ evaluationTime: 0.001, lastEvaluation: "2023-11-14T22:13:20.000Z" },
        },
        {
          ...{
            name: "Down",
            query: "up == 0",
            labels: { severity: "page" },
            health: "err",
            lastError: "no",
          },
          ...{
            state: "firing",
            duration: 60,
            keepFiringFor: 0,
            annotations: { s: "t" },
            type: "alerting",
          },
          ...{ evaluationTime: 0.001, lastEvaluation: "2023-11-14T22:13:20.000Z" },
          alerts: [told],
        },
      ],
    },
  ]);
  expect(alertsAnswer(groups)).toEqual({ alerts: [told] });
  expect(JSON.stringify(ask("exclude_alerts=true"))).not.toContain("activeAt");
  expect(alertmanagersAnswer(["http://am/api/v2/alerts"])).toEqual({
    activeAlertmanagers: [{ url: "http://am/api/v2/alerts" }],
    droppedAlertmanagers: [],
  });
});
