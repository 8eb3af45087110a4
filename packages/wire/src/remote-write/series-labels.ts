/**
 * Labels of one series after the other, checked and written into a batch's series table. Names and values are
 * checked once per distinct one, not once per series: the verdict is kept beside the dictionary entry.
 */
import { type Dictionary, type Limits, type SeriesTable, TriptychError } from "@triptych/model";
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

/** What is wrong with names and values, by their ids in the dictionaries of one table. */
export class LabelVerdicts {
  readonly series: SeriesTable;
  readonly limits: Limits;
  private nameStates = new Uint8Array(64);
  private valueStates = new Uint8Array(256);

  constructor(series: SeriesTable, limits: Limits) {
    this.series = series;
    this.limits = limits;
  }

  get bytes(): number {
    return this.nameStates.length + this.valueStates.length;
  }

  ofName(name: number): number {
    if (name >= this.nameStates.length) this.nameStates = grownU8(this.nameStates, name);
    const known = this.nameStates[name] as number;
    if (known !== 0) return known;
    const state = judge(this.series.names, name, this.limits.labelNameBytesMax);
    this.nameStates[name] = state;
    return state;
  }

  ofValue(value: number): number {
    if (value >= this.valueStates.length) this.valueStates = grownU8(this.valueStates, value);
    const known = this.valueStates[value] as number;
    if (known !== 0) return known;
    const state = judge(this.series.values, value, this.limits.labelValueBytesMax);
    this.valueStates[value] = state;
    return state;
  }
}

function judge({ entries }: Dictionary, id: number, bytesMax: number): number {
  const { bytes, offsets } = entries;
  const start = offsets[id] as number;
  const end = offsets[id + 1] as number;
  if (start === end) return EMPTY;
  if (end - start > bytesMax) return TOO_LONG;
  return isUtf8(bytes, start, end) ? GOOD : NOT_UTF8;
}

/**
 * One at a time is open. Its labels are kept aside until it ends, so that others can add to the same table between
 * two calls.
 */
export class SeriesLabels {
  readonly series: SeriesTable;
  /** What is wrong with the open series; undefined while nothing is. */
  problem: Problem | undefined;
  /** The value id of the open series' metric name, -1 while it has none. */
  metric = -1;

  private readonly limits: Limits;
  private readonly verdicts: LabelVerdicts;
  private readonly metricLabel: number;
  /** Per label name the serial of the last series that had it: finds duplicates without sorting. */
  private seenIn = new Uint32Array(64);
  private serial = 0;
  private count = 0;
  private openNames = new Uint32Array(32);
  private openValues = new Uint32Array(32);
  /** Labels of all series that were taken. */
  private total = 0;

  constructor(series: SeriesTable, limits: Limits, verdicts = new LabelVerdicts(series, limits)) {
    this.series = series;
    this.limits = limits;
    this.verdicts = verdicts;
    this.metricLabel = series.names.internText("__name__");
  }

  /** `offset` is where the series is, for the error when a request has too many labels. */
  begin(offset: number): void {
    if (this.total > LABELS_PER_REQUEST_MAX) {
      const text = `The request has more than ${LABELS_PER_REQUEST_MAX} labels of series, at byte ${offset}`;
      throw new TriptychError("wire_too_many_items", text, { offset });
    }
    this.serial++;
    this.problem = undefined;
    this.metric = -1;
    this.count = 0;
  }

  add(name: number, value: number): void {
    const nameState = this.verdicts.ofName(name);
    const valueState = this.verdicts.ofValue(value);
    if (nameState !== GOOD || valueState > EMPTY) {
      this.refuse(name, nameState, valueState);
      return;
    }
    if (name >= this.seenIn.length) this.seenIn = grownU32(this.seenIn, name);
    if (this.seenIn[name] === this.serial) {
      const text = `label name ${quoted(this.series.names.text(name))} occurs twice`;
      this.problem ??= { reason: "label_invalid", text };
      return;
    }
    this.seenIn[name] = this.serial;
    // A label with an empty value is one that is not there.
    if (valueState === EMPTY) return;
    if (name === this.metricLabel) this.metric = value;
    if (this.count === this.limits.labelsPerSeriesMax) {
      const text = `a series has more than ${this.limits.labelsPerSeriesMax} labels`;
      this.problem ??= { reason: "label_limit", text };
      return;
    }
    const at = this.count++;
    if (at === this.openNames.length) {
      this.openNames = grownU32(this.openNames, at);
      this.openValues = grownU32(this.openValues, at);
    }
    this.openNames[at] = name;
    this.openValues[at] = value;
  }

  has(name: number): boolean {
    return this.seenIn[name] === this.serial;
  }

  /** Closes the series: its row, or -1 when there is a `problem`. */
  end(temporality: number): number {
    if (this.metric < 0)
      this.problem ??= { reason: "label_invalid", text: "a series has no metric name" };
    if (this.problem !== undefined) return -1;
    const { series, count } = this;
    this.total += count;
    for (let i = 0; i < count; i++)
      series.addLabel(this.openNames[i] as number, this.openValues[i] as number);
    return series.end(temporality);
  }

  /** The open series is one that the table has; instead of `add` and `end`. */
  known(row: number): void {
    const { offsets } = this.series;
    this.total += (offsets[row + 1] as number) - (offsets[row] as number);
  }

  /** The value id of the metric name of a row. */
  metricOf(row: number): number {
    const { offsets, nameId, valueId } = this.series;
    const end = offsets[row + 1] as number;
    for (let i = offsets[row] as number; i < end; i++)
      if (nameId[i] === this.metricLabel) return valueId[i] as number;
    return -1;
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
