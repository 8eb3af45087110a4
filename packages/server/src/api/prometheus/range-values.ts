/**
 * The values of a range as JSON in bytes: answers of a million numbers are made of these, and texts would be put together
 * from several million pieces that nobody needs after. In come rows, out come parts of buffers that nobody changes any
 * more.
 */
import { FLOAT, formatSample, type Row } from "@triptych/lang";

/** Small enough to lie in memory that is at hand, large enough that few are needed. */
const SLAB_BYTES = 64 * 1024;
/** No number has more than 30 characters; and what stands around it, and what is copied too much. */
const VALUE_BYTES_MAX = 512;

const OPEN = Buffer.from('"values":[');
/** `]`. */
const CLOSE = 93;

export class RangeValues {
  private readonly times: Words;
  private readonly known: KnownValues;
  private slab = Buffer.allocUnsafe(SLAB_BYTES);
  private view = viewOf(this.slab);
  private used = 0;

  /** `times` are the steps' beginnings, as `[1700000000,`; of `rows` rows at most, more are allowed. */
  constructor(times: readonly string[], rows: number) {
    this.times = wordsOf(times.map((time) => `${time}"`));
    this.known = new KnownValues(times.length * rows);
  }

  /** `"values":[…]` in parts; nothing when the row has no floats. */
  *parts({ kind, value }: Row): Generator<Uint8Array> {
    if (!kind.includes(FLOAT)) return;
    let from = this.used;
    this.makeRoom();
    if (this.used < from) from = 0;
    this.slab.set(OPEN, this.used);
    this.used += OPEN.length;
    for (let step = 0; ; ) {
      step = this.writeSome(kind, value, step);
      if (step === kind.length) break;
      yield this.slab.subarray(from, this.used);
      this.makeRoom();
      from = this.used;
    }
    // In the place of the comma after the last value.
    this.slab[this.used - 1] = CLOSE;
    yield this.slab.subarray(from, this.used);
  }

  private makeRoom(): void {
    if (this.slab.length - this.used >= VALUE_BYTES_MAX + OPEN.length) return;
    this.slab = Buffer.allocUnsafe(SLAB_BYTES);
    this.view = viewOf(this.slab);
    this.used = 0;
  }

  /** Writes values from `step` on, each with a comma after it, and returns the first step that has no room. */
  private writeSome(kind: Uint8Array, value: Float64Array, step: number): number {
    const { view, times, known } = this;
    const words = new Uint32Array(value.buffer, value.byteOffset, value.length * 2);
    const least = this.slab.length - VALUE_BYTES_MAX;
    let { used } = this;
    let at = step;
    for (; at < kind.length; at++) {
      if (kind[at] !== FLOAT) continue;
      if (used > least) break;
      const start = at * times.width;
      for (let i = 0; i < times.width; i++)
        view.setFloat64(used + i * 8, times.words[start + i] as number, true);
      used += times.lengths[at] as number;
      used = known.write(value, words, at, { view, used });
    }
    this.used = used;
    return at;
  }
}

const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView =>
  new DataView(buffer, byteOffset, length);

/**
 * Texts as floats of eight bytes, because those are copied much faster than bytes. No text of digits and signs is NaN
 * as a float, whose bits might change.
 */
interface Words {
  readonly words: Float64Array;
  /** Bytes. */
  readonly lengths: Uint8Array;
  /** Words of one text. */
  readonly width: number;
}

function wordsOf(texts: readonly string[]): Words {
  const width = Math.ceil(texts.reduce((most, { length }) => Math.max(most, length), 1) / 8);
  const bytes = Buffer.alloc(texts.length * width * 8);
  for (const [i, text] of texts.entries()) bytes.write(text, i * width * 8, "latin1");
  const view = viewOf(bytes);
  return {
    words: Float64Array.from({ length: texts.length * width }, (_, i) =>
      view.getFloat64(i * 8, true),
    ),
    lengths: Uint8Array.from(texts, ({ length }) => length),
    width,
  };
}

/** Longer texts are not kept: none has more but those of huge numbers. */
const KEPT_WORDS = 4;
const KEPT_MAX = 4096;
const KEPT_MIN = 64;
/** A table is worth its memory when so many values come for each of its places. */
const VALUES_PER_PLACE = 8;
const SMALL_MAX = 2 ** 30;
const ZERO = 48;
const QUOTE = 34;
const COMMA = 44;

/**
 * Writes numbers, and keeps the texts of some: to find the shortest digits is most of the work, and rates of counters
 * that are scraped at a steady pace have few values.
 */
class KnownValues {
  private readonly shift: number;
  private readonly low: Uint32Array;
  private readonly high: Uint32Array;
  /** 0: nothing is kept there. */
  private readonly lengths: Uint8Array;
  private readonly texts: Float64Array;

  constructor(values: number) {
    let bits = Math.log2(KEPT_MIN);
    while (2 ** bits < KEPT_MAX && 2 ** bits * VALUES_PER_PLACE < values) bits++;
    this.shift = 32 - bits;
    this.low = new Uint32Array(2 ** bits);
    this.high = new Uint32Array(2 ** bits);
    this.lengths = new Uint8Array(2 ** bits);
    this.texts = new Float64Array(2 ** bits * KEPT_WORDS);
  }

  /** Writes the value, whose two words are given too, and `"],`; returns the place after it. */
  write(
    values: Float64Array,
    words: Uint32Array,
    at: number,
    { view, used }: { readonly view: DataView; readonly used: number },
  ): number {
    const value = values[at] as number;
    const low = words[at * 2] as number;
    const high = words[at * 2 + 1] as number;
    // The bits tell zero from the negative one.
    if (value < SMALL_MAX && value > 0 && (value | 0) === value)
      return writeEnd(view, writeSmall(view, used, value));
    const place = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) >>> this.shift;
    const start = place * KEPT_WORDS;
    const { texts, lengths } = this;
    const kept = lengths[place] as number;
    if (kept > 0 && this.low[place] === low && this.high[place] === high) {
      for (let i = 0; i < KEPT_WORDS; i++)
        view.setFloat64(used + i * 8, texts[start + i] as number, true);
      return used + kept;
    }
    const text = formatSample(value);
    for (let i = 0; i < text.length; i++) view.setUint8(used + i, text.charCodeAt(i));
    const end = writeEnd(view, used + text.length);
    if (end - used > KEPT_WORDS * 8) return end;
    for (let i = 0; i < KEPT_WORDS; i++) texts[start + i] = view.getFloat64(used + i * 8, true);
    this.low[place] = low;
    this.high[place] = high;
    lengths[place] = end - used;
    return end;
  }
}

function writeEnd(view: DataView, at: number): number {
  view.setUint8(at, QUOTE);
  view.setUint8(at + 1, CLOSE);
  view.setUint8(at + 2, COMMA);
  return at + 3;
}

/** A whole number of at most ten digits. */
function writeSmall(view: DataView, at: number, value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let left = value | 0;
  for (let i = digits - 1; i >= 0; i--) {
    const rest = (left / 10) | 0;
    view.setUint8(at + i, ZERO + left - rest * 10);
    left = rest;
  }
  return at + digits;
}
