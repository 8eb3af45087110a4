/**
 * Reading the store's answers: each `…Cells(block, name)` finds a column once and returns a function from row number to
 * value, so that a loop over rows does no look-ups. A missing or differently typed column is a bug of ours.
 */
import { assert } from "@triptych/model";
import type { NativeBlock, NativeData } from "@triptych/wire";

export type Cell<T> = (row: number) => T;
export type Entry = readonly [key: string, value: string];

/** All rows of an answer, in order: `read` is called once per block and gives the reader of its rows. */
export function readRows<T>(
  answer: { readonly blocks: readonly NativeBlock[] },
  read: (block: NativeBlock) => Cell<T>,
): T[] {
  const out: T[] = [];
  for (const block of answer.blocks) {
    if (block.rows === 0) continue;
    const cell = read(block);
    for (let row = 0; row < block.rows; row++) out.push(cell(row));
  }
  return out;
}

export function textCells(block: NativeBlock, name: string): Cell<string> {
  return textAt(dataOf(block, name), name);
}
/** Integers of any width and floats as doubles; NULL as NaN. */
export function numberCells(block: NativeBlock, name: string): Cell<number> {
  return numberAt(dataOf(block, name), name);
}
/** 64-bit integers and `DateTime64`, exact. */
export function bigintCells(block: NativeBlock, name: string): Cell<bigint> {
  return bigintAt(dataOf(block, name), name);
}
/** `Map(String, String)`: its entries in their order. */
export function mapCells(block: NativeBlock, name: string): Cell<Entry[]> {
  return mapAt(dataOf(block, name), name);
}
/** The same, but rows with the same entries get the same array: nobody may change it. */
export function sharedMapCells(block: NativeBlock, name: string): Cell<readonly Entry[]> {
  const data = dataOf(block, name);
  assert(data.kind === "map", `column "${name}" holds maps, not ${data.kind}`);
  const { offsets, keys, values } = data;
  assert(keys.kind === "text" && values.kind === "text", `column "${name}" holds texts`);
  const read = mapAt(data, name);
  const length = (row: number): number => (offsets[row + 1] as number) - (offsets[row] as number);
  const hashOf = (row: number): number => {
    let hash = length(row);
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
      hash = Math.imul(Math.imul(hash, 31) ^ keys.hash(i), 31) ^ values.hash(i);
    return hash;
  };
  const isSame = (row: number, other: number): boolean => {
    if (length(row) !== length(other)) return false;
    const from = offsets[row] as number;
    const to = offsets[other] as number;
    for (let i = 0; i < length(row); i++)
      if (!keys.same(from + i, to + i) || !values.same(from + i, to + i)) return false;
    return true;
  };
  const known = new Map<number, { readonly row: number; readonly entries: readonly Entry[] }[]>();
  return (row) => {
    const hash = hashOf(row);
    const alike = known.get(hash) ?? [];
    const found = alike.find((one) => isSame(row, one.row));
    if (found !== undefined) return found.entries;
    const entries = read(row);
    // Texts that share a number are few by chance; of more the rest is read each time.
    if (alike.length < 8) known.set(hash, [...alike, { row, entries }]);
    return entries;
  };
}

export function textsCells(block: NativeBlock, name: string): Cell<string[]> {
  return arrayAt(dataOf(block, name), name, textAt);
}
export function numbersCells(block: NativeBlock, name: string): Cell<number[]> {
  return arrayAt(dataOf(block, name), name, numberAt);
}
export function bigintsCells(block: NativeBlock, name: string): Cell<bigint[]> {
  return arrayAt(dataOf(block, name), name, bigintAt);
}
/** `Array(Map(String, String))`. */
export function mapsCells(block: NativeBlock, name: string): Cell<Entry[][]> {
  return arrayAt(dataOf(block, name), name, mapAt);
}

function dataOf(block: NativeBlock, name: string): NativeData {
  const column = block.columns.find((candidate) => candidate.name === name);
  assert(column !== undefined, `the answer has a column "${name}"`);
  return column.data;
}

function textAt(data: NativeData, name: string): Cell<string> {
  if (data.kind === "nullable") {
    const { nulls } = data;
    const inner = textAt(data.inner, name);
    return (row) => (nulls[row] === 1 ? "" : inner(row));
  }
  assert(data.kind === "text", `column "${name}" holds text, not ${data.kind}`);
  return data.text;
}

function numberAt(data: NativeData, name: string): Cell<number> {
  if (data.kind === "nullable") {
    const { nulls } = data;
    const inner = numberAt(data.inner, name);
    return (row) => (nulls[row] === 1 ? Number.NaN : inner(row));
  }
  if (data.kind === "bigint") {
    const { values } = data;
    return (row) => Number(values[row]);
  }
  assert(data.kind === "number", `column "${name}" holds numbers, not ${data.kind}`);
  const { values } = data;
  return (row) => values[row] as number;
}

function bigintAt(data: NativeData, name: string): Cell<bigint> {
  assert(data.kind === "bigint", `column "${name}" holds 64-bit integers, not ${data.kind}`);
  const { values } = data;
  return (row) => values[row] as bigint;
}

function mapAt(data: NativeData, name: string): Cell<Entry[]> {
  assert(data.kind === "map", `column "${name}" holds maps, not ${data.kind}`);
  const { offsets } = data;
  const key = textAt(data.keys, name);
  const value = textAt(data.values, name);
  return (row) => {
    const entries: Entry[] = [];
    const end = offsets[row + 1] as number;
    for (let i = offsets[row] as number; i < end; i++) entries.push([key(i), value(i)]);
    return entries;
  };
}

function arrayAt<T>(
  data: NativeData,
  name: string,
  itemAt: (data: NativeData, name: string) => Cell<T>,
): Cell<T[]> {
  assert(data.kind === "array", `column "${name}" holds arrays, not ${data.kind}`);
  const { offsets } = data;
  const item = itemAt(data.items, name);
  return (row) => {
    const items: T[] = [];
    const end = offsets[row + 1] as number;
    for (let i = offsets[row] as number; i < end; i++) items.push(item(i));
    return items;
  };
}
