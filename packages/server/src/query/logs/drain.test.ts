import { describe, expect, test } from "vitest";
import { createDrain } from "./drain.ts";

const texts = (lines: readonly string[], options = {}): string[] => {
  const drain = createDrain(options);
  for (const [i, line] of lines.entries()) drain.add(line, i * 1000);
  return drain.templates().map(({ text, lines: count }) => `${count} ${text}`);
};

describe("templates", () => {
  const check = (name: string, lines: readonly string[], want: readonly string[]) =>
    test(name, () => expect(texts(lines)).toEqual(want));
  check(
    "numbers vary",
    ["took 5 ms for a", "took 17 ms for a", "took 9 ms for a"],
    ["3 took <_> ms for a"],
  );
  check(
    "words vary behind the first ones",
    ["user is logged in as anna", "user is logged in as bert", "disk is full"],
    ["2 user is logged in as <_>", "1 disk is full"],
  );
  check("json keeps its signs", ['{"a":1,"b":"x"}', '{"a":2,"b":"x"}'], ['2 {"a":<_>,"b":"x"}']);
  check(
    "neighbours become one",
    ["at 2023-11-14 22:13:20 x", "at 2023-11-15 02:03:04 x"],
    ["2 at <_> x"],
  );
  check("nothing", ["", ""], ["2 "]);
});

test("counts by slot, first and last", () => {
  const drain = createDrain({ slotMs: 10_000 });
  for (const ms of [1_000, 9_999, 10_000, 31_000]) drain.add(`line ${ms}`, ms);
  const [template] = drain.templates();
  expect([...(template?.slots ?? [])]).toEqual([
    [0, 2],
    [10_000, 1],
    [30_000, 1],
  ]);
  expect(template).toMatchObject({
    firstMs: 1_000,
    lastMs: 31_000,
    lines: 4,
    example: "line 1000",
  });
});

test("memory is bounded: what was not seen for longest gives way", () => {
  const drain = createDrain({ clustersMax: 10 });
  for (let i = 0; i < 1_000; i++) {
    drain.add("stays where it is", i);
    const word = String.fromCharCode(97 + (i % 26), 97 + ((i / 26) % 26), 97 + ((i / 676) % 26));
    drain.add(`${word} ${word} ${word} ${word}`, i);
  }
  expect(drain.templates().length).toBe(10);
  expect(drain.templates()[0]).toMatchObject({ text: "stays where it is", lines: 1_000 });
});

test("long lines and many words end at once", () => {
  const drain = createDrain();
  for (let i = 0; i < 200; i++) drain.add(`${i} `.repeat(100_000), i);
  expect(drain.templates().length).toBe(1);
});
