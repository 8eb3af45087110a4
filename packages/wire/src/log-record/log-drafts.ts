/**
 * Writes log records into a `LogBatch`, one draft at a time: for sources whose records are objects or lines, such as
 * Elasticsearch's bulk, Fluentd's forward and syslog. Bounds are those of OTLP: what is too long is cut and marked, too
 * many attributes are counted as dropped.
 */
import { type Limits, type LogBatch, ValueKind } from "@triptych/model";
import { hexDigit } from "../json-scalars.ts";
import type { AttributeWriter, ValueRules } from "../otlp/attribute-writer.ts";
import { LogWriter } from "../otlp/log-writer.ts";
import { valueRules } from "../otlp/traces.ts";
import { appendCut } from "../otlp/value-text.ts";
import { type JsonValue, jsonText } from "./json-value.ts";

export interface LogDraft {
  /** Nanoseconds since 1970; without it, or outside 1970 to 2262, the record happened when it arrived. */
  readonly timeNs?: bigint | undefined;
  readonly observedNs?: bigint | undefined;
  /** UTF-8 bytes are text as well; what is not UTF-8 in them is kept. */
  readonly body: JsonValue | Uint8Array;
  /** OTLP's SeverityNumber. */
  readonly severityNumber?: number;
  readonly severityText?: string;
  /** 32 and 16 hexadecimal digits, or "". */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly traceFlags?: number;
  /** Drafts that share a resource are cheapest when they share the array. */
  readonly resource: readonly (readonly [name: string, value: JsonValue])[];
  readonly scope?: string;
  /** Null and undefined stand for no attribute. */
  readonly attributes: readonly (readonly [name: string, value: JsonValue])[];
  /** Attributes that were left out before. */
  readonly droppedAttributes?: number;
}

const NO_BYTES = new Uint8Array(0);
const WORD = 0xffff_ffffn;
const NS_END = 2n ** 63n;
const INT64_MIN = -(2n ** 63n);
const encoder = new TextEncoder();
/** What a row costs besides its body and attributes. */
const ROW_BYTES = 80;
/** Distinct resources are remembered up to here; one beyond is written again. */
const RESOURCES_MAX = 10_000;

type Pairs = readonly (readonly [name: string, value: JsonValue])[];

export class LogDrafts {
  /** Times that were replaced by the arrival: no column holds them, or they are far in the future. */
  timesReplaced = 0;
  private readonly writer: LogWriter;
  private readonly rules: ValueRules;
  private readonly depthMax: number;
  private readonly newestNs: bigint;
  private readonly resources = new Map<string, number>();
  private readonly scopes = new Map<string, number>();
  /** Ids of names by text: senders repeat a few dozen of them in every record. */
  private readonly keyIds = new Map<string, number>();
  private lastResource: Pairs | undefined;

  constructor(options: { readonly limits: Limits; readonly arrivalNs: bigint }, rowsHint = 64) {
    this.rules = valueRules(options.limits);
    this.depthMax = options.limits.valueDepthMax;
    this.newestNs = options.arrivalNs + BigInt(options.limits.futureMsMax) * 1_000_000n;
    this.writer = new LogWriter(options, this.rules, rowsHint);
  }

  get batch(): LogBatch {
    return this.writer.batch;
  }

  get rows(): number {
    return this.writer.batch.rows;
  }

  /** About what the batch holds in memory. */
  get bytes(): number {
    const { rows, body, attributes } = this.writer.batch;
    return rows * ROW_BYTES + body.bytesUsed + attributes.values.bytesUsed + attributes.entries * 5;
  }

  /** Throws `wire_too_deep` for a value, and `wire_too_many_items`; the draft is then not there. */
  add(draft: LogDraft): void {
    const attributes = draft.attributes
      .slice(0, this.rules.attributesMax * 2)
      .map(textForm(this.depthMax));
    const body = draft.body instanceof Uint8Array ? draft.body : textOf(draft.body, this.depthMax);
    this.useResource(draft.resource);
    this.useScope(draft.scope ?? "");
    const { writer } = this;
    writer.begin(0);
    this.setTimes(draft);
    this.setIds(draft);
    writer.severityNumber = draft.severityNumber ?? 0;
    if (draft.severityText)
      writer.severityText = writer.batch.strings.internText(draft.severityText);
    writer.flags = draft.traceFlags ?? 0;
    this.setBody(body);
    const cut = draft.attributes.length - attributes.length;
    writer.droppedAttributes = (draft.droppedAttributes ?? 0) + cut;
    this.putAttributes(writer.attributes, attributes);
    writer.commit();
  }

  private setTimes({ timeNs, observedNs }: LogDraft): void {
    const { writer } = this;
    if (timeNs !== undefined && (timeNs < 0n || timeNs > this.newestNs)) this.timesReplaced++;
    else if (timeNs !== undefined) writer.setTime(Number(timeNs & WORD), Number(timeNs >> 32n));
    if (observedNs !== undefined && observedNs > 0n && observedNs < NS_END)
      writer.setObserved(Number(observedNs & WORD), Number(observedNs >> 32n));
  }

