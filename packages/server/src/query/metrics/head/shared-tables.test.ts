/** Who reads while another thread writes reads again. */
import { expect, test } from "vitest";
import { readUnchanged, SharedTables } from "./shared-tables.ts";

test("what was read while something was written is read again", () => {
  const tables = new SharedTables();
  let reads = 0;
  const result = readUnchanged(tables.version, () => {
    reads++;
    // As another thread would, in the middle of the first two readings.
    if (reads < 3) tables.write(() => undefined);
    return reads;
  });
  expect(result).toBe(3);
  expect(readUnchanged(tables.version, () => "still")).toBe("still");
});

test("while somebody writes nothing is read", () => {
  const tables = new SharedTables();
  tables.write(() => {
    expect(tables.version[0] as number).toBe(1);
  });
  expect(tables.version[0] as number).toBe(2);
  expect(() =>
    tables.write(() => {
      throw new Error("in the middle");
    }),
  ).toThrow("in the middle");
  // Readers would wait for ever if it stayed odd.
  expect(tables.version[0] as number).toBe(4);
});

test("who comes later is told of what is there, and of what comes and goes", () => {
  const tables = new SharedTables();
  const buffer = new SharedArrayBuffer(8);
  tables.pages.made(0, buffer);
  tables.pages.made(1, buffer);
  tables.pages.dropped(0);
  tables.slabs(0, buffer);
  const told: string[] = [];
  const leave = tables.watch({
    made: (number) => told.push(`made ${number}`),
    dropped: (number) => told.push(`dropped ${number}`),
    slab: (number) => told.push(`slab ${number}`),
  });
  tables.pages.made(2, buffer);
  tables.pages.dropped(1);
  leave();
  tables.pages.dropped(2);
  expect(told).toEqual(["slab 0", "made 1", "made 2", "dropped 1"]);
});
