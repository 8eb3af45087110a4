/**
 * Reads JSON from bytes, value by value, without building objects: the caller asks for what it expects and gets
 * numbers, words of 64-bit integers, or byte ranges. Strings stay UTF-8; bytes that are not UTF-8 are kept.
 */
import { TriptychError } from "@triptych/model";
import type { JsonNames } from "./json-names.ts";
import { ascii, hexDigit, isDigit, numberOf } from "./json-scalars.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
const TWO_16 = 0x1_0000;
const TWO_32 = 0x1_0000_0000;

/** The exact decimal form of a double has up to 1,077 characters; longer numbers would only cost time. */
const NUMBER_CHARACTERS_MAX = 1_100;

/** A string is read in one go: about 20 ms of work. What is kept of one is a small part of this anyway. */
const STRING_BYTES_MAX = 8 * 1024 * 1024;

/** More than any body has. */
const VALUES_UNBOUNDED = 2 ** 30;

/** What a skip may meet next. */
const Expect = { value: 0, keyOrEnd: 1, valueOrEnd: 2, commaOrEnd: 3, key: 4 } as const;

export class JsonReader {
  readonly bytes: Uint8Array;
  pos = 0;
  /** Containers that are open around `pos`. */
  depth = 0;
  /** What is being read, for error messages. */
  reading = "the request";
  /** The last string: `text[textStart .. textEnd)`, without escapes. Valid until the next string is read. */
  text: Uint8Array;
  textStart = 0;
  textEnd = 0;
  /** Words of the last 64-bit integer, unsigned. */
  low = 0;
  high = 0;
  private isNegative = false;
  /** Of the last number. */
  private isInteger = false;
  private valuesLeft = VALUES_UNBOUNDED;
  private valuesMax = VALUES_UNBOUNDED;

  private readonly depthMax: number;
  private unescaped = new Uint8Array(256);
  /** Open containers of a skip under way: 1 for an object. */
  private readonly skipped: Uint8Array;
  private skipDepth = 0;
  private skipExpects: number = Expect.value;

  constructor(bytes: Uint8Array, depthMax: number) {
    this.bytes = bytes;
    this.text = bytes;
    this.depthMax = depthMax;
    this.skipped = new Uint8Array(depthMax + 1);
  }

  /**
   * Bounds the members and elements that may be read from here on: one item is read in one go, and a hostile one may
   * have millions of them. No argument lifts the bound.
   */
  boundValues(max = VALUES_UNBOUNDED): void {
    this.valuesLeft = max;
    this.valuesMax = max;
  }

  /** Lifts the bound for a while; what it returns is given back to `restoreBound`. */
  liftBound(): number {
    const left = this.valuesLeft;
    this.valuesLeft = VALUES_UNBOUNDED;
    return left;
  }

  restoreBound(left: number): void {
    this.valuesLeft = left;
  }

  private countValue(): void {
    if (--this.valuesLeft >= 0) return;
    const text = `The request carries more than ${this.valuesMax} values in ${this.reading}, at byte ${this.pos}; send smaller ones`;
    throw new TriptychError("wire_too_many_items", text, { offset: this.pos });
  }

  /** Goes back to a place noted before. */
  jump(pos: number, depth: number): void {
    this.pos = pos;
    this.depth = depth;
  }

  /** The next byte that is not white space, without taking it; -1 at the end. */
  peek(): number {
    const { bytes } = this;
    for (let at = this.pos; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      this.pos = at;
      return byte;
    }
    this.pos = bytes.length;
    return -1;
  }

  private take(byte: number): void {
    if (this.peek() !== byte) this.fail(`${quoted(byte)} is missing`);
    this.pos++;
  }

  private open(byte: number): void {
    this.take(byte);
    if (++this.depth > this.depthMax) this.failDepth();
  }

  /** Enters an object and goes to the value of its first wanted member: its index, or -1 at the object's end. */
  firstMember(names: JsonNames): number {
    this.open(OPEN_OBJECT);
    if (this.peek() === CLOSE_OBJECT) return this.close();
    return this.member(names);
  }

