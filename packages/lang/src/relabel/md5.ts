/**
 * MD5 (RFC 1321), for `hashmod` alone: Prometheus shards by it, so targets land on the same shard here. Not for
 * anything that must be secure.
 */

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Uint32Array.from({ length: 64 }, (_, i) =>
  Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32),
);

/** The 16 bytes of the digest. */
export function md5(message: Uint8Array): Uint8Array {
  const words = padded(message);
  const state = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let block = 0; block < words.length; block += 16) mix(state, words.subarray(block));
  const digest = new Uint8Array(16);
  const view = new DataView(digest.buffer);
  for (let i = 0; i < 4; i++) view.setUint32(i * 4, state[i] as number, true);
  return digest;
}

/** The message, a one bit, zeros, and its length in bits: whole blocks of 16 words. */
function padded(message: Uint8Array): Uint32Array {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 8, (message.length << 3) >>> 0, true);
  view.setUint32(bytes.length - 4, message.length >>> 29, true);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(i * 4, true));
}

function mix(state: Uint32Array, words: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const { bits, word } = roundOf(round, i, [b, c, d]);
    const sum = (a + bits + (SINES[i] as number) + (words[word] as number)) | 0;
    const shift = SHIFTS[round * 4 + (i & 3)] as number;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  for (const [i, word] of [a, b, c, d].entries()) state[i] = ((state[i] as number) + word) >>> 0;
}

function roundOf(
  round: number,
  i: number,
  [b, c, d]: readonly [b: number, c: number, d: number],
): { readonly bits: number; readonly word: number } {
  switch (round) {
    case 0:
      return { bits: (b & c) | (~b & d), word: i };
    case 1:
      return { bits: (d & b) | (~d & c), word: (5 * i + 1) & 15 };
    case 2:
      return { bits: b ^ c ^ d, word: (3 * i + 5) & 15 };
    default:
      return { bits: c ^ (b | ~d), word: (7 * i) & 15 };
  }
}
