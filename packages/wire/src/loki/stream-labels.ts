/** Labels of a stream as text: `{job="shop", pod="a"}`, with Go's escapes in the values. */
import { TriptychError } from "@triptych/model";

export type LabelPair = readonly [name: string, value: string];

/** More labels than any limit allows are not even counted. */
export const LABELS_READ_MAX = 10_000;
/** The same for labels written as one text. */
const TEXT_MAX = 1024 * 1024;

const NAME = /\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*=\s*(?="|`)/y;
const PLAIN = /"([^"\\\n]*)"|`([^`]*)`/y;
const QUOTED = /"(?:[^"\\\n]|\\.)*"/y;
const SEPARATOR = /\s*(,\s*)?/y;

function wrong(text: string, why: string): TriptychError {
  const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return new TriptychError("wire_malformed", `couldn't parse labels: ${why} in ${shown}`);
}

/** Labels with an empty value are left out. Throws `wire_malformed`. */
export function parseStreamLabels(text: string): LabelPair[] {
  if (text.length > TEXT_MAX) throw wrong(text, `they are longer than ${TEXT_MAX} characters`);
  const bare = text.trim();
  if (!bare.startsWith("{") || !bare.endsWith("}")) throw wrong(text, "braces are missing");
  const pairs: LabelPair[] = [];
  const end = bare.length - 1;
  let at = 1;
  while (bare.slice(at, end).trim() !== "") {
    NAME.lastIndex = at;
    const name = NAME.exec(bare);
    if (name === null) throw wrong(text, "a label name is missing");
    const { value, next } = readValue(bare, NAME.lastIndex, text);
    if (value !== "") pairs.push([name[1] ?? "", value]);
    SEPARATOR.lastIndex = next;
    const separator = SEPARATOR.exec(bare);
    at = SEPARATOR.lastIndex;
    if (separator?.[1] === undefined && at < end) throw wrong(text, "a comma is missing");
  }
  return pairs;
}

function readValue(text: string, at: number, whole: string): { value: string; next: number } {
  PLAIN.lastIndex = at;
  const plain = PLAIN.exec(text);
  if (plain !== null) return { value: plain[1] ?? plain[2] ?? "", next: PLAIN.lastIndex };
  QUOTED.lastIndex = at;
  const quoted = QUOTED.exec(text)?.[0];
  if (quoted === undefined) throw wrong(whole, "a value is not closed");
  return { value: unquoted(quoted.slice(1, -1), whole), next: at + quoted.length };
}

const SIMPLE: { readonly [letter: string]: string } = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** Bytes of `\x` escapes that are no UTF-8 become replacement characters. */
function unquoted(inner: string, whole: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const put = (text: string): void => {
    for (const byte of encoder.encode(text)) bytes.push(byte);
  };
  const pieces =
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))|[^\\]+/gsu;
  for (const [all, hex, short, long, octal, letter] of inner.matchAll(pieces)) {
    const code = short ?? long;
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 255);
    else if (code !== undefined) {
      const point = Number.parseInt(code, 16);
      put(point > 0x10ffff ? "\ufffd" : String.fromCodePoint(point));
    } else if (letter !== undefined) {
      const simple = Object.hasOwn(SIMPLE, letter) ? SIMPLE[letter] : undefined;
      if (simple === undefined) throw wrong(whole, `\\${letter} is no escape`);
      put(simple);
    } else put(all);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
