/**
 * Collects the streams and entries of a push into a `LogBatch`. Labels of a stream become the attributes of a resource
 * that is marked as Loki's; structured metadata become attributes of the line.
 */
import { type Limits, LogBatch, TriptychError, ValueKind } from "@triptych/model";
import { recogniseLine } from "../log-record/recognise.ts";
import { DETECTED_LEVEL, isLevelName, levelOfLabel, levelOfLine } from "./level.ts";
import { LOKI_SCHEMA_URL } from "./schema.ts";
import type { LabelPair } from "./stream-labels.ts";

export const SERVICE_LABEL = "service_name";
const SERVICE_KEY = "service.name";

/** Without a label `service_name` the first of these names the service. */
export const LOKI_SERVICE_SOURCES: readonly string[] = [
  ...["service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container"],
  ...["container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name"],
];

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const OPEN_BRACE = 0x7b;
/** Part of every name that an id of a trace or span goes under. */
const ID_NAMES = /[tT]race|[sS]pan|@tr|@sp/;
/** Levels as numbers (pino, bunyan) are no words that could be seen in the text. */
const NUMBER_LEVEL = /"(?:level|severity)"\s*:\s*"?\d/;
const TRUNCATED = "triptych.truncated";
const SERVICE_NAMES = /"(?:service|otelService)/;
/** As loggers write them into text: `trace_id=…`, `[trace:…]`, `traceId: "…"`. */
const TRACE_IN_TEXT = /\btrace(?:[_.-]?id)?["']?\s?[:=]\s?["']?([0-9a-f]{32})(?![0-9a-zA-Z])/i;
const SPAN_IN_TEXT = /\bspan(?:[_.-]?id)?["']?\s?[:=]\s?["']?([0-9a-f]{16})(?![0-9a-zA-Z])/i;
/** Of a plain line only its beginning is looked through for ids. */
const TEXT_BYTES_MAX = 4096;
/** A job says where lines were read, not what wrote them. */
const WEAK_SOURCES: ReadonlySet<string> = new Set(["job", "k8s_job_name"]);
/** Services that the lines of one stream may name; those beyond keep the service of the stream. */
const SERVICES_OF_STREAM_MAX = 100;

export interface PushOptions {
  readonly limits: Limits;
  readonly arrivalNs: bigint;
  /**
   * Whether the lines are our own reading, of files and the like: then a JSON line names its service where the labels
   * only name a job, and ids of trace and span are found in plain text too. What others push is kept as Loki keeps it.
   */
  readonly isOwnReading?: boolean | undefined;
}

/** Where the readers of a push put what they find, in this order for each entry. */
export interface PushTarget {
  readonly limits: Limits;
  stream(pairs: readonly LabelPair[]): void;
  /** Nanoseconds since 1970. */
  begin(timeNs: bigint): void;
  /** The bytes are the request's: valid during the call. */
  line(bytes: Uint8Array, start: number, end: number): void;
  meta(name: string, value: string): void;
  end(): void;
}

export class PushWriter implements PushTarget {
  readonly batch: LogBatch;
  readonly limits: Limits;
  private readonly arrivalNs: bigint;
  private readonly isOwnReading: boolean;
  /** The labels of the stream where its lines may name their service, and the resources of those that did. */
  private weak:
    | { readonly labels: readonly LabelPair[]; readonly resources: Map<string, number> }
    | undefined;
  private readonly empty: number;
  private readonly scope: number;
  private resource = -1;
  private streamLevel = "";
  private row = 0;
  private level = "";
  private entries = 0;

  constructor({ limits, arrivalNs, isOwnReading }: PushOptions, rowsHint: number) {
    this.limits = limits;
    this.isOwnReading = isOwnReading === true;
    this.arrivalNs = arrivalNs;
    this.batch = new LogBatch(rowsHint);
    const { strings, scopes } = this.batch;
    this.empty = strings.internText("");
    scopes.schemaUrl.appendEmpty();
    this.scope = scopes.end(this.empty, this.empty);
  }

  /** Begins a stream. Throws `wire_malformed` for labels that no stream may have. */
  stream(pairs: readonly LabelPair[]): void {
    const { limits } = this;
    const labels = pairs.filter(([, value]) => value !== "");
    if (labels.length > limits.labelsPerSeriesMax)
      throw refused(`stream has ${labels.length} label names; limit ${limits.labelsPerSeriesMax}`);
    const seen = new Set<string>();
    this.streamLevel = "";
    for (const [name, value] of labels) {
      if (seen.has(name)) throw refused(`stream has duplicate label name: '${name}'`);
      seen.add(name);
      if (encoder.encode(name).length > limits.labelNameBytesMax)
        throw refused(`stream has label name too long: '${name.slice(0, 100)}…'`);
      if (value.length > limits.labelValueBytesMax)
        throw refused(`stream has label value too long: label '${name}'`);
      if (isLevelName(name)) this.streamLevel = levelOfLabel(value);
    }
    const { service, isWeak } = serviceOf(new Map(labels));
    this.weak = this.isOwnReading && isWeak ? { labels, resources: new Map() } : undefined;
    this.resource = this.resourceOf(labels, service);
  }

  private resourceOf(labels: readonly LabelPair[], service: string): number {
    const { attributes, schemaUrl } = this.batch.resources;
    const { keys, strings } = this.batch;
    const isNamed = labels.some(([name]) => name === SERVICE_LABEL);
    for (const [name, value] of isNamed ? labels : [...labels, [SERVICE_LABEL, service] as const]) {
      const key = name === SERVICE_LABEL ? SERVICE_KEY : name;
      attributes.addEntry(keys.internText(key), ValueKind.string);
      attributes.values.appendText(value);
    }
    schemaUrl.appendText(LOKI_SCHEMA_URL);
    return this.batch.resources.end(strings.internText(service));
  }

  /** The resource of a line that names its service. */
  private named(service: string): number {
    const { weak, limits } = this;
    if (weak === undefined || service === "" || service.length > limits.labelValueBytesMax)
      return this.resource;
    const known = weak.resources.get(service);
    if (known !== undefined) return known;
    if (weak.resources.size >= SERVICES_OF_STREAM_MAX) return this.resource;
    // As if a stage had made a label of it, so that selectors find it by the name it has in the line.
    const made = this.resourceOf([...weak.labels, ["service", service]], service);
    weak.resources.set(service, made);
    return made;
  }

  /** Begins an entry of the open stream; nanoseconds since 1970. */
  begin(timeNs: bigint): void {
    const { batch, limits } = this;
    if (++this.entries > limits.linesPerRequestMax) {
      const message = `the request has more than ${limits.linesPerRequestMax} entries`;
      throw new TriptychError("wire_too_many_items", message);
    }
    this.row = batch.addRow();
    this.level = this.streamLevel;
    this.metadata = 0;
    batch.timeNs[this.row] = timeNs;
    batch.observedNs[this.row] = this.arrivalNs;
    batch.resource[this.row] = this.resource;
    batch.scope[this.row] = this.scope;
  }

  private metadata = 0;
  private isCut = false;

  /** The text of the open entry; a longer one than the limit is cut and marked. */
  line(bytes: Uint8Array, start: number, end: number): void {
    const max = this.limits.logLineBytesMax;
    this.isCut = end - start > max;
    let to = this.isCut ? start + max : end;
    // Not inside a character.
    while (this.isCut && to > start && ((bytes[to] as number) & 0xc0) === 0x80) to--;
    this.batch.body.append(bytes, start, to);
    this.batch.bodyKind[this.row] = ValueKind.string;
    if (this.level === "") this.level = levelOfLine(bytes, start, to);
    if (bytes[start] === OPEN_BRACE && !this.isCut) this.recognise(bytes, start, to);
    else if (this.isOwnReading) this.idsOfText(bytes, start, Math.min(to, start + TEXT_BYTES_MAX));
  }

  /** A JSON line has its ids and level in members; the line itself stays as it is, for queries that parse it. */
  private recognise(bytes: Uint8Array, start: number, end: number): void {
    const text = latin1.decode(bytes.subarray(start, end));
    const mayHaveIds = ID_NAMES.test(text);
    const mayBeNamed = this.weak !== undefined && SERVICE_NAMES.test(text);
    if (!mayHaveIds && !mayBeNamed && (this.level !== "" || !NUMBER_LEVEL.test(text))) return;
    const found = recogniseLine(bytes, start, end);
    if (found === undefined) return;
    const { batch, row } = this;
    putHex(batch.traceId, row * 16, found.traceId, 16);
    putHex(batch.spanId, row * 8, found.spanId, 8);
    if (mayBeNamed) batch.resource[row] = this.named(found.service);
    // Loki sees no level in a number: it is ours alone.
    if (this.level === "") batch.severityNumber[row] = found.severityNumber;
  }

  private idsOfText(bytes: Uint8Array, start: number, end: number): void {
    const text = latin1.decode(bytes.subarray(start, end));
    const [, trace = ""] = TRACE_IN_TEXT.exec(text) ?? [];
    if (trace === "") return;
    const { batch, row } = this;
    putHex(batch.traceId, row * 16, trace.toLowerCase(), 16);
    const [, span = ""] = SPAN_IN_TEXT.exec(text) ?? [];
    putHex(batch.spanId, row * 8, span.toLowerCase(), 8);
  }

  /** Structured metadata of the open entry. */
  meta(name: string, value: string): void {
    if (++this.metadata > this.limits.attributesPerItemMax)
      throw refused(
        `entry has more than ${this.limits.attributesPerItemMax} structured metadata labels`,
      );
    const { batch, row } = this;
    if (value !== "" && (isLevelName(name) || name === DETECTED_LEVEL))
      this.level = levelOfLabel(value);
    // What the level is from is found again; the columns of trace and span are for jumps.
    if (name === "trace_id" && putHex(batch.traceId, row * 16, value, 16)) return;
    if (name === "span_id" && putHex(batch.spanId, row * 8, value, 8)) return;
    if (name === DETECTED_LEVEL) return;
    this.attribute(name, value.slice(0, this.limits.attributeValueBytesMax));
  }

  private attribute(name: string, value: string): void {
    const { attributes, keys } = this.batch;
    attributes.addEntry(keys.internText(name), ValueKind.string);
    attributes.values.appendText(value);
  }

  end(): void {
    const { batch, row } = this;
    if (batch.body.rows === row) batch.body.appendEmpty();
    if (this.isCut) this.attribute(TRUNCATED, "true");
    this.isCut = false;
    batch.severityText[row] = batch.strings.internText(this.level);
    batch.eventName[row] = this.empty;
    batch.attributes.endRow();
  }
}

export function refused(message: string): TriptychError {
  return new TriptychError("wire_malformed", message);
}

function serviceOf(labels: ReadonlyMap<string, string>): {
  readonly service: string;
  readonly isWeak: boolean;
} {
  const own = labels.get(SERVICE_LABEL);
  if (own !== undefined) return { service: own, isWeak: false };
  for (const name of LOKI_SERVICE_SOURCES) {
    const value = labels.get(name);
    if (value !== undefined) return { service: value, isWeak: WEAK_SOURCES.has(name) };
  }
  return { service: "unknown_service", isWeak: true };
}

/** True when the text is so many bytes in lower-case hexadecimal digits, not all of them zero. */
function putHex(target: Uint8Array, at: number, text: string, bytes: number): boolean {
  if (text.length !== bytes * 2 || !/^[0-9a-f]+$/.test(text) || /^0+$/.test(text)) return false;
  for (let i = 0; i < bytes; i++)
    target[at + i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return true;
}
