import { describe, expect, test } from "vitest";
import { parseAttributeFilter, queryParams } from "./params.ts";

describe("attribute filters", () => {
  const check = (text: string, want: readonly [string, string, string, string]) =>
    test(text, () => {
      const { scope, key, op, value } = parseAttributeFilter(text);
      expect([scope, key, op, value]).toEqual(want);
    });
  check("span.card.issuer=acme", ["span", "card.issuer", "=", "acme"]);
  check("resource.host.name!=a=b", ["resource", "host.name", "!=", "a=b"]);
  check("any.a=~x|y", ["any", "a", "=~", "x|y"]);
  check("log.a!~^b$", ["log", "a", "!~", "^b$"]);
  check("span.a=", ["span", "a", "=", ""]);
  check("span.a b!c=d", ["span", "a b!c", "=", "d"]);
  check('span."a=b"=c', ["span", "a=b", "=", "c"]);
  check('span."a\\"\\u0000"!="x"', ["span", 'a"\u0000', "!=", '"x"']);
  const refuse = (text: string, message: RegExp) =>
    test(`refuses ${text}`, () => expect(() => parseAttributeFilter(text)).toThrow(message));
  refuse("", /has none of the scopes/);
  refuse("a=b", /has none of the scopes/);
  refuse("span.=b", /has no key/);
  refuse("span.a", /has none of the operators/);
  refuse('span."a=b', /quote is not closed/);
  refuse('span."a\nb"=c', /not a JSON string/);
  refuse('span."a"', /has none of the operators/);
  refuse("span.a=~[", /regular expression "\["/);
  refuse(`span.a=~${"x".repeat(5000)}`, /longer than 4096 bytes/);
});

describe("numbers, limits and ranges", () => {
  const clock = { nowMs: () => 10_000_000, monotonicMs: () => 0, after: () => () => {} };
  const check = (name: string, run: () => unknown, want: unknown) =>
    test(name, () => expect(run()).toEqual(want));
  const of = queryParams;
  check("absent", () => of({}).number("a"), undefined);
  check("empty", () => of({ a: "" }).number("a"), undefined);
  check("of the prototype", () => of({}).text("constructor"), undefined);
  check("decimal", () => of({ a: "-1.5e3" }).number("a"), -1500);
  check("limit", () => of({ limit: "7.9" }).limit("limit", { standard: 5, max: 100 }), 7);
  check("standard limit", () => of({}).limit("limit", { standard: 5, max: 100 }), 5);
  check("huge limit", () => of({ limit: "1e99" }).limit("limit", { standard: 5, max: 100 }), 100);
  check("repeated", () => of({ a: ["x", "", "y"] }).texts("a"), ["x", "y"]);
  check("range", () => of({ from: "1.5", to: "2.5" }).range(clock), { from: 1, to: 3 });
  check("the last hour", () => of({}).range(clock), { from: 6_400_000, to: 10_000_000 });
  check("an hour before", () => of({ to: "5000000" }).range(clock), {
    from: 1_400_000,
    to: 5_000_000,
  });
  const refuse = (name: string, run: () => unknown, message: RegExp) =>
    test(`refuses ${name}`, () => expect(run).toThrow(message));
  for (const text of ["0x10", " 1", "1_0", "NaN", "Infinity", "1e999", "١"])
    refuse(text, () => of({ a: text }).number("a"), /"a" is .*, not a number/);
  refuse("negative times", () => of({ from: "-1" }).range(clock), /not within 0 to/);
  refuse("times after 2262", () => of({ to: "1e15" }).range(clock), /not within/);
  refuse("an empty range", () => of({ from: "5", to: "5" }).range(clock), /is empty/);
  refuse("limit 0", () => of({ limit: "0" }).limit("limit", { standard: 5, max: 9 }), /not within/);
  refuse("two of one", () => of({ a: ["1", "2"] }).text("a"), /given more than once/);
  refuse(
    "many",
    () => of({ a: new Array(65).fill("x") }).texts("a"),
    /given 65 times, more than 64/,
  );
});
