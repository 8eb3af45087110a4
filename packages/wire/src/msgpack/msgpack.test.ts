/** MessagePack: every type, however the bytes are cut, and bytes that are none. */
import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MsgpackReader } from "./reader.ts";
import { createMsgpackScanner } from "./scanner.ts";
import { encodeMsgpack, type MsgpackOut } from "./writer.ts";

const check = (hex: string, want: unknown) =>
  test(hex, () => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    expect(new MsgpackReader(bytes, 10).value()).toEqual(want);
    expect(createMsgpackScanner(1_000).scan(bytes, bytes.length)).toBe(bytes.length);
  });
check("c0", null);
check("c2", false);
check("c3", true);
check("7f", 127);
check("ff", -1);
check("cc ff", 255);
check("cd ffff", 65_535);
check("ce ffffffff", 4_294_967_295);
check("cf 001fffffffffffff", 9_007_199_254_740_991);
check("cf ffffffffffffffff", 18_446_744_073_709_551_615n);
check("d0 80", -128);
check("d1 8000", -32_768);
check("d2 80000000", -2_147_483_648);
check("d3 8000000000000000", -9_223_372_036_854_775_808n);
check("ca 3fc00000", 1.5);
check("cb 3ff8000000000000", 1.5);
check("a3 616263", "abc");
check("d9 01 61", "a");
check("da 0001 61", "a");
check("db 00000001 61", "a");
check("c4 01 61", "a");
check("c5 0001 61", "a");
check("c6 00000001 61", "a");
check("92 01 a161", [1, "a"]);
check("dc 0001 01", [1]);
check("dd 00000001 01", [1]);
check("81 a161 01", { a: 1 });
check("de 0001 01 02", { "1": 2 });
check("df 00000001 a161 90", { a: [] });
check("d7 00 00000001 00000002", "1.000000002");
check("c7 08 00 00000001 00000002", "1.000000002");
check("d4 05 ff", "ff");
check("d5 05 ffff", "ffff");
check("d6 05 ffffffff", "ffffffff");
check("d8 05 ffffffffffffffffffffffffffffffff", "ff".repeat(16));
check("c8 0001 05 ff", "ff");
check("c9 00000001 05 ff", "ff");
check("81 a9 5f5f70726f746f5f5f 01", Object.fromEntries([["__proto__", 1]]));

// Keys that are no text are named by their JSON.
check("81 80 01", { "{}": 1 });
check("82 81 a161 02 01 91 c0 02", { '{"a":2}': 1, "[null]": 2 });
check("81 cb 3ff8000000000000 01", { "1.5": 1 });

const value = fc.letrec<{ any: MsgpackOut }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.string({ maxLength: 300 }),
    fc.array(tie("any"), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie("any"), { maxKeys: 5 }),
  ),
})).any;

test("what is written is read, however it is cut", () => {
  fc.assert(
    fc.property(value, fc.nat(), (given, cut) => {
      const bytes = encodeMsgpack(given);
      expect(JSON.stringify(new MsgpackReader(bytes, 20).value())).toBe(JSON.stringify(given));
      const scanner = createMsgpackScanner(1_000_000);
      const at = cut % bytes.length;
      expect(scanner.scan(bytes, at)).toBe(-1);
      expect(scanner.scan(bytes, bytes.length)).toBe(bytes.length);
    }),
    { numRuns: 200 },
  );
});

test("any bytes are read or refused", () => {
  // Containers follow each other more often than bytes by chance would have them.
  const nested = fc.array(
    fc.oneof(
      fc.constantFrom(0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0xa0, 0xa1, 0xc0, 0xc3),
      fc.integer({ min: 0, max: 255 }),
    ),
    { maxLength: 60 },
  );
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    nested.map((given) => new Uint8Array(given)),
  );
  fc.assert(
    fc.property(some, (bytes) => {
      for (const read of [
        () => new MsgpackReader(bytes, 5).value(),
        () => new MsgpackReader(bytes, 5).skip(),
        () => createMsgpackScanner(100).scan(bytes, bytes.length),
      ]) {
        try {
          read();
        } catch (error) {
          expect(error).toBeInstanceOf(TriptychError);
          expect((error as TriptychError).code).toMatch(/^wire_/);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
