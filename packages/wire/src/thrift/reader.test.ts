/** Thrift's reader on what Jaeger's messages do not have: old heads, skipped values, sizes that lie. */
import { asTriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { bool, double, i32, i64, list, struct, text, writeStruct } from "./encode-for-tests.ts";
import { ThriftReader, type ThriftProtocol } from "./reader.ts";

const reader = (bytes: readonly number[], protocol: ThriftProtocol) =>
  new ThriftReader(Uint8Array.from(bytes), protocol);
const ascii = (value: string) => [...new TextEncoder().encode(value)];

describe("heads of calls", () => {
  const check = (name: string, bytes: number[], protocol: ThriftProtocol) =>
    test(name, () => expect(reader(bytes, protocol).message()).toBe("ping"));
  check("binary", [0x80, 1, 0, 1, 0, 0, 0, 4, ...ascii("ping"), 0, 0, 0, 1], "binary");
  check("binary without a version", [0, 0, 0, 4, ...ascii("ping"), 1, 0, 0, 0, 1], "binary");
  check("compact", [0x82, 0x21, 0x85, 1, 4, ...ascii("ping")], "compact");

  const refused = (name: string, bytes: number[], protocol: ThriftProtocol) =>
    test(name, () => {
      expect(() => reader(bytes, protocol).message()).toThrow(/Malformed thrift/);
    });
  refused("a version of binary that is not 1", [0x80, 2, 0, 1], "binary");
  refused("a version of compact that is not 1", [0x82, 0x22, 1, 0], "compact");
  refused("binary as compact", [0x80, 1, 0, 1], "compact");
  refused("a name longer than the message", [0, 0, 0, 200, 1], "binary");
});

describe("skipping", () => {
  const everything = [
    [1, bool(true)],
    [2, i32(-5)],
    [3, i64(-(2n ** 63n))],
    [4, double(1.5)],
    [5, text("x")],
    [6, list(...Array.from({ length: 20 }, () => bool(false)))],
    [300, struct([1, list(struct([2, bool(false)]))])],
    [301, i32(7)],
  ] as const;
  for (const protocol of ["binary", "compact"] as const)
    test(`${protocol}: the value after them is found`, () => {
      const bytes = reader(writeStruct(everything, protocol), protocol);
      bytes.enterStruct();
      let last = 0;
      while (bytes.field()) {
        if (bytes.fieldId === 301) last = bytes.i32();
        else bytes.skip(bytes.fieldType);
      }
      expect(last).toBe(7);
      expect(bytes.pos).toBe(bytes.end);
    });

  test("maps in both encodings", () => {
    const binary = reader([8, 11, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 65], "binary");
    binary.skip(13);
    expect(binary.pos).toBe(binary.end);
    const compact = reader([1, 0x58, 18, 1, 65], "compact");
    compact.skip(13);
    expect(compact.pos).toBe(compact.end);
    const empty = reader([0], "compact");
    empty.skip(13);
    expect(empty.pos).toBe(1);
  });
});

describe("numbers", () => {
  const extremes = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 49n, -(2n ** 49n) - 1n];
  for (const value of extremes)
    test(`${value} in both encodings`, () => {
      for (const protocol of ["binary", "compact"] as const) {
        const bytes = reader(writeStruct([[1, i64(value)]], protocol), protocol);
        bytes.enterStruct();
        bytes.field();
        expect(bytes.i64()).toBe(value);
      }
    });

  test("a number that does not end is refused", () => {
    const bytes = reader(Array(20).fill(0xff), "compact");
    let code = "";
    try {
      bytes.i64();
    } catch (thrown) {
      code = asTriptychError(thrown).code;
    }
    expect(code).toBe("wire_malformed");
  });
});
