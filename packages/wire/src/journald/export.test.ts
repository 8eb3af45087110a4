import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createJournalExportReader, type JournalEntry, journalEntryOfJson } from "./export.ts";

const encoder = new TextEncoder();

function binary(name: string, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(name.length + 1 + 8 + value.length + 1);
  out.set(encoder.encode(`${name}\n`));
  new DataView(out.buffer).setBigUint64(name.length + 1, BigInt(value.length), true);
  out.set(value, name.length + 9);
  out[out.length - 1] = 0x0a;
  return out;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function read(bytes: Uint8Array, pieceBytes: number): JournalEntry[] {
  const reader = createJournalExportReader();
  const out: JournalEntry[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    out.push(...reader.push(bytes.subarray(at, at + pieceBytes)));
  out.push(...reader.end());
  return out;
}

test("entries with text and binary fields, in pieces of any size", () => {
  const bytes = joined([
    encoder.encode("__CURSOR=s=1;i=2\nMESSAGE=a=b\n"),
    binary("OTHER", encoder.encode("two\n\nlines=x")),
    encoder.encode("\n\nMESSAGE=last\n"),
  ]);
  for (const size of [1, 2, 7, 1000])
    expect(read(bytes, size).map((entry) => Object.fromEntries(entry))).toEqual([
      { __CURSOR: "s=1;i=2", MESSAGE: "a=b", OTHER: "two\n\nlines=x" },
      { MESSAGE: "last" },
    ]);
});

test("what is written is read, whatever the values hold", () => {
  const entries = fc.array(fc.uniqueArray(fc.string({ unit: "binary" }), { minLength: 1 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 64 }), (values, size) => {
      const want = values.map((list) => list.map((value, i) => [`F${i}`, value] as const));
      const bytes = joined(
        want.flatMap((list) => [
          ...list.map(([name, value]) => binary(name, encoder.encode(value))),
          encoder.encode("\n"),
        ]),
      );
      const found = read(bytes, size).map((entry) => [...entry]);
      expect(found).toEqual(
        want.map((list) =>
          list.map(([name, value]) => [
            name,
            new TextDecoder().decode(encoder.encode(value), { stream: true }),
          ]),
        ),
      );
    }),
    { numRuns: 60 },
  );
});

describe("what is refused", () => {
  const check = (name: string, bytes: Uint8Array): void =>
    test(name, () => expect(() => read(bytes, 64)).toThrow(/export format/));
  const lie = binary("A", encoder.encode("xy"));
  new DataView(lie.buffer).setBigUint64(2, 1n << 60n, true);
  check("a length beyond all bounds", lie);
  check("a field without a name", encoder.encode("=x\n"));
  const short = binary("A", encoder.encode("xyz"));
  new DataView(short.buffer).setBigUint64(2, 2n, true);
  check("a length that is too small", short);
});

test("JSON entries", () => {
  const line = '{"MESSAGE":[104,105,255],"A":["1","2"],"B":null,"C":"x","D":[]}';
  expect(Object.fromEntries(journalEntryOfJson(line) ?? [])).toEqual({
    MESSAGE: "hi\ufffd",
    A: "2",
    C: "x",
    D: "",
  });
  expect(journalEntryOfJson("[]")).toBeUndefined();
  expect(journalEntryOfJson("{")).toBeUndefined();
});
