import { describe, expect, test } from "vitest";
import { logChips, readTypedLog, toggled } from "./log-filters.ts";

describe("typed", () => {
  const check = (text: string, want: ReturnType<typeof readTypedLog>) =>
    test(text, () => expect(readTypedLog(text, { service: "a" })).toEqual(want));
  check("timed out", { text: "timed out" });
  check('"level=error"', { text: "level=error" });
  check("service=b", { service: ["a", "b"] });
  check("service=a", { service: ["a"] });
  check("level=error", { level: ["error"] });
  check("level=loud", undefined);
  check("0123456789abcdef0123456789abcdef", { traceId: "0123456789abcdef0123456789abcdef" });
  check("span_id=0123456789abcdef", { spanId: "0123456789abcdef" });
  check("card.issuer!=acme", { attr: ["any.card.issuer!=acme"] });
  check("GET /a?b=c", { text: "GET /a?b=c" });
});

test("toggling takes away what is there", () =>
  expect(toggled({ level: ["error", "warn"] }, "level", "warn")).toEqual({ level: ["error"] }));
test("lists are one chip", () =>
  expect(
    logChips({ service: ["a", "b"], text: "x" }).map((c) => `${c.name} ${c.op} ${c.value}`),
  ).toEqual(["service in a, b", "line has x"]));
