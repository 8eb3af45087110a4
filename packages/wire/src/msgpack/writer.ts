/** Writes the few MessagePack values that answers to senders are made of. */

export type MsgpackOut =
  | null
  | boolean
  | string
  | Uint8Array
  | readonly MsgpackOut[]
  | { readonly [name: string]: MsgpackOut };

const encoder = new TextEncoder();

/** Lists and maps may have up to 15 items; strings and binaries up to 65,535 bytes. */
export function encodeMsgpack(value: MsgpackOut): Uint8Array {
  const out: number[] = [];
  write(value, out);
  return Uint8Array.from(out);
}

function write(value: MsgpackOut, out: number[]): void {
  if (value === null) out.push(0xc0);
  else if (typeof value === "boolean") out.push(value ? 0xc3 : 0xc2);
  else if (typeof value === "string") writeBytes(encoder.encode(value), out, [0xd9, 0xda]);
  else if (value instanceof Uint8Array) writeBytes(value, out, [0xc4, 0xc5]);
  else if (Array.isArray(value)) {
    out.push(0x90 | value.length);
    for (const item of value) write(item, out);
  } else {
    const entries = Object.entries(value);
    out.push(0x80 | entries.length);
    for (const [name, item] of entries) {
      write(name, out);
      write(item, out);
    }
  }
}

function writeBytes(bytes: Uint8Array, out: number[], types: readonly [number, number]): void {
  if (bytes.length < 256) out.push(types[0], bytes.length);
  else out.push(types[1], bytes.length >> 8, bytes.length & 0xff);
  for (const byte of bytes) out.push(byte);
}
