/** Reads Prometheus' chunks, slowly and by the letter of the format. Tests only. */
export class BitReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array, headerBytes = 0) {
    this.bytes = bytes;
    this.at = headerBytes * 8;
  }

  bit(): number {
    const byte = this.bytes[this.at >> 3];
    if (byte === undefined) throw new Error("the chunk ends");
    return (byte >> (7 - (this.at++ & 7))) & 1;
  }

  bits(count: number): bigint {
    let out = 0n;
    for (let i = 0; i < count; i++) out = (out << 1n) | BigInt(this.bit());
    return out;
  }

  uvarint(): number {
    let out = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bits(8);
      out |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return Number(out);
    }
  }

  varint(): number {
    const raw = this.uvarint();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** Ones before a zero, at most `max`. */
  prefix(max: number): number {
    let ones = 0;
    while (ones < max && this.bit() === 1) ones++;
    return ones;
  }

  /** The range leans to the positive: the highest bit alone is a positive number. */
  leaning(count: number): number {
    const raw = this.bits(count);
    if (count === 64) return Number(BigInt.asIntN(64, raw));
    return Number(raw > 1n << BigInt(count - 1) ? raw - (1n << BigInt(count)) : raw);
  }

  varbitInt(): number {
    const sizes = [0, 3, 6, 9, 12, 18, 25, 56, 64];
    const size = sizes[this.prefix(8)] as number;
    return size === 0 ? 0 : this.leaning(size);
  }

  varbitUint(): number {
    const sizes = [0, 3, 6, 9, 12, 18, 25, 56, 64];
    const size = sizes[this.prefix(8)] as number;
    return size === 0 ? 0 : Number(this.bits(size));
  }
}

interface Xor {
  bits: bigint;
  leading: number;
  trailing: number;
}

function readXor(reader: BitReader, state: Xor): void {
  if (reader.bit() === 0) return;
  if (reader.bit() === 1) {
    state.leading = Number(reader.bits(5));
    const size = Number(reader.bits(6)) || 64;
    state.trailing = 64 - state.leading - size;
  }
  const size = 64 - state.leading - state.trailing;
  state.bits ^= reader.bits(size) << BigInt(state.trailing);
}

function numberOf(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0] as number;
}

export function readXorChunk(bytes: Uint8Array): { timeMs: number; value: number; bits: bigint }[] {
  const count = (bytes[0] as number) * 256 + (bytes[1] as number);
  const reader = new BitReader(bytes, 2);
  const state: Xor = { bits: 0n, leading: 0, trailing: 0 };
  const out: { timeMs: number; value: number; bits: bigint }[] = [];
  let timeMs = 0;
  let delta = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      timeMs = reader.varint();
      state.bits = reader.bits(64);
    } else {
      if (i === 1) delta = reader.uvarint();
      else {
        const size = [0, 14, 17, 20, 64][reader.prefix(4)] as number;
        delta += size === 0 ? 0 : reader.leaning(size);
      }
      timeMs += delta;
      readXor(reader, state);
    }
    out.push({ timeMs, value: numberOf(state.bits), bits: state.bits });
  }
  return out;
}

export function readFloatHistogramChunk(bytes: Uint8Array) {
  const count = (bytes[0] as number) * 256 + (bytes[1] as number);
  const reader = new BitReader(bytes, 3);
  const zeroThreshold = readZeroThreshold(reader);
  const schema = reader.varbitInt();
  const spans = (): [length: number, gap: number][] =>
    Array.from({ length: reader.varbitUint() }, () => [reader.varbitUint(), reader.varbitInt()]);
  const positive = spans();
  const negative = spans();
  const customValues =
    schema === -53 ? Array.from({ length: reader.varbitUint() }, () => readBound(reader)) : [];
  const buckets = [...positive, ...negative].reduce((sum, [length]) => sum + length, 0);
  const states: Xor[] = Array.from({ length: 3 + buckets }, () => ({
    bits: 0n,
    leading: 0,
    trailing: 0,
  }));
  const samples: number[][] = [];
  let timeMs = 0;
  let delta = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0) timeMs = reader.varbitInt();
    else {
      delta += reader.varbitInt();
      timeMs += delta;
    }
    for (const state of states) {
      if (i === 0) state.bits = reader.bits(64);
      else readXor(reader, state);
    }
    samples.push([timeMs, ...states.map(({ bits }) => numberOf(bits))]);
  }
  return { flags: bytes[2], schema, zeroThreshold, positive, negative, customValues, samples };
}

function readZeroThreshold(reader: BitReader): number {
  const byte = Number(reader.bits(8));
  if (byte === 0) return 0;
  return byte === 255 ? numberOf(reader.bits(64)) : 2 ** (byte - 244);
}

function readBound(reader: BitReader): number {
  const whole = reader.varbitUint();
  return whole === 0 ? numberOf(reader.bits(64)) : (whole - 1) / 1000;
}
