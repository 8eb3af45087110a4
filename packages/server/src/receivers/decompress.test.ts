import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { asTriptychError, TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { decompress } from "./decompress.ts";

const MiB = 1024 * 1024;
const text = Buffer.from(
  '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"GET /cart"}]}]}]}'.repeat(20),
);
/** Beyond what is decoded at once. */
const large = Buffer.from('{"name":"GET /cart"},\n'.repeat(300_000)).subarray(0, 6 * MiB);

// Written by the reference encoder: `text` with and without its size, and `large` without its size.
const zstdSized = Buffer.from(
  "KLUv/WRkBN0BALQCeyJyZXNvdXJjZVNwYW5zIjpbeyJzY29wbmFtZSI6IkdFVCAvY2FydCJ9XQQAHCHhgzkRLYVFuDkGo/qzgw==",
  "base64",
);
const zstdUnsized = Buffer.from(
  "KLUv/QRY3QEAtAJ7InJlc291cmNlU3BhbnMiOlt7InNjb3BuYW1lIjoiR0VUIC9jYXJ0In1dBAAcIeGDOREthUW4OQaj+rOD",
  "base64",
);
const zstdLarge = Buffer.from(
  "KLUv/QRo9AAAsHsibmFtZSI6IkdFVCAvY2FydCJ9LAoBAM7/M59NRAAAAAEA/f+ZTyBEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJFAAAAAQD9/zkAAv5UeFY=",
  "base64",
);

const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
/** A frame header with a window descriptor and no content size. */
const zstdHeader = (windowLog: number) => [...zstdMagic, 0x00, (windowLog - 10) << 3];
/** A block that repeats one byte; `size` up to 128 KiB. */
const zstdRepeat = (size: number, last: boolean) => {
  const word = (size << 3) | (1 << 1) | (last ? 1 : 0);
  return [word & 0xff, (word >> 8) & 0xff, word >> 16, 0x61];
};
const zstdBomb = (blocks: number, windowLog = 20) =>
  Buffer.from([
    ...zstdHeader(windowLog),
    ...Array.from({ length: blocks }, (_, i) => zstdRepeat(128 * 1024, i === blocks - 1)).flat(),
  ]);
/** The blocks of `zstdLarge`, all but the last, over and over: unknown size, decoded 128 KiB each. */
const zstdCompressedBomb = (() => {
  const tail = zstdLarge.length - 4;
  // All blocks after the first few are the same 11 bytes; see the base64 above.
  const block = zstdLarge.subarray(tail - 33, tail - 22);
  const repeats = Array.from({ length: 2000 }, () => block);
  return Buffer.concat([
    zstdLarge.subarray(0, tail - 22),
    ...repeats,
    zstdLarge.subarray(tail - 22),
  ]);
})();
const zstdDeclaring = (bytes: bigint) => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(bytes);
  return Buffer.concat([Buffer.from([...zstdMagic, 0xe0]), size, Buffer.from(zstdRepeat(9, true))]);
};
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

const zeroBomb = Buffer.alloc(80 * MiB);
const and = (...parts: Uint8Array[]) => Buffer.concat(parts);
const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 6);

const check = (name: string, encoding: string | undefined, body: Uint8Array, want: Uint8Array) =>
  test(name, async () => {
    let held = 0;
    const got = await decompress(body, encoding, 64 * MiB, (bytes) => {
      held += bytes;
    });
    expect(Buffer.compare(got, want)).toBe(0);
    expect(held).toBe(got === body ? 0 : want.length);
  });
const refuse = (
  name: string,
  encoding: string | undefined,
  body: Uint8Array,
  code: string,
  maxBytes = 64 * MiB,
) =>
  test(name, async () => {
    let held = 0;
    const error = await decompress(body, encoding, maxBytes, (bytes) => {
      held += bytes;
    }).then(
      (decoded) => `${decoded.length} bytes`,
      (thrown: unknown) => asTriptychError(thrown).code,
    );
    expect(error).toBe(code);
    expect(held).toBeLessThanOrEqual(maxBytes);
  });

