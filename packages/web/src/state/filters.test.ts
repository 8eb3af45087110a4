import { describe, expect, test } from "vitest";
import { parseFilter, parseMatch, printFilter, scopedKey, withFilter } from "./filters.ts";

describe("parse", () => {
  const check = (text: string, want: ReturnType<typeof parseFilter>) =>
    test(text, () => expect(parseFilter(text)).toEqual(want));
  check("span.card.issuer=acme", { scope: "span", key: "card.issuer", op: "=", value: "acme" });
  check("resource.env!=prod", { scope: "resource", key: "env", op: "!=", value: "prod" });
  check("card.issuer =~ ac.*", { scope: "any", key: "card.issuer", op: "=~", value: "ac.*" });
  check("error.type!~time", { scope: "any", key: "error.type", op: "!~", value: "time" });
  check("a=b=c", { scope: "any", key: "a", op: "=", value: "b=c" });
  check("log.order=", { scope: "log", key: "order", op: "=", value: "" });
  check("just words", undefined);
  check("=value", undefined);
});

test("round trip", () => {
  const filter = { scope: "span", key: "http.route", op: "!~", value: "/a b=c" } as const;
  expect(parseFilter(printFilter(filter))).toEqual(filter);
});
test("the opposite replaces", () =>
  expect(
    withFilter(["any.a=1", "any.b=2"], { scope: "any", key: "a", op: "!=", value: "1" }),
  ).toEqual(["any.b=2", "any.a!=1"]));
test("keys with and without a scope", () => {
  expect(scopedKey("span.http.route")).toEqual({ scope: "span", key: "http.route" });
  expect(scopedKey("http.route")).toEqual({ scope: "any", key: "http.route" });
});
test("metric match", () =>
  expect(parseMatch("issuer=~a.*")).toEqual({ label: "issuer", op: "=~", value: "a.*" }));
