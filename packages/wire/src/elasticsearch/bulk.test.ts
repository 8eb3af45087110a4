import { defaultLimits, TriptychError } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { type DecodedBulk, decodeElasticsearchBulk } from "./bulk.ts";
import { indexNameProblem } from "./index-name.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (body: string | Uint8Array, limits = {}): DecodedBulk =>
  drain(
    decodeElasticsearchBulk(typeof body === "string" ? bytes(body) : body, {
      limits: { ...defaultLimits, ...limits },
      arrivalNs: 1_800_000_000_000_000_000n,
      index: "default",
    }),
  );
const VALID = '{"create":{"_index":"a"}}\n{"@timestamp":1704164645,"message":"é","x":{"y":[1]}}\n';

test("what is sent is in the order of the request", () => {
  const { batch, items, isRepeatable } = decode(`${VALID}{"index":{"_id":"7"}}\n{"message":"b"}`);
  expect(items.map(({ action, index, id }) => [action, index, id])).toEqual([
    ["create", "a", ""],
    ["index", "default", "7"],
  ]);
  expect([batch.body.text(0), batch.body.text(1)]).toEqual(["é", "b"]);
  expect([batch.timeNs[0], batch.timeNs[1]]).toEqual([
    1_704_164_645_000_000_000n,
    1_800_000_000_000_000_000n,
  ]);
  expect(isRepeatable).toBe(true);
});

test("too many operations refuse the request", () => {
  expect(() => decode(VALID.repeat(3), { linesPerRequestMax: 2 })).toThrow("more than 2");
});

test("changed bytes are records or an error that says why", () => {
  const change = fc.tuple(fc.nat(VALID.length), fc.nat(6), fc.string({ maxLength: 6 }));
  const outcome = (body: string | Uint8Array): void => {
    try {
      const { batch, items } = decode(body);
      expect(batch.rows).toBe(items.filter(({ error }) => error === undefined).length);
    } catch (error) {
      expect(error).toBeInstanceOf(TriptychError);
      expect((error as TriptychError).code).not.toBe("internal");
    }
  };
  fc.assert(
    fc.property(change, ([at, cut, put]) =>
      outcome(VALID + VALID.slice(0, at) + put + VALID.slice(at + cut)),
    ),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), outcome));
});

describe("names of indices", () => {
  const check = (name: string, isAllowed: boolean) =>
    test(name.slice(0, 50), () => expect(indexNameProblem(name) === undefined).toBe(isAllowed));
  for (const good of ["a", "logs-nginx-prod", ".ds-x", "app-2024.01.02", "é"]) check(good, true);
  for (const bad of [
    "A",
    "_a",
    "-a",
    "+a",
    "a b",
    "a/b",
    "a\\b",
    "a*",
    "a,b",
    "a#",
    ".",
    "..",
    "\u0000",
  ])
    check(bad, false);
  check("x".repeat(255), true);
  check("é".repeat(128), false);
});
