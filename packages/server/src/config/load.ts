/** Reads `triptych.yaml`: text in, a valid configuration or an error with file, line and the nearest known key out. */
import { existsSync, readFileSync } from "node:fs";
import { TriptychError } from "@triptych/model";
import { type Document, isMap, isSeq, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { merged, type Settings } from "./replaced/settings.ts";
import { type Config, configSchema } from "./schema.ts";

/** What flags of the command line set; they win over the file. */
export interface Overrides {
  readonly [path: string]: string | number | boolean | undefined;
}

/** `under` holds where the file says nothing. */
export function loadConfig(
  file: string | undefined,
  overrides: Overrides = {},
  under: Settings = {},
): Config {
  if (file !== undefined && !existsSync(file)) {
    throw new TriptychError("config_invalid", `the configuration file ${file} does not exist`);
  }
  return parseConfig(
    file === undefined ? "" : readFileSync(file, "utf8"),
    file ?? "command line",
    overrides,
    under,
  );
}

export function parseConfig(
  text: string,
  file: string,
  overrides: Overrides = {},
  under: Settings = {},
): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: false,
    maxAliasCount: 100,
  } as object);
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new TriptychError("config_invalid", `${file}:${line}:${col}: ${broken.message}`);
  }
  const given: unknown = document.toJS() ?? {};
  const isMapOf = typeof given === "object" && given !== null && !Array.isArray(given);
  const whole = isMapOf ? merged(given as Settings, under) : given;
  const parsed = configSchema.safeParse(withOverrides(whole, overrides));
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map((issue) =>
    describeIssue(issue, { document, lines, file }),
  );
  throw new TriptychError("config_invalid", messages.join("\n"));
}

function withOverrides(given: unknown, overrides: Overrides): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const out: { [key: string]: unknown } = Object.assign(Object.create(null), given);
  for (const [path, value] of Object.entries(overrides)) {
    if (value === undefined) continue;
    const [first = "", second] = path.split(".");
    if (second === undefined) out[first] = value;
    else out[first] = Object.assign(Object.create(null), out[first], { [second]: value });
  }
  return out;
}

interface Place {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly file: string;
}

function describeIssue(issue: z.core.$ZodIssue, place: Place): string {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => {
        const hint = nearest(key, knownKeys(path));
        const advice = hint === undefined ? "" : `; did you mean "${hint}"?`;
        return `${at(place, [...path, key])}: unknown key "${[...path, key].join(".")}"${advice}`;
      })
      .join("\n");
  }
  return `${at(place, path)}: ${path.join(".") || "the file"}: ${issue.message}`;
}

function at({ document, lines, file }: Place, path: readonly string[]): string {
  const offset = keyOffset(document, path);
  if (offset === undefined) return file;
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}

function keyOffset(document: Document, path: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = (node as { range?: readonly number[] } | undefined)?.range?.[0] ?? offset;
      continue;
    }
    if (!isMap(node)) return offset;
    const pair = node.items.find((item) => String(item.key) === key);
    if (pair === undefined) return offset;
    const keyNode = pair.key as { range?: readonly number[] };
    offset = keyNode.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

/** Keys the schema knows under `path`. */
function knownKeys(path: readonly string[]): string[] {
  let value: unknown = configSchema.parse({});
  // Of what stands in a list there are no defaults to look at.
  for (const key of path) value = (value as { [key: string]: unknown } | undefined)?.[key];
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

/** The known key with the fewest edits, when that is few enough to be a typing mistake. */
function nearest(key: string, known: readonly string[]): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of known) {
    const edits = editDistance(key.toLowerCase(), name.toLowerCase());
    if (edits <= 3 && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
