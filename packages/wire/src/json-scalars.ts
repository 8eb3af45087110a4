/** Digits and numbers of JSON, from bytes. */

const MINUS = 0x2d;
/** Powers of ten that doubles hold exactly. */
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

export function ascii(source: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(source[i] as number);
  return text;
}

/** The value of a JSON number; short ones without exponent need no text, since one division rounds once. */
export function numberOf(source: Uint8Array, start: number, end: number): number {
  if (end - start > 17) return Number(ascii(source, start, end));
  let digits = 0;
  let point = -1;
  let isNegative = false;
  for (let i = start; i < end; i++) {
    const byte = source[i] as number;
    if (byte === MINUS && i === start) isNegative = true;
    else if (byte === 0x2e) point = i;
    else if (byte >= 0x30 && byte <= 0x39) digits = digits * 10 + (byte - 0x30);
    else return Number(ascii(source, start, end));
  }
  if (digits > Number.MAX_SAFE_INTEGER) return Number(ascii(source, start, end));
  const value = point < 0 ? digits : digits / (POWERS[end - point - 1] as number);
  return isNegative ? -value : value;
}
