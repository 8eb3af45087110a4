import { criticalPath } from "@triptych/lang";
import { expect, test } from "vitest";
import { findWhereTimeWent } from "./finding.ts";
import { type Line, shownOf } from "./trace-fixture.ts";
import { buildTree } from "./trace-tree.ts";

const find = (lines: Line[], failed = "") => {
  const tree = buildTree(
    shownOf(lines, (span) => ({
      ...span,
      name: "op",
      status: span.spanId === failed ? "error" : "unset",
    })),
  );
  return findWhereTimeWent(tree, criticalPath(tree));
};

test("the service that everything waited for, and who called it", () => {
  const found = find(
    [
      ["a", "", 0, 100, "gateway"],
      ["b", "a", 5, 95, "payments"],
      ["c", "b", 10, 50, "acme"],
      ["d", "b", 50, 94, "acme"],
    ],
    "c",
  );
  expect(found).toMatchObject({
    service: "acme",
    caller: "payments",
    criticalNs: 84,
    alike: 2,
    span: 3,
    failed: [2],
  });
});
test("one service alone has no caller", () =>
  expect(find([["a", "", 0, 9]])).toMatchObject({ caller: undefined, criticalNs: 9 }));
test("spans without length say nothing", () => expect(find([["a", "", 0, 0]])).toBeUndefined());
