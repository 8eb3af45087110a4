import { readFileSync } from "node:fs";
import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { completeKql } from "./completion.ts";
import { parseDateMath } from "./date-math.ts";
import { parseKql } from "./parser.ts";
import { printKql, quoteKql } from "./printer.ts";

function outcome(text: string): string {
  try {
    return `=> ${printKql(parseKql(text))}`;
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    expect(error.code).toBe("query_invalid");
    return `!> ${error.offset}: ${error.message}`;
  }
}

describe("corpus", () => {
  const script = readFileSync(
    new URL("../../../../corpus/kql/syntax.kqltest", import.meta.url),
    "utf8",
  );
  for (const block of script.split(/\n\n+/)) {
    const lines = block.trimEnd().split("\n");
    const want = lines.pop() ?? "";
    if (!/^[=!]>/.test(want)) continue;
    // Remarks stay in: they are part of the language.
    const query = lines.filter((line) => !/^# (?:As a|Words|Mistakes)/.test(line)).join("\n");
    test(query, () => {
      const got = outcome(query);
      if (want.startsWith("!>")) expect(got.slice(0, want.length)).toBe(want);
      else {
        expect(got).toBe(want);
        expect(outcome(want.slice(3))).toBe(want);
      }
    });
  }
});

const word = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }),
  fc.constantFrom(
    "a",
    "and",
    "OR",
    "-x",
    "a:b",
    "*",
    "?",
    "/x/",
    "now-1h",
    "TO",
    "{",
    "2026-01-02",
  ),
);
const escaped = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, "\\$&");
const value = fc.oneof(
  word.map(quoteKql),
  fc.tuple(word, word).map(([a, b]) => `x${escaped(a)}*${escaped(b)}?`),
  fc.constantFrom("/a\\/b/", "plain"),
);
const field = fc.oneof(fc.constantFrom("level", "http.*", "@timestamp"), word.map(quoteKql));
const leaf = fc.oneof(
  value,
  fc.tuple(field, value).map(([name, text]) => `${name}: ${text}`),
  fc
    .tuple(field, fc.constantFrom("<", "<=", ">", ">="), word)
    .map(([name, op, bound]) => `${name} ${op} ${quoteKql(bound)}`),
  fc.tuple(field, word, word).map(([name, a, b]) => `${name}: {${quoteKql(a)} TO ${quoteKql(b)}]`),
  field.map((name) => `${name}: *`),
);
const { search } = fc.letrec<{ search: string }>((tie) => ({
  search: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc
      .tuple(tie("search"), fc.constantFrom(" and ", " or ", " "), tie("search"))
      .map(([a, op, b]) => `(${a}${op}${b})`),
    tie("search").map((a) => `not (${a})`),
  ),
}));

/** Places are those of the text, which printing changes. */
const bare = (text: string): unknown =>
  JSON.parse(JSON.stringify(parseKql(text), (key, item) => (key === "span" ? undefined : item)));

test("printing and parsing round-trip", () => {
  fc.assert(
    fc.property(search, (text) => {
      if (outcome(text).startsWith("!>")) return;
      expect(bare(printKql(parseKql(text)))).toEqual(bare(text));
    }),
    { numRuns: 500 },
  );
});

test("whatever is given, it is parsed or refused", () => {
  const pieces = fc.constantFrom(
    ...["(", ")", "{", "}", "[", "]", ":", "<", ">=", "and", "or", "not", "TO", "-", "+", "!"],
    ...["a", "*", "?", '"x"', '"', "/r/", "/", "\\", "now-1d", "_exists_", "# x", "\n", "&&"],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), fc.constantFrom("", " "), (list, gap) => {
      const text = list.join(gap);
      expect(outcome(text)).toMatch(/^[=!]>/);
      for (let at = 0; at <= text.length; at++) {
        const { span } = completeKql(text, at);
        expect(span.start).toBeLessThanOrEqual(at);
        expect(span.end).toBeGreaterThanOrEqual(at);
      }
    }),
    { numRuns: 500 },
  );
});

describe("too much", () => {
  const check = (name: string, text: string, want: string) =>
    test(name, () => expect(outcome(text)).toContain(want));
  check("depth", "(".repeat(1_000), "nested deeper than");
  check("not", "not ".repeat(1_500), "nested deeper than");
  check("words", `(${"a ".repeat(101)})`, "more than 100 conditions");
  check("signs", "a ".repeat(10_000), "more than 2000 words");
  check("length", "a".repeat(2_000_000), "more than");
  check("half a pair", "\ud800", "not valid Unicode");
});

describe("times", () => {
  const nowMs = Date.parse("2026-03-15T12:34:56.789Z");
  const check = (text: string, start: string, end?: string) =>
    test(text, () => {
      const found = parseDateMath(text, nowMs);
      const show = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
      expect(found && show(found.startMs)).toBe(start);
      if (end !== undefined) expect(found && show(found.endMs)).toBe(end);
    });
  check("now", "2026-03-15T12:34:56.789Z", "2026-03-15T12:34:56.790Z");
  check("now-1h", "2026-03-15T11:34:56.789Z");
  check("now-1h/d", "2026-03-15T00:00:00Z", "2026-03-16T00:00:00Z");
  check("now/w", "2026-03-09T00:00:00Z", "2026-03-16T00:00:00Z");
  check("now+1M-1d", "2026-04-14T12:34:56.789Z");
  check("now-1y/y", "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
  check("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
  check("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
  check("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z");
  check("2026-01-02T10:11", "2026-01-02T10:11:00Z", "2026-01-02T10:12:00Z");
  check("2026-01-02 10:11:12", "2026-01-02T10:11:12Z", "2026-01-02T10:11:13Z");
  check("2026-01-02T10:11:12.5+02:00", "2026-01-02T08:11:12.500Z", "2026-01-02T08:11:12.501Z");
  check("2026-01-31||+1M/d", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z");
  check("1700000000000", "2023-11-14T22:13:20Z");
  const wrong = (text: string) =>
    test(text, () => expect(parseDateMath(text, nowMs)).toBeUndefined());
  for (const text of ["", "x", "now-", "now-1x", "2026-13", "2026-02-30", "2026-01-02T25", "99"])
    wrong(text);
  for (const text of ["2026-01-02T10:60", "now+999999y", "now1h", "9999999999999999", "now/"])
    wrong(text);
});

describe("completion", () => {
  /** `|` is the cursor. */
  const check = (text: string, want: string) =>
    test(text, () => {
      const at = text.indexOf("|");
      const plain = text.replace("|", "");
      const found = completeKql(plain, at);
      const replaced = plain.slice(found.span.start, found.span.end);
      expect(`${found.kind} ${found.field}[${found.prefix}] ${replaced}`).toBe(want);
    });
  check("|", "field [] ");
  check("lev|", "field [lev] lev");
  check("le|vel", "field [le] level");
  check("-le|", "field [le] le");
  check("level:|", "value level[] ");
  check("level: er|", "value level[er] er");
  check('level: "er|', 'value level[er] "er');
  check('level: "er|ror"', 'value level[er] "error"');
  check("code >= 5|", "value code[5] 5");
  check("level: (error or wa|", "value level[wa] wa");
  check("level: error |", "operator [] ");
  check("level: error and |", "field [] ");
  check("level: error and ser|", "field [ser] ser");
  check('"some words |', 'none [some words ] "some words ');
  check("(a or b|", "field [b] b");
});
