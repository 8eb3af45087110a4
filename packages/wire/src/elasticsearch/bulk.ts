/**
 * Elasticsearch's operations as log records. Each document is judged for itself: what cannot be taken gets the error
 * that Elasticsearch would give it, the others are written.
 */
import { asTriptychError, type Limits, type LogBatch, TriptychError } from "@triptych/model";
import { draftOfObject } from "../log-record/draft-of-object.ts";
import { isObject, type JsonObject, parseJsonValue } from "../log-record/json-value.ts";
import { LogDrafts } from "../log-record/log-drafts.ts";
import { StepMeter } from "../otlp/steps.ts";
import { type BulkAction, type BulkOperation, readBulkOperations } from "./bulk-operations.ts";
import { indexNameProblem } from "./index-name.ts";

/** Why one document was not taken, in Elasticsearch's words for the kind and its HTTP status. */
export interface BulkError {
  readonly type: string;
  readonly reason: string;
  readonly status: number;
}

export interface BulkItem {
  readonly action: BulkAction;
  readonly index: string;
  readonly id: string;
  readonly error: BulkError | undefined;
}

export interface DecodedBulk {
  readonly batch: LogBatch;
  /** In the order of the request. */
  readonly items: readonly BulkItem[];
  /** True when each record has its own time or id: then the same bytes again are the same records. */
  readonly isRepeatable: boolean;
  readonly timesReplaced: number;
}

export interface BulkOptions {
  readonly limits: Limits;
  /** Nanoseconds since 1970; the time of documents that bring none. */
  readonly arrivalNs: bigint;
  /** The index in the address; "" for none. */
  readonly index: string;
}

/** A document beyond this is refused: reading it would hold up everything else for more than a moment. */
export const DOCUMENT_BYTES_MAX = 2 * 1024 * 1024;
const BYTES_PER_DOCUMENT = 256;
const ROWS_HINT_MAX = 4096;

/** Decodes a bulk body in steps. Throws `wire_malformed` and `wire_too_many_items`. */
export function* decodeElasticsearchBulk(
  body: Uint8Array,
  options: BulkOptions,
): Generator<void, DecodedBulk> {
  const operations = yield* readBulkOperations(body, options.index, options.limits);
  if (operations.length === 0)
    throw new TriptychError("wire_malformed", "Validation Failed: 1: no requests added;");
  if (operations.some(({ index }) => index === ""))
    throw new TriptychError("wire_malformed", "Validation Failed: 1: index is missing;");
  return yield* writeOperations(body, operations, options);
}

/** The whole body is the document of one operation. */
export function* decodeElasticsearchDocument(
  body: Uint8Array,
  operation: { readonly action: BulkAction; readonly index: string; readonly id: string },
  options: BulkOptions,
): Generator<void, DecodedBulk> {
  return yield* writeOperations(body, [{ ...operation, start: 0, end: body.length }], options);
}

function* writeOperations(
  body: Uint8Array,
  operations: readonly BulkOperation[],
  options: BulkOptions,
): Generator<void, DecodedBulk> {
  const rowsHint = Math.min(ROWS_HINT_MAX, Math.ceil(body.length / BYTES_PER_DOCUMENT));
  const drafts = new LogDrafts(options, rowsHint);
  const writing = { drafts, limits: options.limits, indexOf: createIndexes() };
  const meter = new StepMeter();
  const items: BulkItem[] = [];
  let isRepeatable = true;
  for (const operation of operations) {
    const { action, index, id } = operation;
    let error: BulkError | undefined;
    try {
      const done = writeOne(body, operation, writing);
      if (typeof done === "object") error = done;
      else if (done === "without time" && id === "") isRepeatable = false;
    } catch (thrown) {
      error = itemError(thrown);
    }
    items.push({ action, index, id, error });
    // A document costs more than a record of a binary format.
    if (meter.due(operation.end, ITEM_STEPS)) yield;
  }
  const { batch, timesReplaced } = drafts;
  return { batch, items, isRepeatable, timesReplaced };
}

