import type { MetricFamily } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { firstFamily, groupFamilies, seriesNames } from "./metric-names.ts";

const family = (name: string, type: MetricFamily["type"] = "gauge", unit = ""): MetricFamily => ({
  name,
  type,
  unit,
  help: "",
  series: 1,
});

test("grouped by the first word, lonely ones last", () =>
  expect(
    groupFamilies([family("up"), family("pay_b"), family("pay_a"), family("cart_x")]).map((g) => [
      g.name,
      g.families.map((f) => f.name),
    ]),
  ).toEqual([
    ["pay", ["pay_a", "pay_b"]],
    ["others", ["cart_x", "up"]],
  ]));
test("dotted names are names", () =>
  expect(groupFamilies([family("http.a"), family("http.b")])[0]?.name).toBe("http"));
test("its own measures before those of its runtime", () =>
  expect(
    firstFamily([family("db_seconds", "histogram", "s"), family("pay_seconds", "histogram", "s")])
      ?.name,
  ).toBe("pay_seconds"));
test("durations first", () =>
  expect(
    firstFamily([family("a"), family("z", "histogram", "s"), family("b", "counter")])?.name,
  ).toBe("z"));

describe("names of series", () => {
  const check = (want: string, ...all: { [name: string]: string }[]) =>
    test(want, () => expect(seriesNames(all, "up")[0]).toBe(want));
  check("up", {});
  check("up", { job: "shop", status: "ok" });
  check("acme", { issuer: "acme", job: "shop" }, { issuer: "dunlin", job: "shop" });
  check("no issuer", { job: "shop" }, { issuer: "dunlin", job: "shop" });
  check("issuer=acme, node=1", { issuer: "acme", node: "1" }, { issuer: "dunlin", node: "2" });
});
