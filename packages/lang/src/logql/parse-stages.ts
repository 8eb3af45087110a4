/** Stages that make labels of what is in a line. */
import type { Extraction, ParserStage } from "./ast.ts";
import { type JsonPlace, JsonScan, JsonScanError, jsonText, unescaped } from "./json-scan.ts";
import { findJson, parseJsonPath } from "./json-path.ts";
import { createNames, namePartOf } from "./label-names.ts";
import { errors, type Line, type PipelineDeps, type Stage } from "./line.ts";
import { scanLogfmt } from "./logfmt.ts";
import { parseLinePattern } from "./pattern.ts";

/** A line with more is cut: its other fields are not labels. */
const LABELS_PER_LINE_MAX = 10_000;

/** Throws a plain `Error` for what cannot be compiled. */
export function compileParser(
  stage: ParserStage,
  deps: PipelineDeps,
  wanted?: ReadonlySet<string>,
): Stage {
  switch (stage.kind) {
    case "json":
      return stage.extractions.length === 0 ? jsonStage(wanted) : jsonPaths(stage.extractions);
    case "logfmt":
      return stage.extractions.length === 0
        ? logfmtStage(stage, wanted)
        : logfmtFields(stage.extractions, stage.strict);
    case "regexp":
      return regexpStage(stage.pattern, deps);
    case "pattern":
      return patternStage(stage.pattern);
    case "unpack":
      return unpackStage();
  }
}

function fail({ labels }: Line, error: string, details: string): void {
  labels.error = error;
  if (details !== "") labels.errorDetails = details;
}

/** Sets a parsed label unless an earlier parser did. */
function put({ labels }: Line, name: string, value: string): void {
  const free = labels.parsedName(name);
  if (!labels.wasExtracted(free)) labels.set("parsed", free, value);
}

/** Labels that nobody looks at are not made. */
function jsonStage(wanted: ReadonlySet<string> | undefined): Stage {
  const nameOf = createNames();
  const partOf = createNames(namePartOf);
  return (line) => {
    let count = 0;
    const walk = (scan: JsonScan, prefix: string, depth: number): void => {
      const { text } = scan;
      const take = (key: JsonPlace, value: JsonPlace): boolean => {
        const written = unescaped(text.slice(key.start, key.end));
        const part = partOf(written);
        const full = prefix === "" ? nameOf(written) : part === "" ? prefix : `${prefix}_${part}`;
        if (value.kind === "object") walk(new JsonScan(text, value.start), full, depth + 1);
        else if (value.kind !== "array" && value.kind !== "null" && full !== "") {
          if (isWanted(line, full, wanted)) put(line, full, jsonText(text, value));
        }
        return ++count < LABELS_PER_LINE_MAX;
      };
      scan.members(take, depth);
    };
    try {
      walk(new JsonScan(line.text), "", 0);
    } catch (error) {
      if (!(error instanceof JsonScanError)) throw error;
      fail(line, errors.json, error.message);
    }
    return true;
  };
}

