/** Snappy: what was encoded comes back, and hostile blocks end in a clear error, quickly. */
import { TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { decodeSnappy } from "./block.ts";
import { crc32c } from "./crc32c.ts";
import { encodeSnappy } from "./encode.ts";
import { decodeSnappyFramed, maskedChecksum } from "./framed.ts";

const MAX = 1 << 20;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const outcome = (run: () => Uint8Array): string => {
  try {
    return new TextDecoder("latin1").decode(run());
  } catch (error) {
    if (error instanceof TriptychError) return error.code;
    throw error;
  }
};

describe("blocks", () => {
  const check = (name: string, bytes: number[], want: string) =>
    test(`${name}: ${want}`, () =>
      expect(outcome(() => drain(decodeSnappy(Uint8Array.from(bytes), MAX)))).toBe(want));
  check("nothing", [], "encoding_malformed");
  check("an empty block", [0], "");
  check("a literal", [3, 8, 97, 98, 99], "abc");
  check("a literal with a length byte", [3, 240, 2, 97, 98, 99], "abc");
  check("a literal with four length bytes", [3, 252, 2, 0, 0, 0, 97, 98, 99], "abc");
  check("a copy of one byte of distance that overlaps", [5, 0, 97, 1, 1], "aaaaa");
  check("a copy of two", [6, 8, 97, 98, 99, 10, 3, 0], "abcabc");
  check("a copy of four", [6, 8, 97, 98, 99, 11, 3, 0, 0, 0], "abcabc");
  check("2^30 declared with 7 bytes", [0x80, 0x80, 0x80, 0x80, 4, 0, 97], "wire_too_large");
  check("2^32 - 1 declared", [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 97], "wire_too_large");
  check("a length of 33 bits", [0xff, 0xff, 0xff, 0xff, 0x1f], "encoding_malformed");
  check("a length of 6 bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0], "encoding_malformed");
  check("a length cut short", [0x80], "encoding_malformed");
  check("more declared than 3 bytes can make", [0x80, 0x20, 0, 97], "encoding_malformed");
  check("a copy before the start", [5, 0, 97, 1, 2], "encoding_malformed");
  check("a copy from nowhere", [5, 1, 1], "encoding_malformed");
  check("a copy of distance 0", [5, 0, 97, 1, 0], "encoding_malformed");
  check("a copy of 2^32 - 1 back", [5, 0, 97, 3, 255, 255, 255, 255], "encoding_malformed");
  check("a copy beyond the length", [4, 0, 97, 1, 1], "encoding_malformed");
  check("a copy cut short", [5, 0, 97, 2, 1], "encoding_malformed");
  check("a literal beyond the end", [3, 8, 97, 98], "encoding_malformed");
  check("a literal of 2^32", [3, 252, 255, 255, 255, 255, 97], "encoding_malformed");
  check("a literal beyond the length", [2, 8, 97, 98, 99], "encoding_malformed");
  check("fewer bytes than declared", [4, 8, 97, 98, 99], "encoding_malformed");
  check("a literal after the end", [3, 8, 97, 98, 99, 0, 97], "encoding_malformed");
  check("a byte after the end", [3, 8, 97, 98, 99, 0], "encoding_malformed");
  check("a byte after nothing", [0, 0], "encoding_malformed");
});

test("nothing is allocated for a lie, and the budget is asked first", () => {
  let asked = 0;
  const hold = (bytes: number): void => {
    asked += bytes;
    throw new TriptychError("memory_pressure", "full");
  };
  const block = encodeSnappy(new Uint8Array(100_000));
  expect(outcome(() => drain(decodeSnappy(block, MAX, hold)))).toBe("memory_pressure");
  expect(asked).toBe(100_000);
});

const samples: [string, Uint8Array][] = [
  ["nothing", new Uint8Array(0)],
  ["one byte", Uint8Array.of(7)],
  ["60 bytes", text("x".repeat(60))],
  ["text", text("the quick brown fox jumps over the lazy dog, the quick brown fox ".repeat(99))],
  ["zeros over pieces", new Uint8Array(200_001)],
  ["noise", Uint8Array.from({ length: 70_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 23)],
];
test.each(samples)("round trip of %s", (_name, bytes) => {
  const encoded = encodeSnappy(bytes);
  expect(Buffer.compare(drain(decodeSnappy(encoded, MAX)), bytes)).toBe(0);
  const steps = decodeSnappy(encodeSnappy(new Uint8Array(MAX)), MAX);
  let count = 0;
  while (steps.next().done !== true) count++;
  expect(count).toBeGreaterThanOrEqual(3);
});

test("CRC-32C of the standard's example", () => {
  expect(crc32c(text("123456789"))).toBe(0xe3069283);
});

const head = [0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
const chunk = (kind: number, decoded: Uint8Array, data: Uint8Array, crc?: number): number[] => {
  const sum = crc ?? maskedChecksum(decoded);
  const bytes = [sum & 0xff, (sum >>> 8) & 0xff, (sum >>> 16) & 0xff, sum >>> 24, ...data];
  return [kind, bytes.length & 0xff, (bytes.length >>> 8) & 0xff, bytes.length >>> 16, ...bytes];
};

describe("framed", () => {
  const abc = text("abc");
  const check = (name: string, bytes: number[], want: string, max = MAX) =>
    test(`${name}: ${want}`, () =>
      expect(outcome(() => drain(decodeSnappyFramed(Uint8Array.from(bytes), max)))).toBe(want));
  check("nothing", [], "encoding_malformed");
  check("the identifier alone", head, "");
  check("plain", [...head, ...chunk(1, abc, abc)], "abc");
  check("compressed", [...head, ...chunk(0, abc, encodeSnappy(abc))], "abc");
  check(
    "both, padding and a second identifier",
    [
      ...head,
      ...chunk(1, abc, abc),
      0xfe,
      2,
      0,
      0,
      0,
      0,
      ...head,
      ...chunk(0, abc, encodeSnappy(abc)),
    ],
    "abcabc",
  );
  check("a wrong checksum", [...head, ...chunk(1, abc, abc, 5)], "encoding_malformed");
  check("no identifier", chunk(1, abc, abc), "encoding_malformed");
  check("a reserved type", [...head, 2, 0, 0, 0], "encoding_malformed");
  check("a chunk cut short", [...head, ...chunk(1, abc, abc).slice(0, -1)], "encoding_malformed");
  check("a header cut short", [...head, 1, 0], "encoding_malformed");
  check("a chunk without checksum", [...head, 1, 1, 0, 0, 9], "encoding_malformed");
  check(
    "2^30 declared in a chunk",
    [...head, ...chunk(0, abc, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 4))],
    "encoding_malformed",
  );
  check(
    "beyond the limit",
    [...head, ...chunk(1, abc, abc), ...chunk(1, abc, abc)],
    "wire_too_large",
    5,
  );
});

test("1,000 damaged blocks and streams end in an error of ours or in bytes", () => {
  const whole = encodeSnappy(text('http_requests_total{code="200"} 5\n'.repeat(50)));
  const stream = Uint8Array.from([
    ...head,
    ...chunk(0, text("abcabcabc"), encodeSnappy(text("abcabcabc"))),
  ]);
  let seed = 7;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const codes = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    for (const [source, framed] of [
      [whole, false],
      [stream, true],
    ] as const) {
      const bytes = source.slice(0, random(8) === 0 ? random(source.length) : source.length);
      for (let n = random(4) + 1; n > 0 && bytes.length > 0; n--)
        bytes[random(bytes.length)] = random(256);
      const run = (): Uint8Array =>
        drain(framed ? decodeSnappyFramed(bytes, MAX) : decodeSnappy(bytes, MAX));
      const got = outcome(run);
      if (/^[a-z]+_[a-z_]+$/.test(got) && !got.startsWith("http")) codes.add(got);
    }
  }
  expect(
    [...codes].filter((code) => code !== "encoding_malformed" && code !== "wire_too_large"),
  ).toEqual([]);
});
