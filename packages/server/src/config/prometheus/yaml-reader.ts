/**
 * Reads YAML into typed values as Prometheus' own loader does: scalars by the type that is wanted, strict about
 * unknown and repeated keys, `!!binary`, aliases and merge keys. In comes text, out comes a value or a problem with
 * its place. The schema is made of `kinds.ts`.
 */
import { TriptychError } from "@triptych/model";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from "yaml";

/** Aliases can multiply: a document may not become more than this. A file of 1,000 jobs has some 100,000. */
const NODES_MAX = 500_000;

export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type YamlNode = Node | null;

export interface Entry {
  readonly key: string;
  readonly keyNode: YamlNode;
  readonly value: YamlNode;
}

export interface YamlReader {
  readonly file: string;
  /** Where relative paths of this file start. */
  readonly directory: string;
  readonly root: YamlNode;
  /** The text of a scalar; undefined for null. Type errors are noted, and "" is read on. */
  text(node: YamlNode, type: string): string | undefined;
  isNull(node: YamlNode): boolean;
  /** Whether a scalar is a text whatever it looks like: quoted, or tagged so. */
  isText(node: YamlNode): boolean;
  /** Items of a list, none for null. */
  items(node: YamlNode, type: string): readonly YamlNode[];
  /** Entries of a map with merged ones after its own, none for null. */
  entries(node: YamlNode, type: string): readonly Entry[];
  /** Notes a problem of type: all of them are reported together, as Prometheus does. */
  note(node: YamlNode, message: string): void;
  /** Something that is read over: the rest of the file counts. */
  remark(node: YamlNode, message: string): void;
  remarks(): readonly ConfigProblem[];
  /** A problem that ends the reading. */
  fail(node: YamlNode, message: string): never;
  /** Throws when problems were noted. */
  finish(): void;
}

/** A problem as an error: what is wrong in Prometheus' words, and where. */
export function configError(problem: ConfigProblem, all: readonly string[] = []): TriptychError {
  const { file, line, column, message } = problem;
  const more = all.length > 1 ? `:\n${all.map((one) => `  ${one}`).join("\n")}` : "";
  return Object.assign(
    new TriptychError(
      "config_invalid",
      `parsing YAML file ${file}: ${message}${more} (${file}:${line}:${column})`,
    ),
    { problem },
  );
}

/** The place of an error of `configError`. */
export function problemOf(error: unknown): ConfigProblem | undefined {
  return typeof error === "object" && error !== null && "problem" in error
    ? (error.problem as ConfigProblem)
    : undefined;
}

export function createYamlReader(text: string, file: string, directory: string): YamlReader {
  const lines = new LineCounter();
  // Every scalar is text: what it means depends on the type that is wanted.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: "failsafe",
    logLevel: "silent",
  });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const placed = (node: YamlNode, message: string): ConfigProblem => ({
    file,
    ...at(node?.range?.[0] ?? 0),
    message,
  });
  const [broken] = document.errors;
  if (broken !== undefined)
    throw configError({ file, ...at(broken.pos[0]), message: `yaml: ${broken.message}` });
  return createReader({ document, file, directory, placed });
}

interface Source {
  readonly document: Document;
  readonly file: string;
  readonly directory: string;
  placed(node: YamlNode, message: string): ConfigProblem;
}