const ITEM_STEPS = 10;
const decoder = new TextDecoder();

const refused = (status: number, type: string, reason: string): BulkError => ({
  status,
  type,
  reason,
});

/** What one document can be refused for; anything else concerns the request. */
const OF_DOCUMENT = new Set<string>(["wire_malformed", "wire_too_deep", "wire_too_many_items"]);

function itemError(thrown: unknown): BulkError {
  const error = asTriptychError(thrown);
  if (!OF_DOCUMENT.has(error.code)) throw error;
  return { status: 400, type: "document_parsing_exception", reason: error.message };
}

interface Writing {
  readonly drafts: LogDrafts;
  readonly limits: Limits;
  readonly indexOf: (name: string) => Index;
}

/** Why the document is not taken, or whether it brought its time. Throws for what is no JSON. */
function writeOne(
  body: Uint8Array,
  { action, index, id, start, end }: BulkOperation,
  { drafts, limits, indexOf }: Writing,
): BulkError | "with time" | "without time" {
  const { problem, names } = indexOf(index);
  if (problem !== undefined)
    return refused(400, "invalid_index_name_exception", `Invalid index name: ${problem}`);
  if (action === "delete") {
    const why = "records are kept until their retention ends; a single one cannot be deleted";
    return refused(400, "illegal_argument_exception", why);
  }
  if (end - start > DOCUMENT_BYTES_MAX) {
    const why = `the document has ${end - start} bytes; at most ${DOCUMENT_BYTES_MAX} are taken`;
    return refused(413, "document_parsing_exception", why);
  }
  const value = parseJsonValue(decoder.decode(body.subarray(start, end)), limits.jsonDepthMax);
  if (!isObject(value))
    return refused(400, "document_parsing_exception", "the document is not a JSON object");
  const document = action === "update" ? upsertOf(value) : value;
  if (document === undefined) {
    const why = `[${id}]: document missing; records are not updated in place, and this update has no upsert`;
    return refused(404, "document_missing_exception", why);
  }
  const draft = draftOfObject(document, {
    depthMax: limits.valueDepthMax,
    attributesMax: limits.attributesPerItemMax,
    attributes: id === "" ? names : [...names, ["elasticsearch.id", id]],
  });
  drafts.add(draft);
  return draft.timeNs === undefined ? "without time" : "with time";
}

/** What an update writes where its document does not exist; nothing here is ever updated in place. */
function upsertOf({ doc, upsert, doc_as_upsert: asUpsert }: JsonObject): JsonObject | undefined {
  if (isObject(upsert)) return upsert;
  return asUpsert === true && isObject(doc) ? doc : undefined;
}

/** `logs-nginx-prod` names a data stream: type, dataset and namespace. */
const DATA_STREAM = /^(logs|metrics|traces|synthetics|profiling)-([^-]+)-(.+)$/;

type Names = readonly (readonly [name: string, value: string])[];

/** What is to be known of an index: why it cannot be, and the attributes that name it. */
interface Index {
  readonly problem: string | undefined;
  readonly names: Names;
}

/** Most of a request goes to one index. */
function createIndexes(): (name: string) => Index {
  let last: (Index & { readonly name: string }) | undefined;
  return (name) => {
    if (last?.name !== name) last = { name, problem: indexNameProblem(name), names: namesOf(name) };
    return last;
  };
}

function namesOf(index: string): Names {
  const names: [string, string][] = [["elasticsearch.index", index]];
  const stream = DATA_STREAM.exec(index);
  if (stream !== null) {
    const [, type = "", dataset = "", namespace = ""] = stream;
    names.push(["data_stream.type", type], ["data_stream.dataset", dataset]);
    names.push(["data_stream.namespace", namespace]);
  }
  return names;
}
