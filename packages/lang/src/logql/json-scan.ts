/** Walks over a JSON text without making objects of it: values are given as places in the text. */

export type JsonKind = "string" | "number" | "boolean" | "null" | "object" | "array";

/** A value in the text: `start` to `end`, of a string without its quotes. */
export interface JsonPlace {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
}

/** Containers within containers; a line that is deeper is malformed to us. */
const DEPTH_MAX = 128;

export const NOT_AN_OBJECT = "Value looks like object, but can't find closing '}' symbol";
const MALFORMED = "Malformed JSON error";
/** Of objects too: Loki's words. */
const ENDS_EARLY = "Value is array, but can't find closing ']' symbol";

export class JsonScanError extends Error {}

export class JsonScan {
  readonly text: string;
  private at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  /** Where the next thing begins, without spaces before it. */
  private token(): number {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 32 || code === 9 || code === 10 || code === 13) this.at++;
      else return code;
    }
  }

  /**
   * Calls `take` for each member of the object that begins here; it returns false to end the walk. The place of a key
   * is without its quotes. Throws `JsonScanError`.
   */
  members(take: (key: JsonPlace, value: JsonPlace) => boolean, depth = 0): void {
    if (depth > DEPTH_MAX || this.token() !== 123) throw new JsonScanError(NOT_AN_OBJECT);
    this.at++;
    if (this.token() === 125) {
      this.at++;
      return;
    }
    for (let first = true; ; first = false) {
      const begin = this.token();
      // A comma before the end is let through.
      if (begin === 125 && !first) return;
      if (Number.isNaN(begin)) throw new JsonScanError(first ? MALFORMED : ENDS_EARLY);
      if (begin !== 34) throw new JsonScanError(NOT_AN_OBJECT);
      const key = this.string();
      if (this.token() !== 58) throw new JsonScanError(MALFORMED);
      this.at++;
      const value = this.value(depth + 1);
      if (!take(key, value)) return;
      const code = this.token();
      this.at++;
      if (code === 125) return;
      if (Number.isNaN(code)) throw new JsonScanError(ENDS_EARLY);
      if (code !== 44) throw new JsonScanError(NOT_AN_OBJECT);
    }
  }

  /**
   * Where the value of the first member with this key begins, of the object that begins here. Other members are passed
   * over without a look at what is between them. Throws `JsonScanError` for a text or array without an end.
   */
  memberStart(wanted: string): number | undefined {
    const { text } = this;
    if (this.token() !== 123) return undefined;
    let open = 1;
    for (this.at++; this.at < text.length; ) {
      const code = text.charCodeAt(this.at);
      if (code === 34) {
        const key = this.string();
        const isMember = this.token() === 58 && open === 1;
        if (isMember && text.slice(key.start, key.end) === wanted) return this.at + 1;
      } else if (code === 91) {
        this.skipContainer(0);
      } else {
        this.at++;
        if (code === 123) open++;
        if (code === 125 && --open === 0) return undefined;
      }
    }
    return undefined;
  }

  /** As `memberStart`, of the array's item with this index. */
  itemStart(wanted: number): number | undefined {
    if (this.token() !== 91) return undefined;
    this.at++;
    if (this.token() === 93) return undefined;
    for (let index = 0; index < wanted; index++) {
      this.value(0);
      if (this.token() !== 44) return undefined;
      this.at++;
    }
    return this.at;
  }

  /** Reads over the value that begins here. */
  value(depth: number): JsonPlace {
    const code = this.token();
    const start = this.at;
    switch (code) {
      case 34:
        return this.string();
      case 123:
      case 91:
        this.skipContainer(depth);
        return { kind: code === 123 ? "object" : "array", start, end: this.at };
      default:
        return this.scalar(start);
    }
  }

  private string(): JsonPlace {
    const start = ++this.at;
    const { text } = this;
    for (;;) {
      const end = text.indexOf('"', this.at);
      if (end < 0) throw new JsonScanError("Value is string, but can't find closing '\"' symbol");
      let slashes = 0;
      while (text.charCodeAt(end - 1 - slashes) === 92 && end - slashes > start) slashes++;
      this.at = end + 1;
      if (slashes % 2 === 0) return { kind: "string", start, end };
    }
  }

  private scalar(start: number): JsonPlace {
    SCALAR.lastIndex = start;
    const found = SCALAR.exec(this.text)?.[0] ?? "";
    const first = found.charCodeAt(0);
    const end = start + found.length;
    this.at = end;
    if (found === "true" || found === "false") return { kind: "boolean", start, end };
    if (found === "null") return { kind: "null", start, end };
    if (first === 45 || (first >= 48 && first <= 57)) return { kind: "number", start, end };
    throw new JsonScanError("Unknown value type");
  }

  /** One pass over strings and brackets of the one kind; what is inside is looked at when it is asked for. */
  private skipContainer(depth: number): void {
    const { text } = this;
    const begin = text.charCodeAt(this.at);
    // Both kinds of brackets end two characters behind their beginning.
    const end = begin + 2;
    let open = 0;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 34) {
        this.string();
        continue;
      }
      if (Number.isNaN(code)) throw new JsonScanError(begin === 91 ? ENDS_EARLY : NOT_AN_OBJECT);
      if (code === begin && ++open + depth > DEPTH_MAX) throw new JsonScanError(MALFORMED);
      if (code === end) open--;
      this.at++;
      if (open === 0) return;
    }
  }
}

const SCALAR = /[^\s,\]}]+/y;

/** The text of a value: strings without escapes, and without what is no valid Unicode. */
export function jsonText(text: string, place: JsonPlace): string {
  if (place.kind === "null") return "";
  const raw = text.slice(place.start, place.end);
  if (place.kind !== "string") return raw;
  return unescaped(raw);
}

export function unescaped(raw: string): string {
  const plain = raw.includes("\\") ? withoutEscapes(raw) : raw;
  return plain.includes("\ufffd") ? plain.replaceAll("\ufffd", "") : plain;
}

function withoutEscapes(raw: string): string {
  try {
    const value: unknown = JSON.parse(`"${withControlsEscaped(raw)}"`);
    return typeof value === "string" ? value.replace(LONE, "") : "";
  } catch {
    return "";
  }
}

/** JSON has no control characters in its strings; lines may have. */
function withControlsEscaped(raw: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code >= 32) continue;
    out += `${raw.slice(from, i)}\\u${code.toString(16).padStart(4, "0")}`;
    from = i + 1;
  }
  return from === 0 ? raw : out + raw.slice(from);
}

const LONE = /\p{Surrogate}/gu;
