/** Stages that find values in a line: `regex`, `json`, `logfmt`, `eventlogmessage`; and `replace`, which changes it. */
import { scanLogfmt } from "@triptych/lang";
// The only file that imports it: JMESPath as promtail's `json` stage takes it.
import jmespath from "jmespath";
import type { StageConfig } from "../../config/promtail/stages.ts";
import { partGroups, partSpans } from "../../regex/regex.ts";
import { type Entry, perEntry, type Stage, textOf } from "./entry.ts";
import { compileStageTemplate } from "./template.ts";

/** The text a stage works on: the line, or an extracted value; undefined when there is none. */
function inputOf(entry: Entry, source: string | undefined): string | undefined {
  return source === undefined ? entry.line : textOf(entry.extracted.get(source));
}

export function regexStage(config: StageConfig<"regex">): Stage {
  const { names, find } = partGroups(config.expression);
  if (names.length === 0) throw new Error("at least one named capture group is required");
  return perEntry((entry) => {
    const input = inputOf(entry, config.source);
    const found = input === undefined ? undefined : find(input);
    if (found === undefined) return true;
    for (const [i, name] of names.entries()) {
      const value = found[i] ?? "";
      entry.extracted.set(name, value);
      if (config.labels_from_groups) entry.labels.set(name, value);
    }
    return true;
  });
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function jsonStage(config: StageConfig<"json">): Stage {
  const read = [...config.expressions].map(
    ([name, expression]) => [name, compilePath(expression)] as const,
  );
  return perEntry((entry) => {
    const input = inputOf(entry, config.source);
    if (input === undefined) return true;
    let value: unknown;
    try {
      value = JSON.parse(input);
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return !config.drop_malformed;
    } catch {
      return !config.drop_malformed;
    }
    for (const [name, get] of read) entry.extracted.set(name, scalarOf(get(value)));
    return true;
  });
}

/** Most expressions are one name; the others are compiled by the library. Throws what is wrong with one. */
function compilePath(expression: string): (value: unknown) => unknown {
  if (PLAIN_NAME.test(expression))
    return (value) =>
      Object.hasOwn(value as object, expression)
        ? (value as { readonly [key: string]: unknown })[expression]
        : undefined;
  try {
    // Compiled once to be told of mistakes at the start.
    (jmespath as unknown as { compile(expression: string): unknown }).compile(expression);
  } catch (error) {
    throw new Error(
      `could not compile JMES expression ${JSON.stringify(expression)}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return (value) => {
    try {
      return jmespath.search(value, expression) as unknown;
    } catch {
      // A function that meets values of other types finds nothing.
      return undefined;
    }
  };
}

/** Objects and lists become their JSON; what is not there stays nothing. */
function scalarOf(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return typeof value === "object" ? JSON.stringify(value, sortedKeys) : value;
}

/** Go writes the keys of maps in their order. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function logfmtStage(config: StageConfig<"logfmt">): Stage {
  const wanted = new Map<string, string[]>();
  for (const [name, key] of config.mapping) wanted.set(key, [...(wanted.get(key) ?? []), name]);
  return perEntry((entry) => {
    const input = inputOf(entry, config.source);
    if (input === undefined) return true;
    scanLogfmt(input, false, (key, value) => {
      for (const name of wanted.get(key) ?? []) entry.extracted.set(name, value);
      return true;
    });
    return true;
  });
}

export function replaceStage(config: StageConfig<"replace">): Stage {
  const { names, findAll } = partSpans(config.expression);
  const template = compileStageTemplate(config.replace, "replace");
  const groupNames = [...names].map(([name, group]) => ({ name, group }));
  return perEntry((entry) => {
    const input = inputOf(entry, config.source);
    if (input === undefined || input === "") return true;
    const matches = findAll(input);
    if (matches.length === 0) return true;
    let out = "";
    let from = 0;
    const replaced = new Map<string, string>();
    for (const { starts, ends } of matches)
      for (let group = 1; group < starts.length; group++) {
        const start = starts[group] as number;
        if (start < 0) continue;
        const captured = input.slice(start, ends[group]);
        const by = template(entry, { value: captured });
        if (by === undefined) return true;
        // A group within another one has been replaced with it.
        if (from === 0 || from <= start) {
          out += input.slice(from, start) + by;
          from = ends[group] as number;
        }
        replaced.set(captured, by);
      }
    out += input.slice(from);
    const [first] = matches;
    for (const { name, group } of groupNames) {
      const start = first?.starts[group] ?? -1;
      if (start < 0) continue;
      const by = replaced.get(input.slice(start, first?.ends[group]));
      if (by !== undefined) entry.extracted.set(name, by);
    }
    if (config.source === undefined) entry.line = out;
    else entry.extracted.set(config.source, out);
    return true;
  });
}

const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The text of a Windows event: lines of `Key: value`. */
export function eventlogStage(config: StageConfig<"eventlogmessage">): Stage {
  return perEntry(({ extracted }) => {
    const input = textOf(extracted.get(config.source));
    if (input === undefined) return true;
    for (const line of input.split(/\r?\n/)) {
      const at = line.indexOf(":");
      if (at < 0) continue;
      let key = line.slice(0, at).trim();
      if (!FIELD_NAME.test(key)) {
        if (config.drop_invalid_labels) continue;
        key = key.replaceAll(/[^A-Za-z0-9_]/g, "_");
        if (/^\d/.test(key)) key = `_${key}`;
      }
      if (key === "") continue;
      const name = extracted.has(key) && !config.overwrite_existing ? `${key}_extracted` : key;
      extracted.set(name, line.slice(at + 1).trim());
    }
    return true;
  });
}
