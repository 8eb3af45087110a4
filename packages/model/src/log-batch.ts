/** Log records as columns. Ownership and array lengths as in `SpanBatch`. */
import { AttributeColumns } from "./attributes.ts";
import { ByteColumn, grownU8, grownU32 } from "./byte-column.ts";
import { Dictionary } from "./dictionary.ts";
import { grownU64, ResourceTable, ScopeTable } from "./span-batch.ts";

export class LogBatch {
  readonly signal = "logs" as const;
  rows = 0;
  /** Attribute keys of records, resources and scopes. */
  readonly keys = new Dictionary();
  /** Severity texts, event, service and scope names and versions. */
  readonly strings = new Dictionary();
  readonly resources = new ResourceTable();
  readonly scopes = new ScopeTable();
  /** When it happened; the receiver sets observed time, then arrival time, where the sender gave zero. */
  timeNs: BigUint64Array<ArrayBuffer>;
  observedNs: BigUint64Array<ArrayBuffer>;
  timeWords: Uint32Array<ArrayBuffer>;
  observedWords: Uint32Array<ArrayBuffer>;
  /** OTLP SeverityNumber 0 to 24. */
  severityNumber: Uint8Array<ArrayBuffer>;
  /** Ids in `strings`. */
  severityText: Uint32Array<ArrayBuffer>;
  eventName: Uint32Array<ArrayBuffer>;
  /** `ValueKind` of the body; its text form is in `body`. */
  bodyKind: Uint8Array<ArrayBuffer>;
  readonly body: ByteColumn;
  /** 16 bytes a row, all zero when there is none. */
  traceId: Uint8Array<ArrayBuffer>;
  /** 8 bytes a row, all zero when there is none. */
  spanId: Uint8Array<ArrayBuffer>;
  flags: Uint32Array<ArrayBuffer>;
  droppedAttributes: Uint32Array<ArrayBuffer>;
  resource: Uint32Array<ArrayBuffer>;
  scope: Uint32Array<ArrayBuffer>;
  readonly attributes: AttributeColumns;

  constructor(rowsHint = 64) {
    const n = Math.max(rowsHint, 16);
    this.timeNs = new BigUint64Array(n);
    this.observedNs = new BigUint64Array(n);
    this.timeWords = new Uint32Array(this.timeNs.buffer);
    this.observedWords = new Uint32Array(this.observedNs.buffer);
    this.severityNumber = new Uint8Array(n);
    this.severityText = new Uint32Array(n);
    this.eventName = new Uint32Array(n);
    this.bodyKind = new Uint8Array(n);
    this.body = new ByteColumn(n, n * 64);
    this.traceId = new Uint8Array(n * 16);
    this.spanId = new Uint8Array(n * 8);
    this.flags = new Uint32Array(n);
    this.droppedAttributes = new Uint32Array(n);
    this.resource = new Uint32Array(n);
    this.scope = new Uint32Array(n);
    this.attributes = new AttributeColumns(n, n * 8);
  }

  /** Adds a zeroed row; the caller sets the typed columns, appends to `body` and ends the row of `attributes`. */
  addRow(): number {
    const row = this.rows++;
    if (row === this.severityText.length) this.grow(row + 1);
    return row;
  }

  private grow(needed: number): void {
    const n = Math.max(needed, this.severityText.length * 2);
    this.timeNs = grownU64(this.timeNs, n);
    this.observedNs = grownU64(this.observedNs, n);
    this.timeWords = new Uint32Array(this.timeNs.buffer);
    this.observedWords = new Uint32Array(this.observedNs.buffer);
    this.severityNumber = grownU8(this.severityNumber, n);
    this.severityText = grownU32(this.severityText, n);
    this.eventName = grownU32(this.eventName, n);
    this.bodyKind = grownU8(this.bodyKind, n);
    this.traceId = grownU8(this.traceId, n * 16);
    this.spanId = grownU8(this.spanId, n * 8);
    this.flags = grownU32(this.flags, n);
    this.droppedAttributes = grownU32(this.droppedAttributes, n);
    this.resource = grownU32(this.resource, n);
    this.scope = grownU32(this.scope, n);
  }
}
