/**
 * How many bytes a Zstandard frame unpacks to, without unpacking it (RFC 8878, 3.1.1.3). Each block says how many
 * literals it has, and its sequences say how much is copied; what is copied need not be looked at. So the cost is
 * that of the bytes sent, and a body that repeats one line a million times is known for a bomb in a millisecond.
 */
import { TriptychError } from "@triptych/model";
import { frameBlocks, type ZstdFrame } from "./zstd-frames.ts";

/** The three numbers of a sequence, in the order in which their tables stand in a block. */
interface Codes {
  /** Bits that follow each code. */
  readonly bits: readonly number[];
  readonly accuracyMax: number;
  readonly usual: Table;
}

/** A decoding table: for each state the code it stands for, and where the next state is found. */
interface Table {
  readonly accuracy: number;
  readonly code: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

const BLOCK_BYTES_MAX = 128 * 1024;
const MATCH_LENGTH_MIN = 3;

const literalsBits = [
  ...Array.from({ length: 16 }, () => 0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
];
const matchBits = [
  ...Array.from({ length: 32 }, () => 0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
];
/** The shortest match of each code: the codes divide all lengths between them. */
const matchBase: readonly number[] = startsOf(matchBits, MATCH_LENGTH_MIN);
const offsetBits = Array.from({ length: 32 }, (_, code) => code);

/** Distributions that a block may use without sending them (RFC 8878, 3.1.1.3.2.2). */
const literals: Codes = {
  bits: literalsBits,
  accuracyMax: 9,
  usual: buildTable(6, [
    ...[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1],
    ...[1, 1, 1, 1, -1, -1, -1, -1],
  ]),
};
const offsets: Codes = {
  bits: offsetBits,
  accuracyMax: 8,
  usual: buildTable(5, [
    ...[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ...[-1, -1, -1, -1, -1],
  ]),
};
const matches: Codes = {
  bits: matchBits,
  accuracyMax: 9,
  usual: buildTable(6, [
    ...[1, 4, 3, 2, 2, 2, 2, 2, 2],
    ...Array.from({ length: 37 }, () => 1),
    ...[-1, -1, -1, -1, -1, -1, -1],
  ]),
};

/**
 * Yields the number of bytes that the frame unpacks to, as far as its blocks were read: one number a block, growing.
 * Throws `encoding_malformed` where a block cannot be read. What it accepts may still be damaged (nobody looks at
 * literals and offsets here); the decoder that follows will say so.
 */
export function* countZstdFrame(body: Uint8Array, frame: ZstdFrame): Generator<number, void> {
  const tables: Tables = { literals: undefined, offsets: undefined, matches: undefined };
  let total = 0;
  for (const block of frameBlocks(body, frame)) {
    total += block.compressed
      ? countBlock(body.subarray(block.start, block.end), tables)
      : block.size;
    yield total;
  }
}

/** The tables of the block before, which the next one may name again. */
interface Tables {
  literals: Table | undefined;
  offsets: Table | undefined;
  matches: Table | undefined;
}

function countBlock(block: Uint8Array, tables: Tables): number {
  const section = readLiterals(block);
  const bytes = section.bytes + countMatches(block, section.end, tables);
  if (bytes > BLOCK_BYTES_MAX) throw malformed("a block unpacks to more than one can hold");
  return bytes;
}

/** What the section of literals grows to, and where it ends (RFC 8878, 3.1.1.3.1.1). */
function readLiterals(block: Uint8Array): { bytes: number; end: number } {
  const first = byteAt(block, 0);
  const type = first & 3;
  const format = (first >> 2) & 3;
  if (type < 2) {
    const header = format === 1 ? 2 : format === 3 ? 3 : 1;
    const packed = littleEndian(block, 0, header);
    const bytes = header === 1 ? packed >> 3 : packed >> 4;
    // Stored as they are, or one byte that is repeated.
    return { bytes, end: header + (type === 0 ? bytes : 1) };
  }
  const header = format < 2 ? 3 : format + 2;
  const width = [10, 10, 14, 18][format] as number;
  const packed = littleEndian(block, 0, header);
  const bytes = Math.floor(packed / 16) % 2 ** width;
  const packedBytes = Math.floor(packed / 2 ** (4 + width)) % 2 ** width;
  return { bytes, end: header + packedBytes };
}

/** The sum of the lengths of all matches of a block. */
function countMatches(block: Uint8Array, start: number, tables: Tables): number {
  const first = byteAt(block, start);
  if (first === 0) {
    if (start + 1 !== block.length) throw malformed("bytes follow a block without sequences");
    return 0;
  }
  let at = start + 1;
  let count = first;
  if (first === 255) {
    count = littleEndian(block, at, 2) + 0x7f00;
    at += 2;
  } else if (first >= 128) {
    count = ((first - 128) << 8) + byteAt(block, at++);
  }
  const modes = byteAt(block, at++);
  if ((modes & 3) !== 0) throw malformed("reserved bits of a block are set");
  const reader: Reader = { block, at };
  tables.literals = readTable(reader, modes >> 6, literals, tables.literals);
  tables.offsets = readTable(reader, (modes >> 4) & 3, offsets, tables.offsets);
  tables.matches = readTable(reader, (modes >> 2) & 3, matches, tables.matches);
  const { literals: l, offsets: o, matches: m } = tables;
  return sumMatches(block.subarray(reader.at), count, { l, o, m });
}

interface Reader {
  readonly block: Uint8Array;
  at: number;
}

function readTable(reader: Reader, mode: number, codes: Codes, before: Table | undefined): Table {
  switch (mode) {
    case 0:
      return codes.usual;
    case 1: {
      const code = byteAt(reader.block, reader.at++);
      if (code >= codes.bits.length) throw malformed(`code ${code} does not exist`);
      return buildTable(0, [...Array.from({ length: code }, () => 0), 1]);
    }
    case 2:
      return readDistribution(reader, codes);
    default:
      if (before === undefined) throw malformed("a block names a table that no block had");
      return before;
  }
}

/** A distribution as it is sent: numbers of as few bits as what is left allows (RFC 8878, 4.1.1). */
function readDistribution(reader: Reader, codes: Codes): Table {
  const { block } = reader;
  let bit = reader.at * 8;
  const take = (bits: number): number => {
    const value = (littleEndianPadded(block, bit >> 3) >>> (bit & 7)) & ((1 << bits) - 1);
    bit += bits;
    return value;
  };
  const accuracy = take(4) + 5;
  if (accuracy > codes.accuracyMax) throw malformed(`a table of ${accuracy} bits is too large`);
  const shares: number[] = [];
  let left = 1 << accuracy;
  while (left > 0) {
    if (shares.length >= codes.bits.length) throw malformed("a table has too many codes");
    const bits = 32 - Math.clz32(left + 1);
    const short = (1 << bits) - 1 - (left + 1);
    let value = take(bits - 1);
    if (value >= short) {
      const top = take(1);
      if (top === 1) value += (1 << (bits - 1)) - short;
    }
    const share = value - 1;
    left -= Math.abs(share);
    shares.push(share);
    if (share !== 0) continue;
    for (let zeros = 3; zeros === 3; ) {
      zeros = take(2);
      for (let i = 0; i < zeros; i++) shares.push(0);
      if (shares.length > codes.bits.length) throw malformed("a table has too many codes");
    }
  }
  reader.at = (bit + 7) >> 3;
  if (left < 0 || reader.at > block.length) throw malformed("a table is damaged");
  return buildTable(accuracy, shares);
}

/** Lays out the states of a distribution (RFC 8878, 4.1.1); a share of -1 means less than one. */
function buildTable(accuracy: number, shares: readonly number[]): Table {
  const size = 1 << accuracy;
  const code = new Uint8Array(size);
  const next = new Uint16Array(shares.length);
  let high = size;
  for (const [symbol, share] of shares.entries()) {
    if (share === -1) code[--high] = symbol;
    next[symbol] = Math.abs(share);
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (const [symbol, share] of shares.entries()) {
    for (let i = 0; i < share; i++) {
      code[at] = symbol;
      if (size === 1) continue;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = code[state] as number;
    const number = next[symbol] as number;
    next[symbol] = number + 1;
    bits[state] = accuracy - (31 - Math.clz32(number));
    base[state] = (number << (bits[state] as number)) - size;
  }
  return { accuracy, code, bits, base };
}

/** Reads the sequences from the end of the block to their beginning, as they are written (RFC 8878, 3.1.1.3.2). */
function sumMatches(
  stream: Uint8Array,
  count: number,
  { l, o, m }: { readonly l: Table; readonly o: Table; readonly m: Table },
): number {
  const last = stream[stream.length - 1] ?? 0;
  if (last === 0) throw malformed("a block's sequences have no end");
  // The highest bit that is set only marks where the stream begins.
  let bit = stream.length * 8 - 8 + (31 - Math.clz32(last));
  const take = (bits: number): number => {
    bit -= bits;
    if (bit < 0) throw malformed("a block's sequences are cut short");
    const at = bit >> 3;
    const word = (stream[at] ?? 0) | ((stream[at + 1] ?? 0) << 8) | ((stream[at + 2] ?? 0) << 16);
    return (word >>> (bit & 7)) & ((1 << bits) - 1);
  };
  let literalsState = take(l.accuracy);
  let offsetState = take(o.accuracy);
  let matchState = take(m.accuracy);
  let sum = 0;
  for (let i = 1; i <= count && sum <= BLOCK_BYTES_MAX; i++) {
    const match = m.code[matchState] as number;
    bit -= o.code[offsetState] as number;
    sum += (matchBase[match] as number) + take(matchBits[match] as number);
    bit -= literalsBits[l.code[literalsState] as number] as number;
    if (i === count) break;
    literalsState = (l.base[literalsState] as number) + take(l.bits[literalsState] as number);
    matchState = (m.base[matchState] as number) + take(m.bits[matchState] as number);
    offsetState = (o.base[offsetState] as number) + take(o.bits[offsetState] as number);
  }
  if (bit < 0) throw malformed("a block's sequences are cut short");
  return sum;
}

function startsOf(bits: readonly number[], first: number): number[] {
  let at = first;
  return bits.map((width) => {
    const start = at;
    at += 2 ** width;
    return start;
  });
}

function byteAt(block: Uint8Array, at: number): number {
  const byte = block[at];
  if (byte === undefined) throw malformed("a block ends inside a header");
  return byte;
}

/** `bytes` bytes as one number; up to 5 of them, so no bit operators. */
function littleEndian(block: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + byteAt(block, at + i);
  return value;
}

/** 3 bytes from `at`, zeros where the block has ended: more than 9 bits from any bit on. */
function littleEndianPadded(block: Uint8Array, at: number): number {
  return (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8) | ((block[at + 2] ?? 0) << 16);
}

function malformed(why: string): TriptychError {
  return new TriptychError("encoding_malformed", `The zstd body cannot be decompressed: ${why}.`);
}
