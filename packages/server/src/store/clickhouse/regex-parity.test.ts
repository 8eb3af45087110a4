/** What a pattern means here and in the engine, whose `match` is RE2: 2,000 patterns, each on texts made to fit them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { partMatcher, partPattern, wholePattern } from "../../regex/regex.ts";
import { createTestClock, openTestStore, type TestStore } from "../store-for-tests.ts";
import { numberCells, readRows } from "./select/rows.ts";
import { sql, text, texts } from "./sql.ts";

const PATTERNS = 2_000;
const TEXTS = 12;

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(createTestClock(0));
});
afterAll(() => store.close());

/** Numbers that are the same in every run. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const atoms: readonly (readonly [pattern: string, fits: readonly string[]])[] = [
  ["a", ["a"]],
  ["B", ["B"]],
  ["foo", ["foo"]],
  ["é", ["é"]],
  ["日", ["日"]],
  [".", ["x", "é", "\n"]],
  ["\\.", ["."]],
  ["\\d", ["7", "٣"]],
  ["\\D", ["x", "٣"]],
  ["\\w", ["_", "é"]],
  ["\\W", ["-", "é"]],
  ["\\s", [" ", "\v", "\u00a0"]],
  ["\\S", ["s"]],
  ["\\b", [""]],
  ["\\B", [""]],
  ["^", [""]],
  ["$", [""]],
  ["\\A", [""]],
  ["\\z", [""]],
  ["[a-c]", ["b", "d"]],
  ["[^a-c]", ["z", "b", "\n"]],
  ["[[:alpha:]]", ["q", "é"]],
  ["[[:^digit:]]", ["q", "5"]],
  ["[\\w.-]", ["-", "."]],
  ["[^\\s]", ["x", " "]],
  ["\\pL", ["é", "1"]],
  ["\\p{Greek}", ["λ", "l"]],
  ["\\PN", ["x", "9"]],
  ["\\x41", ["A"]],
  ["\\x{65e5}", ["日"]],
  ["\\Qa.b\\E", ["a.b", "axb"]],
  ["\\t", ["\t"]],
  ["(?i:ab)", ["AB", "aB"]],
  ["(?s:.)", ["\n", "x"]],
  ["(?-s:.)", ["\n", "x"]],
  ["(?i)k", ["K", "\u212a"]],
  ["(?m:^x$)", ["x"]],
  ["[]a]", ["]", "a"]],
  ["[a\\]]", ["]"]],
  ["", [""]],
];
const repeats = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{2,3}?"];
/** What RE2 does not take, alone or among others. */
const wrong = [
  "(?=a)",
  "(?<!a)",
  "\\1",
  "a++",
  "(",
  ")",
  "[",
  "[b-a]",
  "*",
  "a**",
  "{2",
  "a{1001}",
  "\\8",
  "(?P<n>a)(?P<n>b)",
  "\\p{No}x",
  "(?z)",
  "\\",
  "(?P<1a>b)",
  "[[:foo:]]",
  "\\C",
];

function make(random: (below: number) => number, depth: number): { pattern: string; fits: string } {
  const kind = depth === 0 ? 0 : random(10);
  if (kind < 4) {
    const [pattern, fits] = atoms[random(atoms.length)] as (typeof atoms)[number];
    const repeat =
      pattern === "" || pattern.startsWith("(?i)") ? "" : repeats[random(repeats.length)];
    const one = fits[random(fits.length)] as string;
    return { pattern: pattern + repeat, fits: one.repeat(repeat === "" ? 1 : random(4)) };
  }
  const parts = Array.from({ length: 1 + random(3) }, () => make(random, depth - 1));
  if (kind < 7)
    return {
      pattern: parts.map((one) => one.pattern).join(""),
      fits: parts.map((one) => one.fits).join(""),
    };
  const inside = parts.map((one) => one.pattern).join("|");
  const chosen = (parts[random(parts.length)] as { fits: string }).fits;
  const open = ["(", "(?:", "(?i:", `(?P<g${depth}>`][random(4)] as string;
  return { pattern: `${open}${inside})`, fits: random(3) === 0 ? chosen.toUpperCase() : chosen };
}

function spoiled(random: (below: number) => number, given: string): string {
  const chars = [...given];
  const at = random(chars.length + 1);
  const extra = ["x", "a", "\n", "", "é", "1", " "][random(7)] as string;
  if (random(2) === 0) chars.splice(at, 0, extra);
  else chars.splice(at, 1);
  return chars.join("");
}

type Verdict = readonly number[] | "refused";

function ours(pattern: string, texts: readonly string[]): { whole: Verdict; part: Verdict } {
  try {
    const { matches } = compileRegex(pattern);
    const part = partMatcher(pattern);
    return {
      whole: texts.map((one) => Number(matches(one))),
      part: texts.map((one) => Number(part(one))),
    };
  } catch {
    return { whole: "refused", part: "refused" };
  }
}

async function engines(pattern: string, given: readonly string[]): Promise<Verdict> {
  try {
    const answer = await store.engine.select(
      sql`SELECT toFloat64(match(t, ${text(pattern)})) AS m FROM (SELECT arrayJoin(${texts(given)}) AS t)`,
    );
    return readRows(answer, (block) => numberCells(block, "m"));
  } catch {
    return "refused";
  }
}

/** Go, whose rules count for queries, refuses `\\C` and a name for two groups; the engine's library does not. */
function isOnlyTheEngines(pattern: string): boolean {
  const names = [...pattern.matchAll(/\(\?P<(\w+)>/g)].map(([, name]) => name);
  return pattern.includes("\\C") || new Set(names).size < names.length;
}

test(`${PATTERNS} patterns mean the same here and in the engine`, {
  timeout: 120_000,
}, async () => {
  const random = randoms(20_261_121);
  const differing: string[] = [];
  let accepted = 0;
  for (let i = 0; i < PATTERNS; i++) {
    const { pattern: good, fits } = make(random, 3);
    const pattern = i % 20 === 0 ? good + (wrong[(i / 20) % wrong.length] as string) : good;
    const given = [fits, "", ...Array.from({ length: TEXTS - 2 }, () => spoiled(random, fits))];
    const mine = ours(pattern, given);
    if (mine.whole === "refused") {
      // The engine never sees it; what it would have taken is a pattern that our users cannot use.
      if (!isOnlyTheEngines(pattern) && (await engines(pattern, given)) !== "refused")
        differing.push(`only the engine takes ${pattern}`);
      continue;
    }
    accepted++;
    for (const [name, theirs, own] of [
      ["whole", await engines(wholePattern(pattern), given), mine.whole],
      ["part", await engines(partPattern(pattern), given), mine.part],
    ] as const)
      if (JSON.stringify(theirs) !== JSON.stringify(own))
        differing.push(
          `${name} ${JSON.stringify(pattern)} on ${JSON.stringify(given)}: ${JSON.stringify(own)}, the engine ${JSON.stringify(theirs)}`,
        );
  }
  expect(differing).toEqual([]);
  expect(accepted).toBeGreaterThan(PATTERNS / 2);
});