  nextMember(names: JsonNames): number {
    const byte = this.peek();
    if (byte === CLOSE_OBJECT) return this.close();
    if (byte !== COMMA) this.fail("',' or '}' is missing");
    this.pos++;
    return this.member(names);
  }

  /** Takes members up to the first that is wanted and not null. */
  private member(names: JsonNames): number {
    for (;;) {
      this.countValue();
      if (this.peek() !== QUOTE) this.fail("a member's name is missing");
      this.string();
      const index = names.match(this.text, this.textStart, this.textEnd);
      this.take(COLON);
      if (index >= 0 && !this.isNull()) return index;
      if (index < 0) this.skip();
      const byte = this.peek();
      if (byte === CLOSE_OBJECT) return this.close();
      if (byte !== COMMA) this.fail("',' or '}' is missing");
      this.pos++;
    }
  }

  private close(): -1 {
    this.pos++;
    this.depth--;
    return -1;
  }

  private closeArray(): false {
    this.close();
    return false;
  }

  /** Enters an array and goes to its first element; false when it has none. Elements that are null are left out. */
  firstElement(): boolean {
    this.open(OPEN_ARRAY);
    if (this.peek() === CLOSE_ARRAY) return this.closeArray();
    return this.isNull() ? this.nextElement() : true;
  }

  nextElement(): boolean {
    for (;;) {
      const byte = this.peek();
      if (byte === CLOSE_ARRAY) return this.closeArray();
      if (byte !== COMMA) this.fail("',' or ']' is missing");
      this.countValue();
      this.pos++;
      if (!this.isNull()) return true;
    }
  }

  /** Takes `null` if it is next. */
  private isNull(): boolean {
    if (this.peek() !== 0x6e) return false;
    this.literal("null");
    return true;
  }

  private literal(word: string): void {
    for (let i = 0; i < word.length; i++)
      if (this.bytes[this.pos + i] !== word.charCodeAt(i)) this.fail(`'${word}' is misspelt`);
    this.pos += word.length;
  }

  boolean(): boolean {
    const isTrue = this.peek() === 0x74;
    if (!isTrue && this.peek() !== 0x66) this.fail("true or false is missing");
    this.literal(isTrue ? "true" : "false");
    return isTrue;
  }

  /** Takes a string; it is in `text`. */
  string(): void {
    if (this.peek() !== QUOTE) this.fail("a string is missing");
    const { bytes } = this;
    const start = this.pos + 1;
    const stop = start + STRING_BYTES_MAX;
    for (let at = start; ; at++) {
      const byte = bytes[at];
      if (at > stop) this.failLong(start);
      if (byte === QUOTE) {
        this.text = bytes;
        this.textStart = start;
        this.textEnd = at;
        this.pos = at + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.unescape(start, at);
        return;
      }
      if (byte === undefined || byte < 0x20) this.failString(at);
    }
  }

  private unescape(start: number, firstEscape: number): void {
    const { bytes } = this;
    let to = 0;
    const put = (byte: number): void => {
      if (to === this.unescaped.length) {
        const grown = new Uint8Array(to * 2);
        grown.set(this.unescaped);
        this.unescaped = grown;
      }
      this.unescaped[to++] = byte;
    };
    for (let i = start; i < firstEscape; i++) put(bytes[i] as number);
    let at = firstEscape;
    const stop = start + STRING_BYTES_MAX;
    for (;;) {
      const byte = bytes[at];
      if (at > stop) this.failLong(start);
      if (byte === QUOTE) break;
      if (byte === undefined || byte < 0x20) this.failString(at);
      else if (byte !== BACKSLASH) {
        put(byte);
        at++;
      } else at = this.escape(at, put);
    }
    this.text = this.unescaped;
    this.textStart = 0;
    this.textEnd = to;
    this.pos = at + 1;
  }

