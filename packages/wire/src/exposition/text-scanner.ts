/**
 * A cursor over the bytes of a text exposition. Knows the characters of names and quoted text, and where it is: every
 * error names line and column, both counted from 1, columns in bytes.
 */
import { TriptychError } from "@triptych/model";
import { isUtf8 } from "../remote-write/utf8.ts";

export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const HASH = 0x23;
export const COMMA = 0x2c;
export const EQUALS = 0x3d;
export const BACKSLASH = 0x5c;
export const BRACE_OPEN = 0x7b;
export const BRACE_CLOSE = 0x7d;

const FIRST = 1;
const LATER = 2;
/** Per byte: may it begin a name, may it go on with one. A colon is for metric names alone. */
const nameBytes = new Uint8Array(256);
for (let byte = 0; byte < 128; byte++) {
  const letter = /[a-zA-Z_]/.test(String.fromCharCode(byte));
  const digit = byte >= 0x30 && byte <= 0x39;
  nameBytes[byte] = letter ? FIRST | LATER : digit ? LATER : 0;
}
const COLON = 0x3a;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const EXCERPT_BYTES = 20;

export class TextScanner {
  readonly bytes: Uint8Array;
  readonly end: number;
  pos = 0;
  /** Where the last name or quoted text is. Quoted text is without its quotes, and still escaped. */
  start = 0;
  stop = 0;
  hasEscape = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** The byte at the cursor, or -1 at the end. */
  peek(): number {
    return this.pos < this.end ? (this.bytes[this.pos] as number) : -1;
  }

  skipBlanks(): void {
    while (this.pos < this.end) {
      const byte = this.bytes[this.pos];
      if (byte !== SPACE && byte !== TAB) return;
      this.pos++;
    }
  }

  /** Takes `text` when it is next. */
  takes(text: string): boolean {
    for (let i = 0; i < text.length; i++)
      if (this.bytes[this.pos + i] !== text.charCodeAt(i)) return false;
    if (this.pos + text.length > this.end) return false;
    this.pos += text.length;
    return true;
  }

  /** A name into `start` and `stop`; false when none is next. */
  name(withColons: boolean): boolean {
    const { bytes, end } = this;
    let { pos } = this;
    this.start = pos;
    for (; pos < end; pos++) {
      const byte = bytes[pos] as number;
      const kind = nameBytes[byte] as number;
      const good = pos === this.start ? kind & FIRST : kind & LATER;
      if (good === 0 && !(withColons && byte === COLON)) break;
    }
    this.stop = pos;
    this.pos = pos;
    return pos > this.start;
  }

  /** Quoted text into `start` and `stop`; false when there is no quote, or none that closes it. */
  quoted(mayBreak: boolean): boolean {
    const { bytes, end } = this;
    if (this.peek() !== QUOTE) return false;
    this.hasEscape = false;
    for (let pos = this.pos + 1; pos < end; pos++) {
      const byte = bytes[pos];
      if (byte === BACKSLASH) {
        this.hasEscape = true;
        pos++;
      } else if (byte === QUOTE) {
        this.start = this.pos + 1;
        this.stop = pos;
        this.pos = pos + 1;
        return true;
      } else if (byte === NEWLINE && !mayBreak) return false;
    }
    return false;
  }

  /** What reaches to the next blank, brace or line end. */
  word(): void {
    const { bytes, end } = this;
    this.start = this.pos;
    while (this.pos < end) {
      const byte = bytes[this.pos] as number;
      if (byte === SPACE || byte === NEWLINE) break;
      this.pos++;
    }
    this.stop = this.pos;
  }

  /** What reaches to the end of the line. */
  rest(): void {
    const found = this.bytes.indexOf(NEWLINE, this.pos);
    this.start = this.pos;
    this.stop = found < 0 ? this.end : found;
    this.pos = this.stop;
  }

  text(start: number, stop: number): string {
    return decoder.decode(this.bytes.subarray(start, stop));
  }

  /** Refuses what is at `at`: says what was expected there, and what was found. */
  expected(what: string, at = this.pos): never {
    const found =
      at >= this.end
        ? "the end"
        : JSON.stringify(this.text(at, Math.min(this.end, at + EXCERPT_BYTES)));
    return this.fail(`expected ${what}, found ${found}`, at);
  }

  /** The text between the bounds of what was read last must be UTF-8. */
  checkUtf8(what: string): void {
    if (!isUtf8(this.bytes, this.start, this.stop))
      this.fail(`${what} that is not valid UTF-8`, this.start);
  }

  fail(problem: string, at = this.pos): never {
    let line = 1;
    let lineStart = 0;
    for (let i = 0; i < at && i < this.end; i++) {
      if (this.bytes[i] !== NEWLINE) continue;
      line++;
      lineStart = i + 1;
    }
    const text = `Line ${line}, column ${at - lineStart + 1}: ${problem}`;
    throw new TriptychError("wire_malformed", text, { offset: at });
  }
}

/** Undoes escapes: `\\`, `\"` and `\n`; a backslash before anything else stands for itself. */
export function unescaped(bytes: Uint8Array, start: number, stop: number): Uint8Array {
  const out = new Uint8Array(stop - start);
  let size = 0;
  for (let i = start; i < stop; i++) {
    const byte = bytes[i] as number;
    const next = i + 1 < stop ? bytes[i + 1] : -1;
    if (byte === BACKSLASH && (next === BACKSLASH || next === QUOTE || next === 0x6e)) {
      out[size++] = next === 0x6e ? NEWLINE : next;
      i++;
    } else out[size++] = byte;
  }
  return out.subarray(0, size);
}
