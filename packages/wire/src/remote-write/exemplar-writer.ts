/** Exemplars of Prometheus' formats: labels in, of which trace and span id get columns of their own. */
import { type SampleBatch, ValueKind } from "@triptych/model";
import { isUtf8 } from "./utf8.ts";

/** OpenMetrics' bound for the names and values of one exemplar together, in characters. */
const LABEL_CHARS_MAX = 128;
const LABELS_MAX = 32;

/** A piece of a body; the writer keeps it until the exemplar ends, so the body must not change. */
interface Piece {
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class ExemplarWriter {
  private readonly batch: SampleBatch;
  private readonly pieces: Piece[] = [];

  constructor(batch: SampleBatch) {
    this.batch = batch;
  }

  begin(): void {
    this.pieces.length = 0;
  }

  /** One label: first its name, then its value. */
  add(source: Uint8Array, start: number, end: number): void {
    // One more than allowed is kept, so that `end` sees that there were too many.
    if (this.pieces.length <= LABELS_MAX * 2) this.pieces.push({ source, start, end });
  }

  /** Adds the exemplar to a series; false when it is refused: too long, or not UTF-8. */
  end(series: number, timeMs: number, value: number): boolean {
    const { pieces, batch } = this;
    if (pieces.length > LABELS_MAX * 2 || !this.fits()) return false;
    const { exemplars, keys } = batch;
    const row = exemplars.addRow(series, timeMs, value);
    for (let i = 0; i + 1 < pieces.length; i += 2) {
      const name = pieces[i] as Piece;
      const text = pieces[i + 1] as Piece;
      if (text.start === text.end) continue;
      if (is(name, "trace_id", "traceID") && hexInto(text, exemplars.traceId, row * 16, 16))
        continue;
      if (is(name, "span_id", "spanID") && hexInto(text, exemplars.spanId, row * 8, 8)) continue;
      const key = keys.intern(name.source, name.start, name.end);
      exemplars.attributes.addEntry(key, ValueKind.string);
      exemplars.attributes.values.append(text.source, text.start, text.end);
    }
    exemplars.attributes.endRow();
    return true;
  }

  private fits(): boolean {
    let chars = 0;
    for (const { source, start, end } of this.pieces) {
      if (end - start > LABEL_CHARS_MAX * 4 || !isUtf8(source, start, end)) return false;
      for (let i = start; i < end; i++) if (((source[i] as number) & 0xc0) !== 0x80) chars++;
    }
    return chars <= LABEL_CHARS_MAX;
  }
}

function is(piece: Piece, ...names: readonly string[]): boolean {
  const { source, start, end } = piece;
  return names.some((name) => {
    if (name.length !== end - start) return false;
    for (let i = 0; i < name.length; i++)
      if (source[start + i] !== name.charCodeAt(i)) return false;
    return true;
  });
}

/** Writes `size` bytes from hexadecimal text; false, and nothing written, when the text is not that. */
function hexInto(text: Piece, out: Uint8Array, at: number, size: number): boolean {
  if (text.end - text.start !== size * 2) return false;
  for (let i = text.start; i < text.end; i++) if (digit(text.source[i] as number) < 0) return false;
  for (let i = 0; i < size; i++) {
    const high = digit(text.source[text.start + i * 2] as number);
    out[at + i] = high * 16 + digit(text.source[text.start + i * 2 + 1] as number);
  }
  return true;
}

function digit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
