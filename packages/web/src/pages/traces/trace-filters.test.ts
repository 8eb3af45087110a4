import { describe, expect, test } from "vitest";
import { chipsOf, readTyped, traceQuery } from "./trace-filters.ts";

describe("typed", () => {
  const check = (text: string, want: ReturnType<typeof readTyped>) =>
    test(text, () => expect(readTyped(text, {})).toEqual(want));
  check("service=order-service", { service: "order-service" });
  check("operation=POST /orders", { operation: "POST /orders" });
  check("duration > 2s", { min: "2s" });
  check("duration<=150ms", { max: "150ms" });
  check("duration>soon", undefined);
  check("error", { status: "error" });
  check("status=ok", { status: "ok" });
  check("status=late", undefined);
  check("card.issuer=acme", { attr: ["any.card.issuer=acme"] });
  check("resource.env!=prod", { attr: ["resource.env!=prod"] });
  check("service!=x", { attr: ["any.service!=x"] });
  check("words", undefined);
});

test("to the API", () =>
  expect(traceQuery({ service: "a", min: "1.5s", attr: ["span.b=c"] })).toEqual({
    service: "a",
    operation: undefined,
    status: undefined,
    minDurationMs: "1500",
    maxDurationMs: undefined,
    attr: ["span.b=c"],
  }));

test("chips in the order of the form", () =>
  expect(
    chipsOf({ attr: "span.b!=c", min: "2s", service: "a" }).map(
      (c) => `${c.name}${c.op}${c.value}`,
    ),
  ).toEqual(["service=a", "duration>2s", "span.b!=c"]));
test("a chip can be turned around", () =>
  expect(chipsOf({ attr: "span.b!=c" })[0]?.negate).toEqual({ attr: ["span.b=c"] }));
