/** What a value of the configuration can be: each kind reads a node, and knows what stands in for one left out. */
import { isAbsolute, join } from "node:path";
import { noSecret, type Secret, secretOf } from "./secret.ts";
import type { Entry, YamlNode, YamlReader } from "./yaml-reader.ts";

export interface Kind<T> {
  /** When the key is not there. */
  readonly initial: (reader: YamlReader) => T;
  /** Reads what is there; null gives the zero of the kind, as in Go. */
  readonly read: (reader: YamlReader, node: YamlNode) => T;
}

export type Of<K> = K extends Kind<infer T> ? T : never;
export type Fields = { readonly [key: string]: Kind<unknown> };
export type Struct<F extends Fields> = { readonly [K in keyof F]: Of<F[K]> };

function scalar<T>(
  type: string,
  zero: T,
  parse: (text: string) => T | undefined,
): (initial?: T) => Kind<T> {
  return (initial = zero) => ({
    initial: () => initial,
    read(reader, node) {
      const text = reader.text(node, type);
      if (text === undefined) return zero;
      const value = type !== "string" && reader.isText(node) ? undefined : parse(text);
      if (value !== undefined) return value;
      reader.note(node, `cannot unmarshal !!str \`${text.slice(0, 40)}\` into ${type}`);
      return zero;
    },
  });
}

export const text = scalar("string", "", (given) => given);

/** YAML 1.1's words, as Go's reader takes them for a bool. */
export const bool = scalar("bool", false, (given) =>
  /^(?:y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)$/.test(given)
    ? true
    : /^(?:n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/.test(given)
      ? false
      : undefined,
);

const WHOLE = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9]\d*|0)$/;
const FRACTION = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** A whole number as Go's reader takes it: in any base, and what has a fraction without it. */
function whole(given: string): number | undefined {
  const plain = given.replaceAll("_", "");
  const [, sign, digits = ""] = WHOLE.exec(plain) ?? [];
  const isOctal = /^0[0-7]/.test(digits);
  const value =
    sign === undefined
      ? FRACTION.test(plain)
        ? Math.trunc(Number(plain))
        : Number.NaN
      : Number(isOctal ? `0o${digits.slice(1)}` : digits) * (sign === "-" ? -1 : 1);
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

export const integer = scalar("int", 0, whole);

/** Not below zero. */
export const count = scalar("uint", 0, (given) => {
  const value = whole(given);
  return value !== undefined && value >= 0 ? value : undefined;
});

export const bigCount = scalar("uint64", 0n, (given) =>
  /^\d{1,20}$/.test(given) && BigInt(given) < 1n << 64n ? BigInt(given) : undefined,
);

export const float = scalar("float64", 0, (given) =>
  given.trim() !== "" && Number.isFinite(Number(given)) ? Number(given) : undefined,
);

/** True, false, or not said. */
export const maybeBool: Kind<boolean | undefined> = {
  initial: () => undefined,
  read: (reader, node) => (reader.isNull(node) ? undefined : bool().read(reader, node)),
};

/** A scalar that `parse` reads; what it throws is the problem, word for word. */
export function parsed<T>(initial: T, zero: T, parse: (text: string) => T): Kind<T> {
  return {
    initial: () => initial,
    read(reader, node) {
      const given = reader.text(node, "string");
      if (given === undefined) return zero;
      return checked(reader, node, () => parse(given));
    },
  };
}

/** Runs a check; the message of what it throws becomes a problem at `node`. */
export function checked<T>(reader: YamlReader, node: YamlNode, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Problem) return reader.fail(node, error.message);
    throw error;
  }
}

/** What a check throws: Prometheus' words, without the place. */
export class Problem extends Error {}

export function problem(message: string): never {
  throw new Problem(message);
}

/** One of some words; `wrong` says what is wrong with another. */
export function oneOf<T extends string>(
  words: readonly T[],
  initial: T,
  wrong: (given: string) => string,
): Kind<T> {
  return parsed(
    initial,
    initial,
    (given) => words.find((word) => word === given) ?? problem(wrong(given)),
  );
}

