import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goList, goMap, type GoObject, type GoValue, type TemplateSample } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { type ExpandOptions, expandTemplate, parseRuleTemplate } from "./expand.ts";

interface Sample {
  readonly Metric: { readonly [name: string]: string };
  readonly F?: number;
  readonly H?: { readonly Count: number; readonly Sum: number };
}
interface Case {
  readonly text: string;
  readonly ok: boolean;
  readonly output: string | null;
  readonly html: boolean;
  readonly input: unknown;
  readonly queryResult: readonly Sample[] | null;
  readonly error: string | null;
  readonly line: number;
}

const file = join(
  new URL("../../../../", import.meta.url).pathname,
  "../shared/conformance/prometheus-template/template_expansion.json",
);
const cases: readonly Case[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).cases : [];

const histogram = ({ Count, Sum }: { Count: number; Sum: number }): GoObject => ({
  kind: "object",
  type: "*histogram.FloatHistogram",
  fields: new Map(),
  methods: new Map(),
  text: `{count:${Count}, sum:${Sum}}`,
});

const NUMBERS: { readonly [id: string]: bigint } = {
  "math.MaxInt64": 2n ** 63n - 1n,
  "math.MaxUint64": 2n ** 64n - 1n,
};

/** The case's data as the template sees it; a list of whole numbers is one of ints unless a neighbour is not whole. */
function goValueOf(given: unknown): GoValue {
  if (given === null || typeof given === "string") return given as string | null;
  if (typeof given === "number") return Number.isInteger(given) ? BigInt(given) : given;
  if (Array.isArray(given)) {
    const items = given.map(goValueOf);
    const floats = items.some((item) => typeof item === "number");
    return goList(items.map((item) => (floats && typeof item === "bigint" ? Number(item) : item)));
  }
  const object = given as {
    $id?: string;
    $call?: string;
    args?: number[];
    Value?: { Count: number; Sum: number };
  };
  if (object.$id !== undefined) return NUMBERS[object.$id] ?? null;
  if (object.$call === "math.NaN") return Number.NaN;
  if (object.$call === "math.Inf") return (object.args?.[0] ?? 1) * Number.POSITIVE_INFINITY;
  if (object.Value !== undefined)
    return {
      kind: "object",
      type: "*template.sample",
      fields: new Map([["Value", histogram(object.Value)]]),
      methods: new Map(),
    };
  return goMap([]);
}

async function run(
  one: Pick<Case, "text" | "html" | "input" | "queryResult">,
  options: ExpandOptions = {},
): Promise<string> {
  const template = (): ReturnType<typeof parseRuleTemplate> => {
    try {
      return parseRuleTemplate(one.text, "test");
    } catch (error) {
      throw new Error(`error parsing template test: ${(error as Error).message}`);
    }
  };
  const samples: TemplateSample[] = (one.queryResult ?? []).map(({ Metric, F = 0, H }) => ({
    labels: Object.entries(Metric),
    value: H === undefined ? F : histogram(H),
  }));
  try {
    return await expandTemplate(template(), goValueOf(one.input), {
      deps: {
        query: async () => samples,
        nowMs: 1_353_755_652_000,
        externalUrl: "http://testhost:9090/path/prefix",
      },
      options: { html: one.html, ...options },
    });
  } catch (error) {
    const { message } = error as Error;
    return message.startsWith("error parsing")
      ? message
      : `error executing template test: ${message}`;
  }
}

describe("Prometheus's cases", () => {
  test.skipIf(cases.length > 0)("skipped: ../shared/conformance is not there", () => {
    expect(cases).toEqual([]);
  });
  for (const one of cases)
    test(`line ${one.line}: ${one.text.slice(0, 80)}`, async () => {
      // The data leaves out the one option that a case sets.
      const missingKey = one.error?.includes("no entry for key") === true ? "error" : "zero";
      const got = await run(one, { missingKey });
      if (!one.ok) expect(got).toBe(one.error);
      else if (one.output !== null) expect(got).toBe(one.output);
      else expect(got).toBe("{count:3, sum:10}");
    });
});

describe("more", () => {
  const check = (text: string, want: string, html = false) =>
    test(text, async () =>
      expect(
        await run({ text, html, input: null, queryResult: [{ Metric: { a: "b" }, F: 2 }] }),
      ).toBe(want),
    );
  check('{{ title "a-b c_d 1é" }}', "A-B C_d 1é");
  check('{{ reReplaceAll "(?P<x>a+)b" "${x}-$1-$$" "aab b ab" }}', "aa-aa-$ b a-a-$");
  check('{{ match "a.c" "xabcx" }}', "true");
  check('{{ "<&>" }}', "&lt;&amp;&gt;", true);
  check(
    '{{ "[::1]:80" | stripPort }} {{ "a:80" | stripPort }} {{ "a.b:80" | stripDomain }}',
    "::1 a a:80",
  );
  check('{{ "a b&c" | urlQueryEscape }}', "a+b%26c");
  check('{{ query "x" | first | value }} {{ (query "y" | first).Labels.a }}', "2 b");
  check('{{ with query "x" }}{{ . | first | label "a" }}{{ end }}', "b");
  check("{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC");
  check(
    '{{ (1435065584.128 | toTime).Format "Jan _2 2006 03:04:05.000 PM Z07:00" }}',
    "Jun 23 2015 01:19:44.128 PM Z",
  );
  check('{{ graphLink "a/b" }}', "/graph?g0.expr=a%2Fb&g0.tab=0");
  check("{{ 90.5 | toDuration }} {{ 0.0015 | toDuration }}", "1m30.5s 1.5ms");
  check("{{ 1024 | humanize1024 }} {{ 123456789 | humanizeDuration }}", "1ki 1428d 21h 33m 9s");
  test("a query that fails is an error of its call", async () => {
    const template = parseRuleTemplate('{{ query "x" }}', "t");
    const deps = { nowMs: 0, externalUrl: "", query: () => Promise.reject(new Error("no")) };
    await expect(expandTemplate(template, null, { deps })).rejects.toThrow(
      'template: t:1:3: executing "t" at <query "x">: error calling query: no',
    );
  });
  test("the number of queries is bounded", async () => {
    const template = parseRuleTemplate('{{ range 100 }}{{ query (printf "%d" .) }}{{ end }}', "t");
    const deps = { nowMs: 0, externalUrl: "", query: async () => [] };
    await expect(expandTemplate(template, null, { deps })).rejects.toThrow("more than 50 queries");
  });
});
