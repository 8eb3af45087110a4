/**
 * Labels of one series after the other, checked and written into a batch's series table. Names and values are
 * checked once per distinct one, not once per series: the verdict is kept beside the dictionary entry.
 */
import { type Limits, type SeriesTable, TriptychError } from "@triptych/model";
import { isUtf8 } from "./utf8.ts";

/** Labels of all series of a request, as for OTLP (160 MB): references of two bytes could make far more. */
const LABELS_PER_REQUEST_MAX = 20_000_000;

/** Why something was refused: the code is counted, the text is told to the sender. */
export interface Problem {
  readonly reason: "label_invalid" | "label_limit";
  readonly text: string;
}

/** A state of 0 means: not judged yet. */
const GOOD = 1;
const EMPTY = 2;
const NOT_UTF8 = 3;
const TOO_LONG = 4;

export class SeriesLabels {
  readonly series: SeriesTable;
  /** What is wrong with the open series; undefined while nothing is. */
  problem: Problem | undefined;
  /** The value id of the open series' metric name, -1 while it has none. */
  metric = -1;

  private readonly limits: Limits;
  private readonly metricLabel: number;
  private nameStates = new Uint8Array(64);
  private valueStates = new Uint8Array(256);
  /** Per label name the serial of the last series that had it: finds duplicates without sorting. */
  private seenIn = new Uint32Array(64);
  private serial = 0;
  private count = 0;

  constructor(series: SeriesTable, limits: Limits) {
    this.series = series;
    this.limits = limits;
    this.metricLabel = series.names.internText("__name__");
  }

  /** `offset` is where the series is, for the error when a request has too many labels. */
  begin(offset: number): void {
    if (this.series.entries > LABELS_PER_REQUEST_MAX) {
      const text = `The request has more than ${LABELS_PER_REQUEST_MAX} labels of series, at byte ${offset}`;
      throw new TriptychError("wire_too_many_items", text, { offset });
    }
    this.serial++;
    this.problem = undefined;
    this.metric = -1;
    this.count = 0;
  }

  add(name: number, value: number): void {
    if (name >= this.nameStates.length) {
      this.nameStates = grownU8(this.nameStates, name);
      this.seenIn = grownU32(this.seenIn, name);
    }
    if (value >= this.valueStates.length) this.valueStates = grownU8(this.valueStates, value);
    const nameState = this.nameStates[name] || this.judgeName(name);
    const valueState = this.valueStates[value] || this.judgeValue(value);
    if (nameState !== GOOD || valueState > EMPTY) {
      this.refuse(name, nameState, valueState);
      return;
    }
    if (this.seenIn[name] === this.serial) {
      const text = `label name ${quoted(this.series.names.text(name))} occurs twice`;
      this.problem ??= { reason: "label_invalid", text };
      return;
    }
    this.seenIn[name] = this.serial;
    // A label with an empty value is one that is not there.
    if (valueState === EMPTY) return;
    if (name === this.metricLabel) this.metric = value;
    if (++this.count > this.limits.labelsPerSeriesMax) {
      const text = `a series has more than ${this.limits.labelsPerSeriesMax} labels`;
      this.problem ??= { reason: "label_limit", text };
      return;
    }
    this.series.addLabel(name, value);
  }

  has(name: number): boolean {
    return this.seenIn[name] === this.serial;
  }

  /** Closes the series: its row, or -1 when there is a `problem`. */
  end(temporality: number): number {
    if (this.metric < 0)
      this.problem ??= { reason: "label_invalid", text: "a series has no metric name" };
    if (this.problem === undefined) return this.series.end(temporality);
    this.abandon();
    return -1;
  }

  /** Forgets the labels of the open series. */
  abandon(): void {
    this.series.entries = this.series.offsets[this.series.rows] as number;
  }

  private judgeName(name: number): number {
    const { bytes, offsets } = this.series.names.entries;
    const start = offsets[name] as number;
    const end = offsets[name + 1] as number;
    let state: number = GOOD;
    if (start === end) state = EMPTY;
    else if (end - start > this.limits.labelNameBytesMax) state = TOO_LONG;
    else if (!isUtf8(bytes, start, end)) state = NOT_UTF8;
    this.nameStates[name] = state;
    return state;
  }

  private judgeValue(value: number): number {
    const { bytes, offsets } = this.series.values.entries;
    const start = offsets[value] as number;
    const end = offsets[value + 1] as number;
    let state: number = GOOD;
    if (start === end) state = EMPTY;
    else if (end - start > this.limits.labelValueBytesMax) state = TOO_LONG;
    else if (!isUtf8(bytes, start, end)) state = NOT_UTF8;
    this.valueStates[value] = state;
    return state;
  }

  private refuse(name: number, nameState: number, valueState: number): void {
    if (this.problem !== undefined) return;
    const { labelNameBytesMax, labelValueBytesMax } = this.limits;
    if (nameState === TOO_LONG) {
      const text = `a label name is longer than ${labelNameBytesMax} bytes`;
      this.problem = { reason: "label_limit", text };
    } else if (nameState !== GOOD) {
      const text = nameState === EMPTY ? "a label name is empty" : "a label name is not UTF-8";
      this.problem = { reason: "label_invalid", text };
    } else {
      const label = quoted(this.series.names.text(name));
      this.problem =
        valueState === TOO_LONG
          ? {
              reason: "label_limit",
              text: `the value of label ${label} is longer than ${labelValueBytesMax} bytes`,
            }
          : { reason: "label_invalid", text: `the value of label ${label} is not UTF-8` };
    }
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function grownU8(array: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(at + 1, array.length * 2));
  grown.set(array);
  return grown;
}

function grownU32(array: Uint32Array, at: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(Math.max(at + 1, array.length * 2));
  grown.set(array);
  return grown;
}
