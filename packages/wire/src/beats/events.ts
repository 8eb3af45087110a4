/**
 * Events of Filebeat and of whoever speaks its protocol, as log records: the same table as for documents of
 * Elasticsearch. Nothing is refused for what it says: an event that is no JSON object, nested too deep or too large is a
 * record with its text, cut where lines are.
 */
import { asTriptychError, type Limits, type LogBatch } from "@triptych/model";
import { draftOfObject } from "../log-record/draft-of-object.ts";
import {
  isObject,
  JSON_VALUES_MAX,
  type JsonObject,
  parseJsonValue,
} from "../log-record/json-value.ts";
import { type LogDraft, LogDrafts } from "../log-record/log-drafts.ts";
import { severityOfWord } from "../log-record/severity.ts";
import { levelOfLine } from "../loki/level.ts";
import { StepMeter } from "../otlp/steps.ts";
import { type BeatsEvent, readBeatsPairs } from "./frames.ts";

export interface BeatsOptions {
  readonly limits: Limits;
  /** Nanoseconds since 1970; the time of events that bring none. */
  readonly arrivalNs: bigint;
  /** Address of the sender; "" when it is not known. */
  readonly peer: string;
}

export interface DecodedBeats {
  readonly batch: LogBatch;
  /** True when each record has its own time: then the same bytes again are the same records. */
  readonly isRepeatable: boolean;
  readonly timesReplaced: number;
}

/** An event beyond this is not read as JSON: that would hold up everything else for more than a moment. */
const EVENT_BYTES_MAX = 2 * 1024 * 1024;
/** An event costs more than a record of a binary format. */
const ITEM_STEPS = 10;

const decoder = new TextDecoder();

/** Decodes in steps. Throws `wire_too_many_items` for more events than a batch takes. */
export function* decodeBeatsEvents(
  events: readonly BeatsEvent[],
  options: BeatsOptions,
): Generator<void, DecodedBeats> {
  const drafts = new LogDrafts(options, events.length);
  const meter = new StepMeter();
  let isRepeatable = true;
  let bytes = 0;
  for (const event of events) {
    const draft = draftOf(event, options) ?? plain(event, options);
    if (draft.timeNs === undefined) isRepeatable = false;
    try {
      drafts.add(draft);
    } catch (thrown) {
      if (asTriptychError(thrown).code !== "wire_too_deep") throw thrown;
      drafts.add(plain(event, options));
    }
    bytes += event.bytes.length;
    if (meter.due(bytes, ITEM_STEPS)) yield;
  }
  const { batch, timesReplaced } = drafts;
  return { batch, isRepeatable, timesReplaced };
}

/** Undefined for what is no object, or not one that can be read. */
function draftOf(event: BeatsEvent, { limits, peer }: BeatsOptions): LogDraft | undefined {
  if (event.bytes.length > EVENT_BYTES_MAX) return undefined;
  try {
    const object = objectOf(event, limits);
    if (object === undefined) return undefined;
    return draftOfObject(object, {
      depthMax: limits.valueDepthMax,
      attributesMax: limits.attributesPerItemMax,
      // Who names its host needs no address.
      attributes: object["host"] === undefined ? peerAttributes(peer) : [],
    });
  } catch (thrown) {
    if (asTriptychError(thrown).code === "internal") throw thrown;
    return undefined;
  }
}

function objectOf({ form, bytes }: BeatsEvent, limits: Limits): JsonObject | undefined {
  if (form === "pairs") return objectOfPairs(bytes);
  const value = parseJsonValue(decoder.decode(bytes), limits.jsonDepthMax);
  if (!isObject(value)) return undefined;
  // What Logstash would route by; it is no part of the event there either.
  const { "@metadata": _metadata, ...event } = value;
  return event;
}

/** The text of version 1's events is called `line`. */
function objectOfPairs(bytes: Uint8Array): JsonObject | undefined {
  const pairs: (readonly [string, string])[] = [];
  for (const pair of readBeatsPairs(bytes)) {
    if (pairs.length >= JSON_VALUES_MAX) return undefined;
    pairs.push(pair);
  }
  const object = Object.fromEntries(pairs);
  const { line, ...others } = object;
  return line === undefined || others["message"] !== undefined
    ? object
    : { ...others, message: line };
}

const peerAttributes = (peer: string): [string, string][] =>
  peer === "" ? [] : [["network.peer.address", peer]];

/** The record of an event as it came. */
function plain({ bytes }: BeatsEvent, { limits, peer }: BeatsOptions): LogDraft {
  const end = Math.min(bytes.length, limits.logLineBytesMax);
  const level = severityOfWord(levelOfLine(bytes, 0, end));
  return {
    body: bytes,
    severityNumber: level.number,
    severityText: level.text,
    resource: [],
    attributes: peerAttributes(peer),
  };
}
