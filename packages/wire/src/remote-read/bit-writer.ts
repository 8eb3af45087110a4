/**
 * Writes bits, the highest first, as Prometheus' chunks hold them, with the codes that its chunks share: numbers in
 * few bits when they are small, and floats as what changed since the one before.
 */
import { grownU8 } from "@triptych/model";

/** What a stream of floats remembers of the one before. */
export interface XorState {
  low: number;
  high: number;
  /** -1 before the first that changed. */
  leading: number;
  trailing: number;
}

export const xorState = (): XorState => ({ low: 0, high: 0, leading: -1, trailing: 0 });

/** More leading zeros than this do not fit into five bits. */
const LEADING_MAX = 31;

export class BitWriter {
  private out: Uint8Array<ArrayBuffer>;
  private bits = 0;

  /** `header` bytes at the start are left for the caller. */
  constructor(header: number, bytesHint = 512) {
    this.out = new Uint8Array(Math.max(header, bytesHint));
    this.bits = header * 8;
  }

  get size(): number {
    return (this.bits + 7) >>> 3;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.out.slice(0, this.size);
  }

  setByte(at: number, value: number): void {
    this.out[at] = value;
  }

  /** The lowest `count` bits of `value`, at most 32. */
  write(value: number, count: number): void {
    const end = (this.bits + count + 7) >>> 3;
    if (end > this.out.length) this.out = grownU8(this.out, end);
    let left = count;
    while (left > 0) {
      const at = this.bits >>> 3;
      const room = 8 - (this.bits & 7);
      const taken = Math.min(room, left);
      const piece = (value >>> (left - taken)) & ((1 << taken) - 1);
      this.out[at] = (this.out[at] as number) | (piece << (room - taken));
      this.bits += taken;
      left -= taken;
    }
  }

  /** The lowest `count` bits of a number of 64 bits given as words. */
  write64(low: number, high: number, count: number): void {
    if (count > 32) {
      this.write(high, count - 32);
      this.write(low, 32);
    } else this.write(low, count);
  }

  /** Bytes of a varint, low groups first. */
  uvarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.write((rest % 0x80) | 0x80, 8);
      rest = Math.floor(rest / 0x80);
    }
    this.write(rest, 8);
  }

  /** Signed numbers within 2^52. */
  varint(value: number): void {
    this.uvarint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** A whole number as two's complement of `count` bits. */
  signed(value: number, count: number): void {
    const high = Math.floor(value / 2 ** 32);
    this.write64(value - high * 2 ** 32, high >>> 0, count);
  }

  /** The bits of a float as what changed since the one before. */
  xor(state: XorState, low: number, high: number): void {
    const changedLow = (low ^ state.low) >>> 0;
    const changedHigh = (high ^ state.high) >>> 0;
    state.low = low;
    state.high = high;
    if (changedLow === 0 && changedHigh === 0) {
      this.write(0, 1);
      return;
    }
    const zeros = changedHigh === 0 ? 32 + Math.clz32(changedLow) : Math.clz32(changedHigh);
    const leading = Math.min(zeros, LEADING_MAX);
    const trailing = changedLow === 0 ? 32 + trailingZeros(changedHigh) : trailingZeros(changedLow);
    if (state.leading >= 0 && leading >= state.leading && trailing >= state.trailing) {
      this.write(0b10, 2);
    } else {
      state.leading = leading;
      state.trailing = trailing;
      this.write(0b11, 2);
      this.write(leading, 5);
      // 64 does not fit into six bits; none at all is never written here, so it stands for 64.
      this.write((64 - leading - trailing) & 63, 6);
    }
    const shift = state.trailing;
    const count = 64 - state.leading - shift;
    if (shift >= 32) this.write(changedHigh >>> (shift - 32), count);
    else if (shift === 0) this.write64(changedLow, changedHigh, count);
    else
      this.write64(
        (changedLow >>> shift) | (changedHigh << (32 - shift)),
        changedHigh >>> shift,
        count,
      );
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Whether a number fits into `bits` as Prometheus' chunks count: the range leans to the positive by one. */
export function fitsBits(value: number, bits: number): boolean {
  return value >= 1 - 2 ** (bits - 1) && value <= 2 ** (bits - 1);
}

/** Size of the number, and the prefix that says so. */
const signedCodes: readonly (readonly [bits: number, prefix: number, prefixBits: number])[] = [
  [3, 0b10, 2],
  [6, 0b110, 3],
  [9, 0b1110, 4],
  [12, 0b11110, 5],
  [18, 0b111110, 6],
  [25, 0b1111110, 7],
  [56, 0b11111110, 8],
];

/** A signed number in as few bits as its size allows; within 2^53. */
export function writeVarbitInt(out: BitWriter, value: number): void {
  if (value === 0) {
    out.write(0, 1);
    return;
  }
  for (const [bits, prefix, prefixBits] of signedCodes) {
    if (!fitsBits(value, bits)) continue;
    out.write(prefix, prefixBits);
    out.signed(value, bits);
    return;
  }
  out.write(0xff, 8);
  out.signed(value, 64);
}

/** The same for numbers that are never negative. */
export function writeVarbitUint(out: BitWriter, value: number): void {
  if (value === 0) {
    out.write(0, 1);
    return;
  }
  for (const [bits, prefix, prefixBits] of signedCodes) {
    if (value >= 2 ** bits) continue;
    out.write(prefix, prefixBits);
    out.signed(value, bits);
    return;
  }
  out.write(0xff, 8);
  out.signed(value, 64);
}
