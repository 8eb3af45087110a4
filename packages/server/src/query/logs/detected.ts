/** What can be found in lines: fields with their kind of value, and how many values they have. */
import {
  JsonScan,
  jsonText,
  labelNameOf,
  parseBytes,
  parseGoDurationNs,
  scanLogfmt,
} from "@triptych/lang";
import type { Pair } from "./loki-labels.ts";

export interface DetectedField {
  readonly label: string;
  readonly type: "string" | "int" | "float" | "boolean" | "duration" | "bytes";
  readonly cardinality: number;
  readonly parsers: readonly string[] | null;
  readonly jsonPath?: readonly string[];
}

interface Found {
  readonly values: Set<string>;
  readonly parsers: Set<string>;
  jsonPath: readonly string[] | undefined;
  type: DetectedField["type"] | undefined;
}

export interface Detector {
  add(line: {
    readonly text: string;
    readonly metadata: readonly Pair[];
    readonly parsed: readonly Pair[];
    readonly stream: readonly Pair[];
  }): void;
  fields(limit: number): DetectedField[];
  values(label: string, limit: number): string[];
}

const FIELDS_MAX = 1_000;
const VALUES_MAX = 1_000;
const DEPTH_MAX = 8;
/** They say of the line what everyone knows. */
const HIDDEN = new Set(["__error__", "__error_details__"]);

export function createDetector(): Detector {
  const found = new Map<string, Found>();
  const note = (
    label: string,
    value: string,
    from: { parser?: string; path?: readonly string[] },
  ): void => {
    if (label === "" || HIDDEN.has(label)) return;
    let field = found.get(label);
    if (field === undefined) {
      if (found.size >= FIELDS_MAX) return;
      field = { values: new Set(), parsers: new Set(), jsonPath: undefined, type: undefined };
      found.set(label, field);
    }
    if (field.values.size < VALUES_MAX) field.values.add(value);
    if (from.parser !== undefined) field.parsers.add(from.parser);
    field.jsonPath ??= from.path;
    field.type = joinedType(field.type, typeOf(value));
  };
  return {
    add({ text, metadata, parsed, stream }) {
      for (const [name, value] of metadata) note(name, value, {});
      const taken = new Set([...stream, ...metadata].map(([name]) => name));
      const own = (name: string): string => (taken.has(name) ? `${name}_extracted` : name);
      // The text is looked at though the query has parsed it: only that tells which parser gives a field.
      for (const [name, value] of parsed) note(name, value, {});
      if (text.startsWith("{"))
        eachJson(text, (path, value) => {
          note(own(labelNameOf(path.join("_"))), value, { parser: "json", path });
        });
      else
        scanLogfmt(text, false, (key, value) => {
          if (value !== "") note(own(labelNameOf(key)), value, { parser: "logfmt" });
          return true;
        });
    },
    fields: (limit) =>
      [...found].slice(0, limit).map(([label, field]) => ({
        label,
        type: field.type ?? "string",
        cardinality: field.values.size,
        parsers: field.parsers.size === 0 ? null : [...field.parsers],
        ...(field.jsonPath === undefined ? {} : { jsonPath: field.jsonPath }),
      })),
    values: (label, limit) => [...(found.get(label)?.values ?? [])].slice(0, limit),
  };
}

function eachJson(text: string, take: (path: readonly string[], value: string) => void): void {
  const walk = (scan: JsonScan, path: readonly string[]): void =>
    scan.members((key, value) => {
      const here = [...path, text.slice(key.start, key.end)];
      if (value.kind === "object") {
        if (here.length < DEPTH_MAX) walk(new JsonScan(text, value.start), here);
      } else if (value.kind !== "array" && value.kind !== "null") take(here, jsonText(text, value));
      return true;
    });
  try {
    walk(new JsonScan(text), []);
  } catch {
    // What was found until the mistake is something.
  }
}

function typeOf(value: string): DetectedField["type"] {
  if (/^[+-]?\d{1,18}$/.test(value)) return "int";
  if (/^[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return "float";
  if (value === "true" || value === "false") return "boolean";
  if (!/^[+-]?\d/.test(value)) return "string";
  if (reads(parseGoDurationNs, value)) return "duration";
  return reads(parseBytes, value) ? "bytes" : "string";
}

function reads(parse: (text: string) => number, value: string): boolean {
  try {
    parse(value);
    return true;
  } catch {
    return false;
  }
}

function joinedType(
  before: DetectedField["type"] | undefined,
  now: DetectedField["type"],
): DetectedField["type"] {
  if (before === undefined || before === now) return now;
  const numbers = new Set([before, now]);
  return numbers.has("int") && numbers.has("float") ? "float" : "string";
}