  private setIds({ traceId = "", spanId = "" }: LogDraft): void {
    const { writer } = this;
    const { batch, row } = writer;
    if (traceId.length === 32) {
      putHex(batch.traceId, row * 16, traceId);
      writer.traceIdSize = 16;
    }
    if (spanId.length === 16) {
      putHex(batch.spanId, row * 8, spanId);
      writer.spanIdSize = 8;
    }
  }

  private setBody(body: Uint8Array | TextForm): void {
    const { writer } = this;
    writer.beginBody();
    const isBytes = body instanceof Uint8Array;
    if (!isBytes && body.kind === ValueKind.empty) return;
    const { valueBytesMax, scratch } = writer.bodyRules;
    scratch.cut = putText(writer.batch.body, isBytes ? body : body.text, valueBytesMax);
    writer.endBody(isBytes ? ValueKind.string : body.kind);
  }

  private useResource(pairs: Pairs): void {
    if (pairs === this.lastResource) return;
    const { entities } = this.writer;
    const forms = pairs.slice(0, this.rules.attributesMax).map(textForm(this.depthMax));
    const key = forms.map(keyOf).join("");
    const known = this.resources.get(key);
    this.lastResource = pairs;
    if (known !== undefined) {
      entities.resource = known;
      return;
    }
    entities.beginResource();
    this.putAttributes(entities.resourceAttributes, forms);
    entities.endResource(NO_BYTES, 0, 0);
    if (this.resources.size < RESOURCES_MAX) this.resources.set(key, entities.resource);
  }

  private useScope(name: string): void {
    const { entities } = this.writer;
    const known = this.scopes.get(name);
    if (known !== undefined) {
      entities.scope = known;
      return;
    }
    entities.beginScope();
    const bytes = encoder.encode(name);
    entities.setScopeName(bytes, 0, bytes.length);
    entities.endScope(NO_BYTES, 0, 0);
    if (this.scopes.size < RESOURCES_MAX) this.scopes.set(name, entities.scope);
  }

  private putAttributes(writer: AttributeWriter, forms: readonly Named[]): void {
    for (const { name, kind, text } of forms) {
      if (kind === ValueKind.empty) continue;
      if (writer.full) {
        writer.dropped++;
        continue;
      }
      putText(writer.columns.values, text, this.rules.valueBytesMax);
      writer.addKey(kind, this.keyId(writer, name));
    }
  }

  private keyId(writer: AttributeWriter, name: string): number {
    let id = this.keyIds.get(name);
    if (id === undefined) {
      id = writer.keys.internText(name);
      this.keyIds.set(name, id);
    }
    return id;
  }
}

/** With the lengths in front, no two resources have the same text. */
const keyOf = ({ name, kind, text }: Named): string =>
  `${name.length} ${text.length} ${kind} ${name}${text}`;

interface TextForm {
  readonly kind: number;
  readonly text: string;
}
interface Named extends TextForm {
  readonly name: string;
}

const textForm =
  (depthMax: number) =>
  ([name, value]: readonly [name: string, value: JsonValue]): Named => ({
    name: name.length > NAME_MAX ? name.slice(0, NAME_MAX) : name,
    ...textOf(value, depthMax),
  });

/** Names are kept in a dictionary: a megabyte of name is nobody's. */
const NAME_MAX = 1_024;

/** Kind and text form as `ValueKind` of the model says. Throws `wire_too_deep`. */
function textOf(value: JsonValue | undefined, depthMax: number): TextForm {
  switch (typeof value) {
    case "string":
      return { kind: ValueKind.string, text: value };
    case "boolean":
      return { kind: ValueKind.boolean, text: String(value) };
    case "number":
      if (Number.isSafeInteger(value) && !Object.is(value, -0))
        return { kind: ValueKind.int, text: String(value) };
      return { kind: ValueKind.double, text: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint":
      return value >= INT64_MIN && value < NS_END
        ? { kind: ValueKind.int, text: String(value) }
        : { kind: ValueKind.double, text: String(Number(value)) };
    case "object":
      if (value === null) return { kind: ValueKind.empty, text: "" };
      return {
        kind: Array.isArray(value) ? ValueKind.array : ValueKind.map,
        text: jsonText(value, depthMax),
      };
    default:
      return { kind: ValueKind.empty, text: "" };
  }
}

type Column = LogBatch["body"];

/** Appends text, cut to `max` bytes; true when it was cut. */
function putText(column: Column, text: string | Uint8Array, max: number): boolean {
  if (typeof text === "string" && text.length * 3 <= max) {
    column.appendText(text);
    return false;
  }
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return appendCut(column, bytes, { start: 0, end: bytes.length }, max);
}

function putHex(target: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i * 2 < hex.length; i++)
    target[at + i] = hexDigit(hex.charCodeAt(i * 2)) * 16 + hexDigit(hex.charCodeAt(i * 2 + 1));
}