  /** Decodes the escape at `at`; returns where the text goes on. */
  private escape(at: number, put: (byte: number) => void): number {
    const kind = this.bytes[at + 1];
    switch (kind) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        put(kind);
        return at + 2;
      case 0x62:
        put(8);
        return at + 2;
      case 0x66:
        put(12);
        return at + 2;
      case 0x6e:
        put(10);
        return at + 2;
      case 0x72:
        put(13);
        return at + 2;
      case 0x74:
        put(9);
        return at + 2;
      case 0x75:
        return this.unicodeEscape(at, put);
      default:
        this.pos = at;
        return this.fail("an escape that JSON does not have");
    }
  }

  private unicodeEscape(at: number, put: (byte: number) => void): number {
    let code = this.hex4(at + 2);
    let next = at + 6;
    const isHigh = code >= 0xd800 && code < 0xdc00;
    if (isHigh && this.bytes[next] === BACKSLASH && this.bytes[next + 1] === 0x75) {
      const low = this.hex4(next + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        next += 6;
      }
    }
    // Half a pair is no character.
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    if (code < 0x80) put(code);
    else if (code < 0x800) {
      put(0xc0 | (code >> 6));
      put(0x80 | (code & 63));
    } else {
      if (code < TWO_16) put(0xe0 | (code >> 12));
      else {
        put(0xf0 | (code >> 18));
        put(0x80 | ((code >> 12) & 63));
      }
      put(0x80 | ((code >> 6) & 63));
      put(0x80 | (code & 63));
    }
    return next;
  }

  private hex4(at: number): number {
    let code = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = hexDigit(this.bytes[i] ?? 0);
      if (digit < 0) {
        this.pos = i;
        this.fail("an escape without four hexadecimal digits");
      }
      code = code * 16 + digit;
    }
    return code;
  }

  /** Takes the number at `pos`; returns where it starts. `isInteger` says whether it has neither point nor exponent. */
  private number(): number {
    const { bytes } = this;
    const first = this.peek();
    const start = this.pos;
    const digits = first === MINUS ? start + 1 : start;
    let at = this.digits(digits);
    if (bytes[digits] === 0x30 && at - digits > 1) {
      this.pos = at;
      this.fail("a number that starts with 0");
    }
    const integerEnd = at;
    if (bytes[at] === 0x2e) at = this.digits(at + 1);
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      const sign = bytes[at + 1];
      at = this.digits(sign === 0x2b || sign === MINUS ? at + 2 : at + 1);
    }
    if (at - start > NUMBER_CHARACTERS_MAX)
      this.fail(`a number of more than ${NUMBER_CHARACTERS_MAX} characters`);
    this.isInteger = at === integerEnd;
    this.pos = at;
    return start;
  }

  /** Where the digits that start at `from` end; there must be one. */
  private digits(from: number): number {
    const { bytes } = this;
    let at = from;
    while (isDigit(bytes[at])) at++;
    if (at === from) this.fail("a number is missing");
    return at;
  }

  /** Takes a signed 64-bit integer given as number or as string; its words are in `low` and `high`. */
  int64(): void {
    const at = this.anyInt64();
    if (!this.isNegative && this.high > 0x7fff_ffff) this.failInteger(at);
  }

  /** The same for an unsigned one. */
  uint64(): void {
    const at = this.anyInt64();
    if (this.isNegative) this.failInteger(at);
  }

  private failInteger(at: number): never {
    this.pos = at;
    return this.fail("a whole number of 64 bits is missing");
  }

  /** Returns where the integer starts. */
  private anyInt64(): number {
    const isText = this.peek() === QUOTE;
    const at = this.pos;
    if (isText) {
      this.string();
      if (!this.integerOf(this.text, this.textStart, this.textEnd)) this.failInteger(at);
      return at;
    }
    const start = this.number();
    if (!this.isInteger || !this.integerOf(this.bytes, start, this.pos))
      this.wholeNumber(Number(ascii(this.bytes, start, this.pos)), start);
    return at;
  }

  /** Numbers such as `1e3` and `5.0` are whole too. */
  private wholeNumber(value: number, at: number): void {
    if (!Number.isSafeInteger(value)) this.failInteger(at);
    this.isNegative = value < 0;
    this.high = Math.floor(value / TWO_32) >>> 0;
    this.low = value >>> 0;
  }

  /** Digits with an optional minus to words; false when it is something else or does not fit. */
  private integerOf(source: Uint8Array, start: number, end: number): boolean {
    const isNegative = source[start] === MINUS;
    const from = isNegative ? start + 1 : start;
    const size = end - from;
    if (size < 1 || size > 20) return false;
    // Two parts that doubles hold exactly: up to 11 digits, and the last 9.
    const cut = Math.max(from, end - 9);
    let front = 0;
    let back = 0;
    for (let i = from; i < end; i++) {
      const digit = (source[i] as number) - 0x30;
      if (digit < 0 || digit > 9) return false;
      if (i < cut) front = front * 10 + digit;
      else back = back * 10 + digit;
    }
    const frontHigh = Math.floor(front / TWO_16) * 1e9;
    const rest = (front % TWO_16) * 1e9 + back;
    const lowSum = (frontHigh % TWO_16) * TWO_16 + rest;
    const high = Math.floor(frontHigh / TWO_16) + Math.floor(lowSum / TWO_32);
    const low = lowSum % TWO_32;
    if (high >= TWO_32) return false;
    this.isNegative = isNegative && (low !== 0 || high !== 0);
    if (!isNegative) {
      this.low = low >>> 0;
      this.high = high >>> 0;
      return true;
    }
    if (high > 0x7fff_ffff && !(high === 0x8000_0000 && low === 0)) return false;
    this.low = -low >>> 0;
    this.high = (~high + (low === 0 ? 1 : 0)) >>> 0;
    return true;
  }

  /** Takes an integer of 32 bits, as number or string; what is outside becomes its low word, as in protobuf. */
  int32(): number {
    this.anyInt64();
    return this.low;
  }

  /** Takes an enum's number. Names of enum values are not part of OTLP's JSON. */
  enumNumber(): number {
    if (this.peek() === QUOTE) this.fail("a name where the number of an enum value is needed");
    return this.int32();
  }

  /** Takes a double: a number, a number in a string, or one of the three names. */
  double(): number {
    if (this.peek() !== QUOTE) {
      const start = this.number();
      return numberOf(this.bytes, start, this.pos);
    }
    const at = this.pos;
    this.string();
    const text = ascii(this.text, this.textStart, Math.min(this.textEnd, this.textStart + 400));
    if (text === "NaN") return Number.NaN;
    if (text === "Infinity") return Number.POSITIVE_INFINITY;
    if (text === "-Infinity") return Number.NEGATIVE_INFINITY;
    if (!/^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$/.test(text)) {
      this.pos = at;
      this.fail("a number is missing");
    }
    return Number(text);
  }

  /**
   * Takes an id in hexadecimal digits and writes it to `target[at ..]` when it has `want` bytes. Returns the size
   * that was there; one that is not `want` nor 0 for text that is not hexadecimal.
   */
  hexId(target: Uint8Array, at: number, want: number): number {
    this.string();
    const { text, textStart, textEnd } = this;
    const size = textEnd - textStart;
    if (size !== want * 2) return size === 0 ? 0 : want + 1;
    for (let i = 0; i < want; i++) {
      const high = hexDigit(text[textStart + 2 * i] as number);
      const low = hexDigit(text[textStart + 2 * i + 1] as number);
      if (high < 0 || low < 0) return want + 1;
      target[at + i] = high * 16 + low;
    }
    return want;
  }

  /** Takes any value without looking into it. */
  skip(): void {
    this.beginSkip();
    this.skipSome(this.bytes.length);
  }

  beginSkip(): void {
    this.skipDepth = 0;
    this.skipExpects = Expect.value;
  }

  /** Goes on skipping for about `bytesMax`; true when the value's end is reached. */
  skipSome(bytesMax: number): boolean {
    const stop = this.pos + bytesMax;
    while (this.pos <= stop) {
      const byte = this.peek();
      if (byte === COMMA && this.skipExpects === Expect.commaOrEnd) {
        this.pos++;
        this.countValue();
        this.skipExpects = this.skipped[this.skipDepth] === 1 ? Expect.key : Expect.value;
      } else if (this.isEnd(byte)) {
        this.pos++;
        this.skipDepth--;
        this.skipExpects = Expect.commaOrEnd;
        if (this.skipDepth === 0) return true;
      } else if (this.skipExpects === Expect.key || this.skipExpects === Expect.keyOrEnd) {
        this.skipString();
        this.take(COLON);
        this.skipExpects = Expect.value;
      } else if (this.skipExpects === Expect.commaOrEnd) this.fail("',' is missing");
      else if (this.skipOne(byte)) return true;
    }
    return false;
  }

  private isEnd(byte: number): boolean {
    if (this.skipDepth === 0 || (byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT)) return false;
    const isObject = this.skipped[this.skipDepth] === 1;
    if (isObject !== (byte === CLOSE_OBJECT)) return false;
    const { skipExpects } = this;
    return (
      skipExpects === Expect.commaOrEnd ||
      skipExpects === (isObject ? Expect.keyOrEnd : Expect.valueOrEnd)
    );
  }

  /** Skips a value or opens a container; true when the whole skip is done with it. */
  private skipOne(byte: number): boolean {
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (this.depth + ++this.skipDepth > this.depthMax) this.failDepth();
      this.pos++;
      this.skipped[this.skipDepth] = byte === OPEN_OBJECT ? 1 : 0;
      this.skipExpects = byte === OPEN_OBJECT ? Expect.keyOrEnd : Expect.valueOrEnd;
      return false;
    }
    if (byte === QUOTE) this.skipString();
    else if (byte === 0x74) this.literal("true");
    else if (byte === 0x66) this.literal("false");
    else if (byte === 0x6e) this.literal("null");
    else this.number();
    this.skipExpects = Expect.commaOrEnd;
    return this.skipDepth === 0;
  }

  private skipString(): void {
    if (this.peek() !== QUOTE) this.fail("a string is missing");
    const { bytes } = this;
    const start = this.pos + 1;
    const stop = start + STRING_BYTES_MAX;
    let at = start;
    for (;;) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (at > stop) this.failLong(start);
      if (byte === undefined || byte < 0x20) this.failString(at);
      at += byte === BACKSLASH ? 2 : 1;
    }
    this.pos = at + 1;
  }

  /** Checks that nothing but white space is left. */
  finish(): void {
    if (this.peek() !== -1) this.fail("text after the end of the request");
  }

  private failString(at: number): never {
    this.pos = Math.min(at, this.bytes.length);
    const isEnd = at >= this.bytes.length;
    return this.fail(isEnd ? "the end of a string is due" : "a control character inside a string");
  }

  private failLong(start: number): never {
    const text = `A string of more than ${STRING_BYTES_MAX} bytes in ${this.reading}, at byte ${start}`;
    throw new TriptychError("wire_too_large", text, { offset: start });
  }

  private failDepth(): never {
    const text = `JSON is nested deeper than ${this.depthMax} levels in ${this.reading}, at byte ${this.pos}`;
    throw new TriptychError("wire_too_deep", text, { offset: this.pos });
  }

  fail(problem: string): never {
    const isEnd = this.pos >= this.bytes.length;
    const text = `Malformed JSON: ${isEnd ? `the body ends where ${problem}` : problem}, while reading ${this.reading} at byte ${this.pos}`;
    throw new TriptychError("wire_malformed", text, { offset: this.pos });
  }
}

function quoted(byte: number): string {
  return `'${String.fromCharCode(byte)}'`;
}
