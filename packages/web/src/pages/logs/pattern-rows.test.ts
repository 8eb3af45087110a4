import { expect, test } from "vitest";
import { asLogql, patternRows, templateParts } from "./pattern-rows.ts";

test("rows have the worst level, the share and the growth", () => {
  const pattern = {
    template: "a <_>",
    example: "a 1",
    lines: 30,
    before: 10,
    isNew: false,
    firstMs: 0,
    lastMs: 1,
    levels: { info: 28, error: 2 },
    services: ["shop"],
    counts: [30],
  };
  const answer = { tookMs: 0, rowsRead: 0, bytesRead: 0, marks: [], from: 0, stepMs: 1 };
  const rows = patternRows({
    ...answer,
    total: 60,
    totalBefore: 10,
    distinct: 2,
    patterns: [pattern, { ...pattern, before: 0, isNew: true, levels: {} }],
  });
  expect(rows.map(({ level, share, growth }) => [level, share, growth])).toEqual([
    ["error", 0.5, 3],
    ["unknown", 0.5, undefined],
  ]);
});

test("templates in parts, and as LogQL", () => {
  expect(templateParts("<_> of <_>").map(({ text, isWild }) => [text, isWild])).toEqual([
    ["<_>", true],
    [" of ", false],
    ["<_>", true],
  ]);
  expect(asLogql('say "<_>"')).toBe('|> "say \\"<_>\\""');
});
