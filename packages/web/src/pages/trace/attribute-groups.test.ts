import { expect, test } from "vitest";
import { groupAttributes } from "./attribute-groups.ts";

test("grouped, errors first, the resource last", () => {
  const groups = groupAttributes(
    [
      ["http.route", "string", "/pay"],
      ["card.issuer", "string", "acme"],
      ["error.type", "string", "timeout"],
    ],
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
  expect(
    groupAttributes(
      [
        ["a", "string", "Timeout"],
        ["b", "string", "x"],
      ],
      [],
      "time",
    )[0]?.attributes,
  ).toHaveLength(1));
