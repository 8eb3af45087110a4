/**
 * The values of a range as JSON in bytes: answers of a million numbers are made of these, and texts would be put together
 * from several million pieces that nobody needs after. In come rows, out come parts of buffers that nobody changes any
 * more.
 */
import { FLOAT, formatSample, type Row } from "@triptych/lang";

/** Small enough to lie in memory that is at hand, large enough that few are needed. */
const SLAB_BYTES = 64 * 1024;
/** No number has more than 30 characters; and what stands around it. */
const VALUE_BYTES_MAX = 512;

const OPEN = Buffer.from('"values":[');
const COMMA = Buffer.from(",");
const END = Buffer.from('"]');
const CLOSE = Buffer.from("]");

export class RangeValues {
  /** `[1700000000,"` of each step. */
  private readonly starts: readonly Uint8Array[];
  private slab = Buffer.allocUnsafe(SLAB_BYTES);
  private used = 0;

  constructor(times: readonly string[]) {
    this.starts = times.map((time) => Buffer.from(`${time}"`));
  }

  /** `"values":[…]` in parts; nothing when the row has no floats. */
  *parts({ kind, value }: Row): Generator<Uint8Array> {
    if (!kind.includes(FLOAT)) return;
    let from = this.used;
    let isFirst = true;
    for (let step = 0; step < kind.length; step++) {
      if (kind[step] !== FLOAT) continue;
      if (this.slab.length - this.used < VALUE_BYTES_MAX) {
        if (this.used > from) yield this.slab.subarray(from, this.used);
        this.slab = Buffer.allocUnsafe(SLAB_BYTES);
        this.used = 0;
        from = 0;
      }
      this.write(isFirst ? OPEN : COMMA);
      this.write(this.starts[step] as Uint8Array);
      this.writeText(formatSample(value[step] as number));
      this.write(END);
      isFirst = false;
    }
    this.write(CLOSE);
    yield this.slab.subarray(from, this.used);
  }

  private write(bytes: Uint8Array): void {
    const { slab, used } = this;
    const { length } = bytes;
    for (let i = 0; i < length; i++) slab[used + i] = bytes[i] as number;
    this.used = used + length;
  }

  /** Digits and signs only. */
  private writeText(text: string): void {
    const { slab, used } = this;
    const { length } = text;
    for (let i = 0; i < length; i++) slab[used + i] = text.charCodeAt(i);
    this.used = used + length;
  }
}
