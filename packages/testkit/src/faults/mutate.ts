/** Makes bytes wrong in the ways that decoders have stumbled over. */
import type { Rng } from "../rng.ts";

/** Values that decoders have stumbled over. */
const dictionary: readonly Uint8Array[] = [
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
  Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
  Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
  Buffer.from([0x0b, 0x0b, 0x0b, 0x0b]),
  Buffer.from([0x00]),
  Buffer.from('"__proto__"'),
  Buffer.from("1e999"),
  Buffer.from("\\ud800"),
  Buffer.from("null"),
  Buffer.from("[[[[[[[["),
  Buffer.from('{"a":'.repeat(100)),
  Buffer.from([0xc0, 0x80, 0xff, 0xfe]),
  Buffer.alloc(300, 0x0a),
];

/** One to four changes anywhere in the bytes. */
export function mutate(rng: Rng, from: Uint8Array): Uint8Array {
  let bytes = Uint8Array.from(from);
  for (let changes = rng.pick([1, 1, 1, 2, 4]); changes > 0; changes--) {
    const at = rng.below(bytes.length + 1);
    const end = Math.min(bytes.length, at + rng.below(64));
    switch (rng.below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << rng.below(8));
        break;
      case 1:
        bytes = bytes.slice(0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), rng.pick(dictionary), bytes.subarray(at)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 4: {
        const source = rng.below(bytes.length + 1);
        const piece = bytes.slice(source, source + rng.below(200));
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
        break;
      }
      default:
        bytes.set(rng.bytes(end - at), at);
    }
  }
  return bytes;
}
