/**
 * Finds a few wanted attributes of spans without making text of any: names are looked up once in a batch, and one pass
 * over a span's attributes says at which entry each wanted one is.
 */
import type { AttributeColumns, SpanBatch } from "@triptych/model";

export interface FoundAttributes {
  /** Looks at the attributes of a span; `entries` then are its own. */
  span(row: number): void;
  /** By number of the wanted name: the entry in `batch.attributes`, or -1. Overwritten by the next call of `span`. */
  readonly entries: Int32Array;
  /** The same for a resource, in `batch.resources.attributes`; kept for the batch. */
  resource(resource: number): Int32Array;
}

export function findAttributes(names: readonly string[], batch: SpanBatch): FoundAttributes {
  const { keys, attributes, resources } = batch;
  const wanted = new Int16Array(keys.size).fill(-1);
  let isAny = false;
  names.forEach((name, index) => {
    const id = keys.find(name);
    if (id < 0) return;
    wanted[id] = index;
    isAny = true;
  });
  const entries = new Int32Array(names.length).fill(-1);
  const none = new Int32Array(names.length).fill(-1);
  const ofResources: Int32Array[] = [];
  const fill = (columns: AttributeColumns, row: number, out: Int32Array): void => {
    out.fill(-1);
    const end = columns.offsets[row + 1] as number;
    for (let entry = columns.offsets[row] as number; entry < end; entry++) {
      const index = wanted[columns.keys[entry] as number] as number;
      if (index >= 0) out[index] = entry;
    }
  };
  return {
    entries,
    span(row) {
      if (isAny) fill(attributes, row, entries);
    },
    resource(resource) {
      if (!isAny) return none;
      let found = ofResources[resource];
      if (found === undefined) {
        found = new Int32Array(names.length);
        fill(resources.attributes, resource, found);
        ofResources[resource] = found;
      }
      return found;
    },
  };
}

/** A list of names without doubles, and the number of each. */
export interface WantedNames {
  readonly names: readonly string[];
  /** The number of a name; it is added when it is new. */
  index(name: string): number;
}

export function createWantedNames(): WantedNames {
  const names: string[] = [];
  return {
    names,
    index(name) {
      const known = names.indexOf(name);
      return known >= 0 ? known : names.push(name) - 1;
    },
  };
}

/** Nanoseconds between start and end of a span, never below zero. */
export function durationNs({ startWords, endWords }: SpanBatch, row: number): number {
  const high = (endWords[row * 2 + 1] as number) - (startWords[row * 2 + 1] as number);
  const low = (endWords[row * 2] as number) - (startWords[row * 2] as number);
  return Math.max(0, high * 0x1_0000_0000 + low);
}

/** Milliseconds since 1970 at which a span ended. */
export function endMs({ endWords }: SpanBatch, row: number): number {
  const ns = (endWords[row * 2 + 1] as number) * 0x1_0000_0000 + (endWords[row * 2] as number);
  return ns / 1e6;
}

export function startMs({ startWords }: SpanBatch, row: number): number {
  const ns = (startWords[row * 2 + 1] as number) * 0x1_0000_0000 + (startWords[row * 2] as number);
  return ns / 1e6;
}

const INVALID = /[^a-zA-Z0-9_]/g;

/** An attribute's name as a label's; one that is `taken` already gets two underscores before it. */
export function labelName(attribute: string, taken: ReadonlySet<string>): string {
  const clean = attribute.replace(INVALID, "_");
  const name = /^\d/.test(clean) ? `_${clean}` : clean;
  return taken.has(name) ? `__${name}` : name;
}
