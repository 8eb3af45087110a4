/**
 * Spans as columns. Arrays may be longer than `rows`; only the first `rows` entries mean something.
 * A decoder fills a batch through `addRow` and the typed arrays it then owns a row of; after it is handed on,
 * the batch belongs to the receiver of the call and the decoder must not touch it.
 */
import { AttributeColumns } from "./attributes.ts";
import { ByteColumn, grownU8, grownU32 } from "./byte-column.ts";
import { Dictionary } from "./dictionary.ts";

/** Resources and scopes of a batch; spans and log records point at their rows. */
export class ResourceTable {
  readonly attributes: AttributeColumns;
  /** Per resource: id of `service.name` in the batch's `strings`; `unknown_service` when the sender gave none. */
  serviceName = new Uint32Array(8);
  readonly schemaUrl = new ByteColumn(8, 64);

  constructor() {
    this.attributes = new AttributeColumns(8, 64);
  }
  get rows(): number {
    return this.attributes.rows;
  }
  /** Closes the open resource (its attributes were added to `attributes`); returns its row. */
  end(serviceName: number): number {
    const row = this.attributes.rows;
    this.attributes.endRow();
    if (row === this.serviceName.length) this.serviceName = grownU32(this.serviceName, row + 1);
    this.serviceName[row] = serviceName;
    return row;
  }
}

export class ScopeTable {
  readonly attributes = new AttributeColumns(8, 16);
  /** Ids in the batch's `strings`. */
  name = new Uint32Array(8);
  version = new Uint32Array(8);
  readonly schemaUrl = new ByteColumn(8, 64);
  get rows(): number {
    return this.attributes.rows;
  }
  end(name: number, version: number): number {
    const row = this.attributes.rows;
    this.attributes.endRow();
    if (row === this.name.length) {
      this.name = grownU32(this.name, row + 1);
      this.version = grownU32(this.version, row + 1);
    }
    this.name[row] = name;
    this.version[row] = version;
    return row;
  }
}

/** Events of all spans: span `i` owns rows `offsets[i] .. offsets[i + 1]`. */
export class EventColumns {
  rows = 0;
  offsets = new Uint32Array(65);
  timeNs = new BigUint64Array(16);
  timeWords = new Uint32Array(this.timeNs.buffer);
  /** Ids in the batch's `strings`. */
  name = new Uint32Array(16);
  dropped = new Uint32Array(16);
  readonly attributes = new AttributeColumns(16, 32);

  /** Adds a row; the caller sets its columns, adds attributes and calls `attributes.endRow()`. */
  addRow(): number {
    const row = this.rows++;
    if (row === this.name.length) {
      this.timeNs = grownU64(this.timeNs, row + 1);
      this.timeWords = new Uint32Array(this.timeNs.buffer);
      this.name = grownU32(this.name, row + 1);
      this.dropped = grownU32(this.dropped, row + 1);
    }
    return row;
  }
  /** Closes the events of span `span`. */
  endSpan(span: number): void {
    if (span + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, span + 2);
    this.offsets[span + 1] = this.rows;
  }
}

/** Links of all spans: span `i` owns rows `offsets[i] .. offsets[i + 1]`. */
export class LinkColumns {
  rows = 0;
  offsets = new Uint32Array(65);
  /** 16 bytes a row. */
  traceId = new Uint8Array(64);
  /** 8 bytes a row. */
  spanId = new Uint8Array(32);
  flags = new Uint32Array(4);
  dropped = new Uint32Array(4);
  readonly traceState = new ByteColumn(4, 16);
  readonly attributes = new AttributeColumns(4, 8);

  /** Adds a row; the caller sets its columns, appends to `traceState` and ends the row of `attributes`. */
  addRow(): number {
    const row = this.rows++;
    if (row === this.flags.length) {
      // `flags` is the one that is watched, so all get room for as many rows as it has.
      this.flags = grownU32(this.flags, row + 1);
      const rows = this.flags.length;
      this.dropped = grownU32(this.dropped, rows);
      this.traceId = grownU8(this.traceId, rows * 16);
      this.spanId = grownU8(this.spanId, rows * 8);
    }
    return row;
  }
  endSpan(span: number): void {
    if (span + 2 > this.offsets.length) this.offsets = grownU32(this.offsets, span + 2);
    this.offsets[span + 1] = this.rows;
  }
}

