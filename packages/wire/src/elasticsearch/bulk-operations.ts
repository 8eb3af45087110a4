/**
 * Reads the lines of Elasticsearch's bulk format: a line that says what to do, and for all but `delete` a line with the
 * document. Lines end with LF or CRLF; the last one may lack its end. What is wrong with an action refuses the whole
 * body, as Elasticsearch does, since then nobody knows which line is what.
 */
import { type Limits, TriptychError } from "@triptych/model";
import {
  isObject,
  type JsonObject,
  type JsonValue,
  parseJsonValue,
} from "../log-record/json-value.ts";
import { StepMeter } from "../otlp/steps.ts";

export type BulkAction = "index" | "create" | "update" | "delete";

/** One operation; its document is `body[start .. end)`, empty for `delete`. */
export interface BulkOperation {
  readonly action: BulkAction;
  /** "" when neither the line nor the address names one. */
  readonly index: string;
  /** "" when the sender gave none. */
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

const ACTIONS: readonly string[] = ["create", "delete", "index", "update"] satisfies BulkAction[];
const LF = 0x0a;
const CR = 0x0d;
/** Names and options; a longer line is a document where an action should stand. */
const ACTION_BYTES_MAX = 16 * 1024;
const ACTION_DEPTH_MAX = 8;
/** Shippers repeat the same line for each document. */
const REMEMBERED_MAX = 1_000;

const decoder = new TextDecoder();

interface Known {
  readonly action: BulkAction;
  readonly index: string;
  readonly id: string;
}

/** Works in steps. Throws `wire_malformed` and `wire_too_many_items`. */
export function* readBulkOperations(
  body: Uint8Array,
  defaultIndex: string,
  limits: Limits,
): Generator<void, BulkOperation[]> {
  const operations: BulkOperation[] = [];
  const remembered = new Map<string, Known>();
  const meter = new StepMeter();
  let line = 0;
  let at = 0;
  while (at < body.length) {
    line++;
    const end = lineEnd(body, at);
    const next = end + 1;
    const trimmed = trimmedEnd(body, at, end);
    if (trimmed > at) {
      if (operations.length >= limits.linesPerRequestMax) {
        const text = `the bulk request has more than ${limits.linesPerRequestMax} operations`;
        throw new TriptychError("wire_too_many_items", text);
      }
      const known = actionOf(body.subarray(at, trimmed), line, remembered);
      const index = known.index === "" ? defaultIndex : known.index;
      if (known.action === "delete") operations.push({ ...known, index, start: next, end: next });
      else {
        if (next >= body.length) throw malformed(`The action in line [${line}] has no document`);
        const to = lineEnd(body, next);
        operations.push({ ...known, index, start: next, end: trimmedEnd(body, next, to) });
        line++;
        at = to + 1;
        if (meter.due(at)) yield;
        continue;
      }
    }
    at = next;
    if (meter.due(at)) yield;
  }
  return operations;
}

function malformed(message: string): TriptychError {
  return new TriptychError("wire_malformed", message);
}

function lineEnd(body: Uint8Array, from: number): number {
  const end = body.indexOf(LF, from);
  return end < 0 ? body.length : end;
}

function trimmedEnd(body: Uint8Array, start: number, end: number): number {
  return end > start && body[end - 1] === CR ? end - 1 : end;
}

function actionOf(bytes: Uint8Array, line: number, remembered: Map<string, Known>): Known {
  if (bytes.length > ACTION_BYTES_MAX)
    throw malformed(`The action in line [${line}] has more than ${ACTION_BYTES_MAX} bytes`);
  const text = decoder.decode(bytes);
  const earlier = remembered.get(text);
  if (earlier !== undefined) return earlier;
  const known = parseAction(text, line);
  if (remembered.size < REMEMBERED_MAX) remembered.set(text, known);
  return known;
}

function parseAction(text: string, line: number): Known {
  const where = `Malformed action/metadata line [${line}]`;
  let value: JsonValue;
  try {
    value = parseJsonValue(text, ACTION_DEPTH_MAX);
  } catch (cause) {
    throw new TriptychError("wire_malformed", `${where}: it is not JSON`, { cause });
  }
  const [name = "", ...others] = isObject(value) ? Object.keys(value) : [];
  if (!isObject(value) || others.length > 0) throw malformed(`${where}: one action is expected`);
  if (!ACTIONS.includes(name)) {
    const found = JSON.stringify(name.slice(0, 100));
    throw malformed(`${where}, expected one of [create, delete, index, update] but found ${found}`);
  }
  const options = value[name];
  if (!isObject(options)) throw malformed(`${where}: the action's options are no object`);
  return {
    action: name as BulkAction,
    index: textOf(options, "_index"),
    id: textOf(options, "_id"),
  };
}

function textOf(options: JsonObject, name: string): string {
  const value = options[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
