import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFrameSplitter } from "./frame-splitter.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function frames(chunks: readonly string[], countsOctets = true, frameBytesMax = 1000): string[] {
  const splitter = createFrameSplitter({ frameBytesMax, countsOctets });
  const found: string[] = [];
  for (const chunk of chunks)
    for (const frame of splitter.push(encoder.encode(chunk))) found.push(decoder.decode(frame));
  const last = splitter.end();
  expect(splitter.pendingBytes).toBe(0);
  return last === undefined ? found : [...found, decoder.decode(last)];
}

describe("frames", () => {
  const check = (text: string, want: readonly string[], max = 1000) =>
    test(JSON.stringify(text.slice(0, 60)), () => expect(frames([text], true, max)).toEqual(want));
  check("a\nb\r\n\nc", ["a", "b\r", "", "c"]);
  check("5 <1>ab6 <1>c\nd", ["<1>ab", "<1>c\nd"]);
  check("5 <1>ab\n<2>x\n", ["<1>ab", "", "<2>x"]);
  check("2024 was a year\n", ["2024 was a year"]);
  check("12 monkeys\n7", ["12 monkeys", "7"]);
  check("007 <1>agent\n", ["007 <1>agent"]);
  check("3 <1>too short\n<2>next\n", ["<1>", "too short", "<2>next"]);
  check("99999999999 <1>no count\n", ["99999999999 <1>no count"]);
  check("1000000000 <1>never comes", ["<1>never comes"]);
  check("abcdef\nx\n", ["abc", "x"], 3);
  check("9 <1>abcdef3 <2>", ["<1>", "<2>"], 3);
  test("without counting digits are text", () =>
    expect(frames(["5 <1>ab\n"], false)).toEqual(["5 <1>ab"]));
});

test("an endless line holds no more than the bound", () => {
  const splitter = createFrameSplitter({ frameBytesMax: 100, countsOctets: true });
  for (let i = 0; i < 1_000; i++)
    expect([...splitter.push(encoder.encode("x".repeat(1_000)))]).toEqual([]);
  expect(splitter.end()?.length).toBe(100);
});

test("how the stream is torn does not matter", () => {
  const piece = fc.constantFrom(
    "a",
    "<1>x",
    "\n",
    "5 <1>ab",
    "12",
    " ",
    "<",
    "3 <1>",
    "9 <1>abc\nde",
    "0",
  );
  const cuts = fc.array(fc.nat(60), { maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      cuts,
      fc.constantFrom(3, 1000),
      (parts, at, max) => {
        const text = parts.join("");
        const places = [...at.filter((place) => place < text.length), text.length].sort(
          (a, b) => a - b,
        );
        const chunks = places.map((place, i) => text.slice(i === 0 ? 0 : places[i - 1], place));
        expect(frames(chunks, true, max)).toEqual(frames([text], true, max));
      },
    ),
  );
});