export class SpanBatch {
  readonly signal = "spans" as const;
  rows = 0;
  /** Attribute keys of spans, events, links, resources and scopes. */
  readonly keys = new Dictionary();
  /** Span, event, service and scope names and versions. */
  readonly strings = new Dictionary();
  readonly resources = new ResourceTable();
  readonly scopes = new ScopeTable();
  /** 16 bytes a row. */
  traceId: Uint8Array<ArrayBuffer>;
  /** 8 bytes a row. */
  spanId: Uint8Array<ArrayBuffer>;
  /** 8 bytes a row; all zero for a root. */
  parentSpanId: Uint8Array<ArrayBuffer>;
  startNs: BigUint64Array<ArrayBuffer>;
  endNs: BigUint64Array<ArrayBuffer>;
  /** The same memory as `startNs` and `endNs`, low word first: `words[2 * row]`, `words[2 * row + 1]`. */
  startWords: Uint32Array<ArrayBuffer>;
  endWords: Uint32Array<ArrayBuffer>;
  name: Uint32Array<ArrayBuffer>;
  /** OTLP SpanKind, 0 to 5. */
  kind: Uint8Array<ArrayBuffer>;
  /** OTLP StatusCode: 0 unset, 1 ok, 2 error. */
  statusCode: Uint8Array<ArrayBuffer>;
  /** OTLP flags: low byte W3C trace flags, bits 8 and 9 whether the parent is remote. */
  flags: Uint32Array<ArrayBuffer>;
  droppedAttributes: Uint32Array<ArrayBuffer>;
  droppedEvents: Uint32Array<ArrayBuffer>;
  droppedLinks: Uint32Array<ArrayBuffer>;
  resource: Uint32Array<ArrayBuffer>;
  scope: Uint32Array<ArrayBuffer>;
  readonly statusMessage: ByteColumn;
  readonly traceState: ByteColumn;
  readonly attributes: AttributeColumns;
  readonly events = new EventColumns();
  readonly links = new LinkColumns();

  constructor(rowsHint = 64) {
    const n = Math.max(rowsHint, 16);
    this.traceId = new Uint8Array(n * 16);
    this.spanId = new Uint8Array(n * 8);
    this.parentSpanId = new Uint8Array(n * 8);
    this.startNs = new BigUint64Array(n);
    this.endNs = new BigUint64Array(n);
    this.startWords = new Uint32Array(this.startNs.buffer);
    this.endWords = new Uint32Array(this.endNs.buffer);
    this.name = new Uint32Array(n);
    this.kind = new Uint8Array(n);
    this.statusCode = new Uint8Array(n);
    this.flags = new Uint32Array(n);
    this.droppedAttributes = new Uint32Array(n);
    this.droppedEvents = new Uint32Array(n);
    this.droppedLinks = new Uint32Array(n);
    this.resource = new Uint32Array(n);
    this.scope = new Uint32Array(n);
    this.statusMessage = new ByteColumn(n, 64);
    this.traceState = new ByteColumn(n, 64);
    this.attributes = new AttributeColumns(n, n * 8);
  }

  /**
   * Adds a zeroed row and returns it. The caller sets the typed columns, appends one value to `statusMessage` and
   * `traceState`, ends the row of `attributes`, and calls `events.endSpan(row)` and `links.endSpan(row)`.
   */
  addRow(): number {
    const row = this.rows++;
    if (row === this.name.length) this.grow(row + 1);
    return row;
  }

  private grow(needed: number): void {
    const n = Math.max(needed, this.name.length * 2);
    this.traceId = grownU8(this.traceId, n * 16);
    this.spanId = grownU8(this.spanId, n * 8);
    this.parentSpanId = grownU8(this.parentSpanId, n * 8);
    this.startNs = grownU64(this.startNs, n);
    this.endNs = grownU64(this.endNs, n);
    this.startWords = new Uint32Array(this.startNs.buffer);
    this.endWords = new Uint32Array(this.endNs.buffer);
    this.name = grownU32(this.name, n);
    this.kind = grownU8(this.kind, n);
    this.statusCode = grownU8(this.statusCode, n);
    this.flags = grownU32(this.flags, n);
    this.droppedAttributes = grownU32(this.droppedAttributes, n);
    this.droppedEvents = grownU32(this.droppedEvents, n);
    this.droppedLinks = grownU32(this.droppedLinks, n);
    this.resource = grownU32(this.resource, n);
    this.scope = grownU32(this.scope, n);
  }
}

export function grownU64(array: BigUint64Array, needed: number): BigUint64Array<ArrayBuffer> {
  const grown = new BigUint64Array(Math.max(needed, array.length * 2));
  grown.set(array);
  return grown;
}
