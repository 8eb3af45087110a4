import { asTriptychError } from "@triptych/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decompress } from "./decompress.ts";
import { countZstdFrame } from "./zstd-count.ts";
import { walkZstdFrames } from "./zstd-frames.ts";

const MiB = 1024 * 1024;

/** 14,000 lines, packed by the reference encoder: compressed literals, all three tables sent, two blocks. */
const lines = Array.from(
  { length: 14_000 },
  (_, i) => `${i % 53} GET /${"abcdefghij".slice(0, i % 7)} ${(i * i) % 7}\n`,
).join("");
const packedLines = Buffer.from(
  "KLUv/QRYRBIARpoyFYApSQfAJ8cUyjmNELJTkoJcYgboITkAKAAmAL9vTVwUMhxXpyQsChmbPbdpxIpChkZLTRKhopCChoRReECYwoaDCxsMLDwUrKCBQAViABgGAgQGIv+vqqrbtm2bJEmSikLG7Mz8/7+qqm7btm2SJEkqChk7ERsNMUUh4wkz8///qqq6bdu2SZIkqShkzM7M//+rquq2bdsmSZKkopAxOzP/AUUhY3Zm/v9fVVW3bds2SZIkFYWM2Zn5/39VVd22bdskSZJUFDJmA4F9qFHgLrsB4UYiAUVeAxJQIBAYJNM0SdLt//+fAX3rB9SLwbtng/0eXEOYe21fyJkE21AnKoFJsA1xuBaqlaZNaIOzmdmobJENYmxrsdWDGwPFILaDaiBMbJAKA/NKauHkVjeupBbMrOXVvmkj2n42xmyXTcmWGJuIxftFpxGDpR1cgbDQMlyDHFEUrIJ1yBFFwSKwllUrTxtoo7Od2bBsJBvF2CT2cxsnmRikdlAJhLgkKQZsG2mFjY/PppFWmPi1nNqdNkebnc3M1rIJ2RJjU7HoK4/xYrCxgycQviuxDToiCZoKy6QjkqApwK7FasW0CW1+NjIblk1koxgbxE6m1iYQg8gOKoGQtTHPGGwDK6TFoLkk2jBxt5aq/dPG0PbZlNlSNiFbY2wqlrdlD/zfHgge7hSB4x75d9qMVIteSYRmB8OCBXimk4emgWlH/4nEIeZDEHDK4ifB57hPImjCzYDw+TL34h50VfSqoY8Kulz9Y1L9TNUCnipNAAAIZAEARHMdCAFIoLS+",
  "base64",
);

/** A window of 8 MiB and no size. */
const header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
/** One byte "A", then a copy of it 131,071 long; each of the three codes is always the same. */
const copies = [0x08, 0x41, 0x01, 0x54, 1, 0, 52, 0xfc, 0xff, 0x01];
/** The same, with the tables of the block before. */
const again = [0x08, 0x41, 0x01, 0xfc, 0xfc, 0xff, 0x01];
const block = (bytes: readonly number[], last: boolean): number[] => {
  const word = (bytes.length << 3) | (2 << 1) | (last ? 1 : 0);
  return [word & 0xff, (word >> 8) & 0xff, word >> 16, ...bytes];
};
const copied = (blocks: number): Buffer =>
  Buffer.from([
    ...header,
    ...block(copies, false),
    ...Array.from({ length: blocks - 2 }, () => block(again, false)).flat(),
    ...block(again, true),
  ]);

test("counts what the reference encoder packed", () => {
  expect(count(packedLines)).toBe(lines.length);
});

test("counts blocks whose tables hold one code, and those that name the tables before", async () => {
  const body = copied(20);
  expect(count(body)).toBe(20 * 128 * 1024);
  const decoded = await decompress(body, "zstd", 64 * MiB);
  expect(decoded.every((byte) => byte === 0x41)).toBe(true);
});

test("a bomb of copies is refused without being unpacked", async () => {
  let held = 0;
  const hold = (bytes: number): void => {
    held += bytes;
  };
  const thrown = await decompress(copied(8192), "zstd", 64 * MiB, hold).catch(asTriptychError);
  expect(thrown).toMatchObject({ code: "wire_too_large" });
  expect(held).toBe(0);
});

test("a table that no block had is refused", () => {
  const body = Buffer.from([...header, ...block(again, true)]);
  expect(() => count(body)).toThrow("names a table that no block had");
});

test("what is damaged is refused as malformed, or counted as the decoder counts it", async () => {
  const changed = fc.tuple(fc.nat(packedLines.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(changed, { minLength: 1, maxLength: 4 }), async (changes) => {
      const body = Buffer.from(packedLines);
      for (const [at, byte] of changes) body[at] = byte;
      const counted = attempt(() => count(body));
      const decoded = await decompress(body, "zstd", 64 * MiB).catch(() => undefined);
      if (decoded !== undefined) expect(counted).toBe(decoded.length);
    }),
    { numRuns: 500 },
  );
});

function count(body: Uint8Array): number {
  let total = 0;
  for (const frame of walkZstdFrames(body, 1024 * MiB)) {
    let bytes = 0;
    for (const grown of countZstdFrame(body, frame)) bytes = grown;
    total += bytes;
  }
  return total;
}

/** What the call gives, or the code of what it threw; anything but an error of ours is thrown on. */
function attempt(call: () => number): number | string {
  try {
    return call();
  } catch (thrown) {
    const { code } = asTriptychError(thrown);
    expect(["encoding_malformed", "wire_too_large"]).toContain(code);
    return code;
  }
}
