/** A YAML document as nodes with places, so that every mistake is told with its line. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
} from "yaml";

export interface Place {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Place {
  readonly message: string;
}

export interface Field {
  readonly key: Place;
  readonly place: Place;
  readonly value: Node | null;
}

/** Aliases are followed this often; a file that needs more means harm. */
const ALIASES_MAX = 10_000;

export interface YamlText {
  readonly root: Node | null;
  /** Of a file with several documents only the first counts. */
  readonly hasMore: boolean;
  readonly problems: Problem[];
  placeOf(node: Node | null | undefined): Place;
  /** The keys of a map, with those that it merges; of `null` none. A problem and nothing when it is no map. */
  fields(node: Node | null, type: string): ReadonlyMap<string, Field> | undefined;
  items(node: Node | null, type: string): readonly (Node | null)[];
  /** A scalar as it is written; "" for nothing. */
  text(node: Node | null, type?: string): string;
}

const START: Place = { line: 1, column: 1 };

export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
  });
  const document = "empty" in documents ? undefined : (documents[0] as Document.Parsed | undefined);
  const problems: Problem[] = [];
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  for (const { pos, message } of document?.errors ?? [])
    problems.push({ ...placeAt(pos[0]), message: `yaml: ${message}` });
  let aliases = 0;
  const resolved = (node: unknown): Node | null => {
    let found = node as Node | null | undefined;
    while (found !== null && found !== undefined && isAlias(found)) {
      if (++aliases > ALIASES_MAX) return null;
      found = found.resolve(document as Document);
    }
    return found ?? null;
  };
  const placeOf = (node: Node | null | undefined): Place => {
    const offset = node?.range?.[0];
    return offset === undefined ? START : placeAt(offset);
  };
  const wrongType = (node: Node, type: string): void => {
    const place = placeOf(node);
    const shown = isScalar(node) ? ` \`${String(node.source ?? node.value).slice(0, 20)}\`` : "";
    const tag = isMap(node) ? "!!map" : isSeq(node) ? "!!seq" : "!!str";
    const message = `yaml: unmarshal errors:\n  line ${place.line}: cannot unmarshal ${tag}${shown} into ${type}`;
    problems.push({ ...place, message });
  };
  const addPair = (out: Map<string, Field>, pair: Pair, type: string): void => {
    const key = resolved(pair.key);
    const name = isScalar(key) ? String(key.source ?? key.value) : "";
    const value = resolved(pair.value);
    if (name === "<<") {
      const merged = isSeq(value) ? value.items.map(resolved) : [value];
      for (const one of merged)
        for (const [inner, field] of fields(one, type) ?? [])
          if (!out.has(inner)) out.set(inner, field);
      return;
    }
    out.set(name, { key: placeOf(key), place: placeOf(value ?? key), value });
  };
  const fields = (node: Node | null, type: string): Map<string, Field> | undefined => {
    const found = resolved(node);
    if (found === null || (isScalar(found) && found.value === null)) return new Map();
    if (!isMap(found)) {
      wrongType(found, type);
      return undefined;
    }
    const own = new Map<string, Field>();
    const isMerge = (pair: Pair): boolean => isScalar(pair.key) && pair.key.value === "<<";
    const isMergeSymbol = (pair: Pair): boolean =>
      isScalar(pair.key) && typeof pair.key.value === "symbol";
    const pairs = found.items as Pair[];
    // What a map says itself wins over what it merges.
    for (const pair of pairs) if (!isMerge(pair) && !isMergeSymbol(pair)) addPair(own, pair, type);
    for (const pair of pairs) if (isMerge(pair) || isMergeSymbol(pair)) addPair(own, pair, type);
    return own;
  };
  return {
    root: resolved(document?.contents),
    hasMore: !("empty" in documents) && documents.length > 1,
    problems,
    placeOf,
    fields,
    items(node, type) {
      const found = resolved(node);
      if (found === null || (isScalar(found) && found.value === null)) return [];
      if (isSeq(found)) return found.items.map(resolved);
      wrongType(found, type);
      return [];
    },
    text(node, type = "string") {
      const found = resolved(node);
      if (found === null) return "";
      if (!isScalar(found)) {
        wrongType(found, type);
        return "";
      }
      if (found.value === null) return "";
      return typeof found.value === "string" ? found.value : (found.source ?? String(found.value));
    },
  };
}
