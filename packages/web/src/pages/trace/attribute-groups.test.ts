import { describe, expect, test } from "vitest";
import { groupAttributes, safeHref } from "./attribute-groups.ts";

test("grouped, errors first, the resource last", () => {
  const groups = groupAttributes(
    [["http.route", "string", "/pay"], ["card.issuer", "string", "acme"], ["error.type", "string", "timeout"]],
    [["host.name", "string", "node-3"]],
    "",
  );
  expect(groups.map((group) => [group.name, group.attributes.map(([key]) => key)])).toEqual([
    ["Error", ["error.type"]],
    ["This span", ["card.issuer"]],
    ["HTTP and network", ["http.route"]],
    ["Resource", ["host.name"]],
  ]);
});
test("searched by key and value", () =>
  expect(groupAttributes([["a", "string", "Timeout"], ["b", "string", "x"]], [], "time")[0]?.attributes).toHaveLength(1));

describe("only some values are links", () => {
  const check = (value: string, want: string | undefined) => test(value, () => expect(safeHref(value)).toBe(want));
  check("https://shop.example/a?b=c", "https://shop.example/a?b=c");
  check("mailto:a@shop.example", "mailto:a@shop.example");
  check("javascript:alert(1)", undefined);
  check("JaVaScRiPt:alert(1)", undefined);
  check("data:text/html,<script>", undefined);
  check("https://shop.example and more", undefined);
  check("//shop.example", undefined);
  check("http://", undefined);
});
