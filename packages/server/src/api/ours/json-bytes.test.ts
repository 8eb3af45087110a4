import fc from "fast-check";
import { expect, test } from "vitest";
import { textBytes } from "../../store/clickhouse/select/span-columns.ts";
import { JsonBytes, jsonPart } from "./json-bytes.ts";

const written = (write: (out: JsonBytes) => void): string => {
  const out = new JsonBytes(8);
  write(out);
  return Buffer.from(out.take()).toString();
};

test("texts are as JSON.stringify writes them", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme-composite" })), (texts) => {
      const bytes = textBytes(texts);
      const got = written((out) => {
        for (const row of texts.keys()) out.text(bytes, row);
      });
      expect(got).toBe(texts.map((text) => JSON.stringify(text)).join(""));
    }),
  );
  const odd = ['"', "\\", "\u0000\u001f\u007f", "\n", "\ufeffx", "ä€😀", "x".repeat(1_000)];
  expect(
    written((out) => {
      for (const row of odd.keys()) out.text(textBytes(odd), row);
    }),
  ).toBe(odd.map((text) => JSON.stringify(text)).join(""));
});
test("bytes that are not UTF-8 are replaced", () => {
  const all = Uint8Array.of(0x61, 0xff, 0x62);
  const texts = { all, start: () => 0, end: () => 3, text: () => "" };
  expect(written((out) => out.text(texts, 0))).toBe('"a\ufffdb"');
});
test("numbers are as JSON.stringify writes them", () => {
  const check = (value: number): void => {
    expect(written((out) => out.number(value))).toBe(JSON.stringify(value));
  };
  for (const value of [0, -0, 9, 10, -1, 999_999_999, 1e9, 1e9 + 7, 2 ** 53 - 1, -(2 ** 53 - 1)])
    check(value);
  for (const value of [2 ** 53, 1e21, 1.5, -1e-9, Number.NaN, Number.POSITIVE_INFINITY])
    check(value);
  fc.assert(fc.property(fc.maxSafeInteger(), check));
  fc.assert(fc.property(fc.double(), check));
});
test("what was taken is not written to again", () => {
  const out = new JsonBytes(4);
  out.part(jsonPart("abc"));
  const taken = out.take();
  out.byte(0x78);
  expect(out.size).toBe(1);
  expect(Buffer.from(taken).toString()).toBe("abc");
});
