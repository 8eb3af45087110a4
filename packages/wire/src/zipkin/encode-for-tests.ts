/** Writes protobuf messages field by field. For tests only. */

export function field(number: number, payload: Uint8Array | readonly number[]): number[] {
  return [...varint(number * 8 + 2), ...varint(payload.length), ...payload];
}

export function textField(number: number, text: string): number[] {
  return field(number, new TextEncoder().encode(text));
}

export function numberField(number: number, value: number | bigint): number[] {
  return [...varint(number * 8), ...varint(value)];
}

export function fixed64Field(number: number, value: bigint): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return [...varint(number * 8 + 1), ...bytes];
}

export function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}

/** Eight bytes, highest first. */
export function id8(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