describe("decodes", () => {
  check("no encoding", undefined, text, text);
  check("identity", "identity", text, text);
  check("gzip", "gzip", gzipSync(text), text);
  check("x-gzip", "x-gzip", gzipSync(text), text);
  check("gzip in capitals", " GZIP ", gzipSync(text), text);
  check("gzip of nothing", "gzip", gzipSync(Buffer.alloc(0)), Buffer.alloc(0));
  check("large gzip", "gzip", gzipSync(large), large);
  check("large stored gzip", "gzip", gzipSync(large, { level: 0 }), large);
  check("gzip in two members", "gzip", and(gzipSync(text), gzipSync(text)), and(text, text));
  check("deflate", "deflate", deflateSync(text), text);
  check("large deflate", "deflate", deflateSync(large), large);
  check("raw deflate", "deflate", deflateRawSync(text), text);
  check("large raw deflate", "deflate", deflateRawSync(large, { level: 1 }), large);
  check(
    "raw deflate that looks wrapped",
    "deflate",
    // A stored block whose padding and length read as a zlib header, then an empty last block.
    Buffer.from([0x78, 0x01, 0x00, 0xfe, 0xff, 0x61, 0x03, 0x00]),
    Buffer.from("a"),
  );
  check("zstd with its size", "zstd", zstdSized, text);
  check("zstd without its size", "zstd", zstdUnsized, text);
  check("large zstd", "zstd", zstdLarge, large);
  check("zstd in two frames", "zstd", and(zstdSized, zstdUnsized), and(text, text));
  check("zstd after a skippable frame", "zstd", and(skippable, zstdSized), text);
  check("zstd that is skippable only", "zstd", skippable, Buffer.alloc(0));
  check("zstd of repeated bytes", "zstd", zstdBomb(2), Buffer.alloc(2 * 128 * 1024, "a"));
});