function jsonPaths(extractions: readonly Extraction[]): Stage {
  const paths = extractions.map(({ label, expression }) => ({
    label,
    path: parseJsonPath(expression),
  }));
  return (line) => {
    const { text, labels } = line;
    if (text === "") return true;
    if (!/^["{[]/.test(text)) {
      fail(line, errors.json, "");
      return true;
    }
    for (const { label, path } of paths) {
      let place: JsonPlace | undefined;
      try {
        place = findJson(text, path);
      } catch (error) {
        if (!(error instanceof JsonScanError)) throw error;
        fail(line, errors.json, error.message);
      }
      if (place !== undefined)
        labels.set("parsed", labels.parsedName(label), jsonText(text, place));
      else if (labels.get(label) === undefined) labels.set("parsed", label, "");
    }
    return true;
  };
}

const withoutInvalid = (value: string): string =>
  value.includes("\ufffd") ? value.replaceAll("\ufffd", "") : value;

function isWanted(
  { labels }: Line,
  name: string,
  wanted: ReadonlySet<string> | undefined,
): boolean {
  return wanted === undefined || wanted.has(labels.parsedName(name));
}

function logfmtStage(
  { strict, keepEmpty }: Extract<ParserStage, { kind: "logfmt" }>,
  wanted: ReadonlySet<string> | undefined,
): Stage {
  const nameOf = createNames();
  return (line) => {
    let count = 0;
    const error = scanLogfmt(line.text, strict, (key, given) => {
      const name = nameOf(key);
      const value = withoutInvalid(given);
      if (name !== "" && (keepEmpty || value !== "") && isWanted(line, name, wanted))
        put(line, name, value);
      return ++count < LABELS_PER_LINE_MAX;
    });
    if (strict && error !== "") fail(line, errors.logfmt, error);
    return true;
  };
}

/** Throws a plain `Error` unless it is the name of one field. */
function checkField(expression: string): void {
  const wrong = (why: string): Error =>
    new Error(`cannot parse expression [${expression}]: ${why}`);
  const odd = /[^\w\s"\p{L}]/u.exec(expression)?.[0];
  if (odd !== undefined) throw wrong(`unexpected char ${odd}`);
  if (/^\s*[a-zA-Z_]\w*\s*$/.test(expression)) return;
  throw wrong(
    /^\s*[a-zA-Z_]/.test(expression)
      ? "syntax error: unexpected KEY"
      : "syntax error: unexpected $end, expecting STRING or KEY",
  );
}

function logfmtFields(extractions: readonly Extraction[], strict: boolean): Stage {
  const nameOf = createNames();
  const labelsOf = new Map<string, string[]>();
  for (const { label, expression } of extractions) {
    checkField(expression);
    const key = expression.trim();
    labelsOf.set(key, [...(labelsOf.get(key) ?? []), label]);
  }
  const targets = new Set(extractions.map(({ label }) => label));
  return (line) => {
    const { labels } = line;
    for (const { label } of extractions)
      if (!labels.isTaken(label)) labels.set("parsed", label, "");
    const error = scanLogfmt(line.text, strict, (key, found) => {
      const name = nameOf(key);
      const isTarget = targets.has(name);
      const value = found.includes("\ufffd") ? "" : found;
      // What was parsed before is not looked at again; a field with the name of a label asked for is that label.
      if (!isTarget && labels.wasExtracted(name)) return true;
      for (const label of labelsOf.get(name) ?? [])
        labels.set("parsed", labels.parsedName(label), value);
      if (isTarget) labels.set("parsed", labels.parsedName(name), value);
      return true;
    });
    if (strict && error !== "") fail(line, errors.logfmt, error);
    return true;
  };
}

const GROUP_NAME = /\(\?P?<([^>]*)>/g;

function regexpStage(pattern: string, { regexes }: PipelineDeps): Stage {
  const written = [...pattern.matchAll(GROUP_NAME)].map((found) => found[1] ?? "");
  const twice = written.find((name, i) => written.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`duplicate extracted label name '${twice}'`);
  const { names, find } = regexes.named(pattern);
  if (names.length === 0) throw new Error("at least one named capture must be supplied");
  const nameOf = createNames();
  return (line) => {
    const values = find(line.text);
    if (values === undefined) return true;
    for (const [i, name] of names.entries()) put(line, nameOf(name), values[i] ?? "");
    return true;
  };
}

function patternStage(pattern: string): Stage {
  const compiled = parseLinePattern(pattern);
  return (line) => {
    for (const [name, value] of compiled.captures(line.text)) put(line, name, value);
    return true;
  };
}

function unpackStage(): Stage {
  const nameOf = createNames();
  return (line) => {
    const { text } = line;
    if (text === "") return true;
    if (!text.startsWith("{")) {
      fail(line, errors.json, "expecting json object(6), but it is not");
      return true;
    }
    let entry: string | undefined;
    // Of equal names the last one counts.
    const found = new Map<string, string>();
    try {
      new JsonScan(text).members((key, value) => {
        if (value.kind !== "string") return true;
        const name = text.slice(key.start, key.end);
        if (name === "_entry") entry = jsonText(text, value);
        else found.set(nameOf(name), jsonText(text, value));
        return found.size < LABELS_PER_LINE_MAX;
      });
    } catch (error) {
      if (!(error instanceof JsonScanError)) throw error;
      fail(line, errors.json, error.message);
      return true;
    }
    // Without a packed line there was nothing packed.
    if (entry === undefined) return true;
    line.text = entry;
    for (const [name, value] of found) if (name !== "") put(line, name, value);
    return true;
  };
}
