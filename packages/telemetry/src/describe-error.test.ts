import { expect, test } from "vitest";
import { describeError } from "./describe-error.ts";

const check = (name: string, error: unknown, want: { type: string; message: string }) =>
  test(name, () => expect(describeError(error)).toMatchObject(want));
check("its class", new RangeError("no"), { type: "RangeError", message: "no" });
check("Node's code", Object.assign(new Error("refused"), { code: "ECONNREFUSED" }), {
  type: "ECONNREFUSED",
  message: "refused",
});
check("a text", "no", { type: "string", message: "no" });
check("an object", { a: 1 }, { type: "object", message: '{"a":1}' });
check("nothing", undefined, { type: "undefined", message: "undefined" });

test("causes follow, a loop of causes ends", () => {
  const inner = new Error("inner");
  const outer = new Error("outer", { cause: inner });
  inner.cause = outer;
  const stack = describeError(outer).stack ?? "";
  expect(stack).toContain("Caused by: Error: inner");
  expect(stack.match(/Caused by/g)?.length).toBe(4);
});

test("an object that cannot be written as JSON", () => {
  const loop: Record<string, unknown> = {};
  loop["loop"] = loop;
  expect(describeError(loop).message).toBe("[object Object]");
});
