import { describe, expect, test } from "vitest";
import { findInLogs } from "./finding.ts";

const answer = (error: number[]) => ({
  tookMs: 1,
  rowsRead: 1,
  bytesRead: 1,
  marks: [],
  from: 1000,
  stepMs: 10,
  total: 500,
  levels: { error, info: error.map(() => 9) },
  byService: [
    { service: "a", lines: 400, errors: 2 },
    { service: "b", lines: 100, errors: 30 },
  ],
});

describe("since", () => {
  const check = (name: string, error: number[], since: number | undefined) =>
    test(name, () => expect(findInLogs(answer(error)).since).toBe(since));
  check("began later", [0, 0, 1, 0, 0, 8, 9, 9], 1050);
  check("always there", [4, 5, 4, 5, 4, 5, 4, 5], undefined);
  check("too few to say", [0, 0, 0, 0, 0, 0, 2, 2], undefined);
});
test("whose they are", () =>
  expect(findInLogs(answer([0, 32])).service).toEqual({ name: "b", errors: 30 }));
