import { describe, expect, test } from "vitest";
import { all, constant, join, sql, statement, text, texts } from "./sql.ts";

describe("statements", () => {
  const check = (
    name: string,
    query: Parameters<typeof statement>[0],
    want: ReturnType<typeof statement>,
  ) => test(name, () => expect(statement(query)).toEqual(want));
  check("values are parameters", sql`SELECT ${text("'; DROP TABLE x; --")}`, {
    text: "SELECT {p0:String}",
    params: { p0: "'; DROP TABLE x; --" },
  });
  check(
    "pieces nest",
    sql`a = ${text("1")} AND ${sql`b IN ${texts(["x"])} OR ${constant("c")}`} AND d = ${text("2")}`,
    {
      text: "a = {p0:String} AND b IN {p1:Array(String)} OR c AND d = {p2:String}",
      params: { p0: "1", p1: ["x"], p2: "2" },
    },
  );
  check("joined", join([sql`a = ${text("1")}`, sql`b = ${text("2")}`], " AND "), {
    text: "a = {p0:String} AND b = {p1:String}",
    params: { p0: "1", p1: "2" },
  });
  check("no conditions", all([]), { text: "1", params: {} });
});

test("a constant with quotes of another kind is a bug", () => {
  expect(() => constant("a; DROP TABLE b")).toThrow("BUG");
  expect(() => constant('a"')).toThrow("BUG");
});
