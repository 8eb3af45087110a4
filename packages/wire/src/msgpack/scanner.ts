/**
 * Finds where a MessagePack value ends in bytes that are still arriving. Looks at every byte of a header once, however
 * the bytes are cut, and keeps no values.
 */
import { TriptychError } from "@triptych/model";

export interface MsgpackScanner {
  /**
   * Goes on with the value that begins at 0 of `bytes`, of which the first `size` are there. The end of the value, or -1
   * when more is needed; then call it again with the same bytes and more behind them. Throws `wire_malformed` and
   * `wire_too_large`.
   */
  scan(bytes: Uint8Array, size: number): number;
  /** Forgets the value that was found; the next one begins at 0 again. */
  reset(): void;
}

/** Bytes of the length that follows a type byte, and what it counts. */
type Form =
  | { readonly kind: "fixed"; readonly bytes: number }
  | { readonly kind: "sized"; readonly width: 1 | 2 | 4; readonly extra: number }
  | { readonly kind: "items"; readonly width: 2 | 4; readonly each: number };

const fixed = (bytes: number): Form => ({ kind: "fixed", bytes });
const sized = (width: 1 | 2 | 4, extra = 0): Form => ({ kind: "sized", width, extra });
const items = (width: 2 | 4, each: number): Form => ({ kind: "items", width, each });

/** What follows the type bytes 0xc0 to 0xdf. 0xc1 means nothing. */
const FORMS: readonly (Form | undefined)[] = [
  ...[fixed(0), undefined, fixed(0), fixed(0)],
  ...[sized(1), sized(2), sized(4)],
  ...[sized(1, 1), sized(2, 1), sized(4, 1)],
  ...[fixed(4), fixed(8)],
  ...[fixed(1), fixed(2), fixed(4), fixed(8), fixed(1), fixed(2), fixed(4), fixed(8)],
  ...[fixed(2), fixed(3), fixed(5), fixed(9), fixed(17)],
  ...[sized(1), sized(2), sized(4)],
  ...[items(2, 1), items(4, 1), items(2, 2), items(4, 2)],
];

export function createMsgpackScanner(bytesMax: number): MsgpackScanner {
  let at = 0;
  let values = 1;
  const tooLarge = (): TriptychError =>
    new TriptychError("wire_too_large", `a MessagePack value is larger than ${bytesMax} bytes`);
  /** Bytes of the next value without what it contains; 0 when its header is not whole yet. */
  const step = (bytes: Uint8Array, size: number): number => {
    const type = bytes[at] as number;
    if (type < 0x80 || type >= 0xe0) return 1;
    if (type < 0x90) {
      values += (type & 0x0f) * 2;
      return 1;
    }
    if (type < 0xa0) {
      values += type & 0x0f;
      return 1;
    }
    if (type < 0xc0) return 1 + (type & 0x1f);
    const form = FORMS[type - 0xc0];
    if (form === undefined)
      throw new TriptychError("wire_malformed", "0xc1 is no MessagePack type", { offset: at });
    if (form.kind === "fixed") return 1 + form.bytes;
    if (at + 1 + form.width > size) return 0;
    const count = unsigned(bytes, at + 1, form.width);
    if (form.kind === "sized") return 1 + form.width + form.extra + count;
    values += count * form.each;
    return 1 + form.width;
  };
  return {
    scan(bytes, size) {
      while (values > 0) {
        // Every value has at least a byte.
        if (at + values > bytesMax) throw tooLarge();
        if (at >= size) return -1;
        const length = step(bytes, size);
        if (length === 0) return -1;
        if (at + length > bytesMax) throw tooLarge();
        at += length;
        values--;
      }
      return at <= size ? at : -1;
    },
    reset() {
      at = 0;
      values = 1;
    },
  };
}

export function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}