/** A path, relative to the file that names it; "" is none. */
export const path: Kind<string> = {
  initial: () => "",
  read: (reader, node) => inDirectory(reader.directory, reader.text(node, "string") ?? ""),
};

export function inDirectory(directory: string, file: string): string {
  return file === "" || isAbsolute(file) ? file : join(directory, file);
}

export const secret: Kind<Secret> = {
  initial: () => noSecret,
  read(reader, node) {
    const given = reader.text(node, "config.Secret");
    if (given === undefined || given === "") return noSecret;
    return secretOf(given);
  },
};

export function list<T>(item: Kind<T>, initial: readonly T[] = []): Kind<readonly T[]> {
  return {
    initial: () => initial,
    read: (reader, node) => reader.items(node, "list").map((one) => item.read(reader, one)),
  };
}

/** A list, or undefined when the key is not there or null. */
export function maybeList<T>(item: Kind<T>): Kind<readonly T[] | undefined> {
  return maybe(list(item));
}

/** A list whose items may not be null: `empty` says so in Prometheus' words. */
export function fullList<T>(item: Kind<T>, empty: string): Kind<readonly T[]> {
  return {
    initial: () => [],
    read: (reader, node) =>
      reader
        .items(node, "list")
        .map((one) => (reader.isNull(one) ? reader.fail(one, empty) : item.read(reader, one))),
  };
}

/** A map of names to values; keys in the order of the file. */
export function map<T>(value: Kind<T>): Kind<ReadonlyMap<string, T>> {
  return {
    initial: () => new Map(),
    read(reader, node) {
      const out = new Map<string, T>();
      for (const { key, keyNode, value: one } of reader.entries(node, "map")) {
        if (out.has(key)) reader.note(keyNode, `key ${JSON.stringify(key)} already set in map`);
        out.set(key, value.read(reader, one));
      }
      return out;
    },
  };
}

/** A part that may be left out; null leaves it out too. */
export function maybe<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    initial: () => undefined,
    read: (reader, node) => (reader.isNull(node) ? undefined : kind.read(reader, node)),
  };
}

export interface CheckContext {
  /** The keys that are there. */
  readonly given: ReadonlySet<string>;
}

/**
 * A map with known keys. `type` is what Prometheus calls it in messages. `check` sees the whole: it returns it, or
 * another, or throws a `Problem`. Left out or null, all keys have their initial values, unchecked.
 */
export function struct<F extends Fields>(type: string, fields: F): Kind<Struct<F>>;
export function struct<F extends Fields, T>(
  type: string,
  fields: F,
  check: (value: Struct<F>, context: CheckContext) => T,
): Kind<T>;
export function struct<F extends Fields, T>(
  type: string,
  fields: F,
  check?: (value: Struct<F>, context: CheckContext) => T,
): Kind<Struct<F> | T> {
  const build = (reader: YamlReader, found: ReadonlyMap<string, Entry>): Struct<F> => {
    const out: { [key: string]: unknown } = {};
    for (const [key, kind] of Object.entries(fields)) {
      const entry = found.get(key);
      out[key] = entry === undefined ? kind.initial(reader) : kind.read(reader, entry.value);
    }
    return out as Struct<F>;
  };
  return {
    initial: (reader) => build(reader, new Map()),
    read(reader, node) {
      const found = new Map<string, Entry>();
      for (const entry of reader.entries(node, type)) {
        if (!Object.hasOwn(fields, entry.key))
          reader.note(entry.keyNode, `field ${entry.key} not found in type ${type}`);
        else if (found.has(entry.key))
          reader.note(entry.keyNode, `field ${entry.key} already set in type ${type}`);
        else found.set(entry.key, entry);
      }
      const value = build(reader, found);
      const given = new Set(found.keys());
      if (check === undefined) return value;
      return checked(reader, node, () => check(value, { given }));
    },
  };
}