function createReader(source: Source): YamlReader {
  const { document, file, directory, placed } = source;
  const noted: ConfigProblem[] = [];
  const remarks: ConfigProblem[] = [];
  const aliases = aliasTargets(document);
  let visited = 0;
  const finish = (): void => {
    const [first] = noted;
    if (first === undefined) return;
    const all = noted.map(({ line, message }) => `line ${line}: ${message}`);
    throw configError({ ...first, message: `yaml: unmarshal errors: ${first.message}` }, all);
  };
  const fail = (node: YamlNode, message: string): never => {
    // A problem of type comes first, whatever follows from it.
    finish();
    throw configError(placed(node, message));
  };
  const note = (node: YamlNode, message: string): void => {
    noted.push(placed(node, message));
  };
  const resolved = (node: YamlNode): YamlNode => {
    if (++visited > NODES_MAX) fail(node, `the file has more than ${NODES_MAX} values`);
    if (!isAlias(node)) return node;
    return aliases.get(node) ?? fail(node, `yaml: unknown anchor ${node.source}`);
  };
  const wrongType = (node: YamlNode, type: string): void => {
    const what = isMap(node) ? "!!map" : isSeq(node) ? "!!seq" : "!!str";
    const shown = isScalar(node) ? ` \`${String(node.value).slice(0, 40)}\`` : "";
    note(node, `cannot unmarshal ${what}${shown} into ${type}`);
  };
  const isNull = (given: YamlNode): boolean => {
    const node = resolved(given);
    return node === null || (isScalar(node) && isNullScalar(node));
  };
  return {
    file,
    directory,
    root: document.contents,
    isNull,
    isText(given) {
      const node = resolved(given);
      if (!isScalar(node)) return false;
      return node.tag === undefined ? node.type !== "PLAIN" : node.tag.endsWith(":str");
    },
    note,
    remark: (node, message) => void remarks.push(placed(node, message)),
    remarks: () => remarks,
    fail,
    text(given, type) {
      const node = resolved(given);
      if (node === null || isNull(node)) return undefined;
      if (isScalar(node)) return scalarText(node, fail);
      wrongType(node, type);
      return "";
    },
    items(given, type) {
      const node = resolved(given);
      if (isNull(node)) return [];
      if (isSeq(node)) return node.items as YamlNode[];
      wrongType(node, type);
      return [];
    },
    entries(given, type) {
      const node = resolved(given);
      if (isNull(node)) return [];
      if (isMap(node)) return entriesOf(node, resolved, fail);
      wrongType(node, type);
      return [];
    },
    finish,
  };
}

/** What each alias stands for, found in one walk: the library's own way looks from the start for each. */
function aliasTargets(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const out = new Map<Alias, Node>();
  visit(document, {
    Alias(_, alias) {
      const target = anchors.get(alias.source);
      if (target !== undefined) out.set(alias, target);
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return out;
}

function isNullScalar(node: Scalar): boolean {
  if (node.type !== "PLAIN" || (node.tag !== undefined && !node.tag.endsWith(":null")))
    return false;
  return ["", "~", "null", "Null", "NULL"].includes(String(node.value ?? ""));
}

/** Invalid UTF-8 of a binary becomes lone surrogates U+DC80 to U+DCFF, which no valid text has. */
function scalarText(node: Scalar, fail: (node: YamlNode, message: string) => never): string {
  if (!node.tag?.endsWith(":binary")) return String(node.value ?? "");
  const text = node.source ?? String(node.value);
  const base64 = text.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0)
    return fail(node, "!!binary value contains invalid base64 data");
  const bytes = Buffer.from(base64, "base64");
  const decoded = bytes.toString("utf8");
  if (Buffer.from(decoded).equals(bytes)) return decoded;
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join(
    "",
  );
}

function entriesOf(
  map: YAMLMap,
  resolved: (node: YamlNode) => YamlNode,
  fail: (node: YamlNode, message: string) => never,
): Entry[] {
  const own: Entry[] = [];
  const merged: Entry[] = [];
  for (const { key, value } of map.items) {
    const keyNode = resolved(key as YamlNode);
    const name = isScalar(keyNode)
      ? scalarText(keyNode, fail)
      : fail(keyNode, "yaml: a key must be text");
    if (name === "<<" && isScalar(keyNode) && keyNode.type === "PLAIN") {
      const from = resolved(value as YamlNode);
      const maps = isSeq(from) ? (from.items as YamlNode[]).map(resolved) : [from];
      for (const one of maps) if (isMap(one)) merged.push(...entriesOf(one, resolved, fail));
    } else own.push({ key: name, keyNode: key as YamlNode, value: value as YamlNode });
  }
  const names = new Set(own.map(({ key }) => key));
  for (const entry of merged) {
    if (names.has(entry.key)) continue;
    names.add(entry.key);
    own.push(entry);
  }
  return own;
}