describe("refuses", () => {
  for (const encoding of [
    "br",
    "lz4",
    "compress",
    "snappy",
    "gzip, gzip",
    "gzip,identity",
    "x".repeat(100_000),
  ]) {
    refuse(`encoding ${encoding.slice(0, 20)}`, encoding, text, "encoding_unsupported");
  }
  refuse("too large without encoding", undefined, text, "wire_too_large", 100);
  for (const [encoding, bytes] of [
    ["gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["zstd", zstdSized],
    ["zstd", zstdUnsized],
    ["gzip", gzipSync(large)],
    ["zstd", zstdLarge],
  ] as const) {
    const name = `${encoding} of ${bytes.length} bytes`;
    refuse(
      `${name}: one byte too large`,
      encoding,
      bytes,
      "wire_too_large",
      bytes === zstdLarge ? large.length - 1 : 1379,
    );
    refuse(`${name}: cut short`, encoding, cut(bytes), "encoding_malformed");
    refuse(
      `${name}: followed by rubbish`,
      encoding,
      and(bytes, Buffer.from("rubbish")),
      "encoding_malformed",
    );
    refuse(
      `${name}: followed by zeros`,
      encoding,
      and(bytes, Buffer.alloc(8)),
      "encoding_malformed",
    );
  }
  for (const encoding of ["gzip", "deflate", "zstd"]) {
    refuse(`${encoding}: empty`, encoding, Buffer.alloc(0), "encoding_malformed");
    refuse(`${encoding}: not compressed at all`, encoding, text, "encoding_malformed");
  }
  refuse(
    "wrong gzip checksum",
    "gzip",
    Buffer.from(gzipSync(text).map((b, i, all) => (i === all.length - 8 ? b ^ 1 : b))),
    "encoding_malformed",
  );
  refuse("gzip bomb", "gzip", gzipSync(zeroBomb), "wire_too_large");
  refuse("deflate bomb", "deflate", deflateSync(zeroBomb), "wire_too_large");
  refuse("small gzip bomb", "gzip", gzipSync(zeroBomb.subarray(0, 8 * MiB)), "wire_too_large", MiB);
  refuse(
    "gzip bomb in members",
    "gzip",
    and(...Array.from({ length: 70 }, () => gzipSync(zeroBomb.subarray(0, MiB)))),
    "wire_too_large",
  );
  refuse("zstd bomb of repeated bytes", "zstd", zstdBomb(8192), "wire_too_large");
  refuse("zstd bomb of compressed blocks", "zstd", zstdCompressedBomb, "wire_too_large");
  refuse(
    "zstd bomb in frames",
    "zstd",
    and(...Array.from({ length: 100 }, () => zstdBomb(8))),
    "wire_too_large",
  );
  refuse("zstd that declares 4 GiB", "zstd", zstdDeclaring(2n ** 32n), "wire_too_large");
  refuse("zstd that declares 2^64-1", "zstd", zstdDeclaring(2n ** 64n - 1n), "wire_too_large");
  refuse("zstd that declares more than it has", "zstd", zstdDeclaring(10n), "encoding_malformed");
  refuse("zstd that declares less than it has", "zstd", zstdDeclaring(8n), "encoding_malformed");
  refuse(
    "zstd with a window of 2 GiB",
    "zstd",
    Buffer.from([...zstdHeader(31), ...zstdRepeat(9, true)]),
    "encoding_malformed",
  );
  refuse(
    "zstd with a dictionary",
    "zstd",
    Buffer.from([...zstdMagic, 0x01, 0x50, 7, ...zstdRepeat(9, true)]),
    "encoding_malformed",
  );
  refuse(
    "zstd with a reserved block",
    "zstd",
    Buffer.from([...zstdHeader(20), 0x07, 0, 0]),
    "encoding_malformed",
  );
  refuse(
    "zstd in too many frames",
    "zstd",
    and(...Array.from({ length: 1025 }, () => skippable)),
    "encoding_malformed",
  );
});

test("a body that packs suspiciously well is decoded, and held once", async () => {
  const plain = Buffer.alloc(20 * 1024 * 1024, 7);
  plain.write("the end", plain.length - 7);
  for (const [name, packed] of [
    ["gzip", gzipSync(plain)],
    ["deflate", deflateSync(plain)],
  ] as const) {
    let held = 0;
    const decoded = await decompress(packed, name, plain.length, (bytes) => {
      held += bytes;
    });
    expect(Buffer.compare(decoded, plain), name).toBe(0);
    expect(held, name).toBe(plain.length);
  }
});

test("what the budget throws comes through", async () => {
  const full = () => {
    throw new TriptychError("memory_pressure", "full");
  };
  for (const [encoding, body] of [
    ["gzip", gzipSync(text)],
    ["gzip", gzipSync(large)],
    ["zstd", zstdSized],
    ["zstd", zstdLarge],
  ] as const) {
    await expect(decompress(body, encoding, MiB * 64, full)).rejects.toMatchObject({
      code: "memory_pressure",
    });
  }
});

test("damaged bodies are refused or decoded, never anything else", async () => {
  const bodies = [
    ["gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["zstd", zstdSized],
    ["zstd", zstdUnsized],
    ["zstd", zstdLarge],
  ] as const;
  let state = 42;
  const random = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  for (let i = 0; i < 400; i++) {
    const [encoding, whole] = bodies[random(bodies.length)] as (typeof bodies)[number];
    const body = Buffer.from(whole);
    for (let flips = 1 + random(3); flips > 0; flips--) body[random(body.length)] = random(256);
    const code = await decompress(body, encoding, 8 * MiB).then(
      () => "ok",
      (thrown: unknown) => asTriptychError(thrown).code,
    );
    expect(["ok", "encoding_malformed", "wire_too_large"]).toContain(code);
  }
});
