/**
 * Collects one log record after another into a `LogBatch`. A reader of either encoding calls `begin`, sets what it
 * finds, appends the body's text to `batch.body` with `bodyRules`, and calls `commit`.
 */
import { type Limits, LogBatch, ValueKind } from "@triptych/model";
import { AttributeWriter, type ValueRules } from "./attribute-writer.ts";
import { EntityWriter } from "./entities.ts";
import { tooMany } from "./span-writer.ts";
import { TRUE_TEXT } from "./value-text.ts";

/** Marks a record whose body was longer than the limit. */
const TRUNCATED = new TextEncoder().encode("triptych.truncated");
/** How many attributes the sender or a limit left out, under the name that Loki gives it. */
const DROPPED = new TextEncoder().encode("dropped_attributes_count");
const encoder = new TextEncoder();

export class LogWriter {
  readonly batch: LogBatch;
  readonly entities: EntityWriter;
  readonly attributes: AttributeWriter;
  readonly bodyRules: ValueRules;

  /** The open record. Sizes are those the sender gave, in bytes; ids of other sizes than 16 and 8 do not count. */
  row = 0;
  traceIdSize = 0;
  spanIdSize = 0;
  severityNumber = 0;
  severityText = 0;
  eventName = 0;
  flags = 0;
  bodyKind = 0;
  droppedAttributes = 0;

  private readonly limits: Limits;
  private readonly emptyText: number;
  private readonly arrivalLow: number;
  private readonly arrivalHigh: number;
  private seen = 0;

  constructor(
    options: { readonly limits: Limits; readonly arrivalNs: bigint },
    rules: ValueRules,
    rowsHint: number,
  ) {
    this.limits = options.limits;
    this.batch = new LogBatch(rowsHint);
    const { batch } = this;
    this.entities = new EntityWriter(batch, rules);
    this.attributes = new AttributeWriter(batch.attributes, batch.keys, rules);
    this.bodyRules = { ...rules, valueBytesMax: options.limits.logLineBytesMax };
    this.emptyText = batch.strings.internText("");
    this.arrivalLow = Number(BigInt.asUintN(32, options.arrivalNs));
    this.arrivalHigh = Number(BigInt.asUintN(32, options.arrivalNs >> 32n));
  }

  begin(offset: number): void {
    if (++this.seen > this.limits.linesPerRequestMax)
      tooMany(`more than ${this.limits.linesPerRequestMax} log records`, offset);
    this.row = this.batch.addRow();
    this.traceIdSize = 0;
    this.spanIdSize = 0;
    this.severityNumber = 0;
    this.severityText = this.emptyText;
    this.eventName = this.emptyText;
    this.flags = 0;
    this.bodyKind = ValueKind.empty;
    this.droppedAttributes = 0;
    this.bodyRules.scratch.cut = false;
    this.bodyCut = false;
    this.attributes.begin();
  }

  private bodyCut = false;

  /** To be called before the body is read: takes back one that was read before, since the last one counts. */
  beginBody(): void {
    this.batch.body.rows = this.row;
    this.bodyRules.scratch.cut = false;
  }

  endBody(kind: number): void {
    this.bodyKind = kind;
    this.bodyCut = this.bodyRules.scratch.cut;
  }

  setTime(low: number, high: number): void {
    this.batch.timeWords[this.row * 2] = low;
    this.batch.timeWords[this.row * 2 + 1] = high;
  }

  setObserved(low: number, high: number): void {
    this.batch.observedWords[this.row * 2] = low;
    this.batch.observedWords[this.row * 2 + 1] = high;
  }

  commit(): void {
    const { batch, row } = this;
    this.fillTimes();
    if (this.traceIdSize !== 16) batch.traceId.fill(0, row * 16, row * 16 + 16);
    if (this.spanIdSize !== 8) batch.spanId.fill(0, row * 8, row * 8 + 8);
    batch.severityNumber[row] = this.severityNumber > 24 ? 0 : this.severityNumber;
    batch.severityText[row] = this.severityText;
    batch.eventName[row] = this.eventName;
    batch.flags[row] = this.flags;
    batch.bodyKind[row] = this.bodyKind;
    batch.droppedAttributes[row] = this.droppedAttributes + this.attributes.dropped;
    batch.resource[row] = this.entities.resource;
    batch.scope[row] = this.entities.scope;
    if (batch.body.rows === row) batch.body.appendEmpty();
    if (this.bodyCut) {
      batch.attributes.values.append(TRUE_TEXT, 0, TRUE_TEXT.length);
      this.attributes.add(ValueKind.boolean, TRUNCATED, 0, TRUNCATED.length);
    }
    const dropped = batch.droppedAttributes[row] as number;
    if (dropped > 0) {
      const text = encoder.encode(String(dropped));
      batch.attributes.values.append(text, 0, text.length);
      this.attributes.add(ValueKind.int, DROPPED, 0, DROPPED.length);
    }
    this.attributes.end();
  }

  /** A record without time happened when it was observed; one that nobody observed was observed now. */
  private fillTimes(): void {
    const { timeWords, observedWords } = this.batch;
    const low = this.row * 2;
    const high = low + 1;
    if (observedWords[low] === 0 && observedWords[high] === 0) {
      observedWords[low] = this.arrivalLow;
      observedWords[high] = this.arrivalHigh;
    }
    if (timeWords[low] === 0 && timeWords[high] === 0) {
      timeWords[low] = observedWords[low] as number;
      timeWords[high] = observedWords[high] as number;
    }
  }
}
