/** Events of forward messages as log records: the tag becomes `fluent.tag`, what a record has goes to its columns. */
import { asTriptychError, type Limits, type TriptychError } from "@triptych/model";
import { draftOfObject } from "../log-record/draft-of-object.ts";
import { isObject, type JsonValue } from "../log-record/json-value.ts";
import type { LogDrafts } from "../log-record/log-drafts.ts";
import { MsgpackReader } from "../msgpack/reader.ts";
import type { ForwardEvents } from "./message.ts";

export interface DecodedEvents {
  /** Events that were left out, and why the first one was. */
  readonly rejected: number;
  readonly reason: TriptychError | undefined;
}

/** Events between two pauses: about a millisecond of work. */
const EVENTS_AT_ONCE = 100;

/**
 * Adds the events to `drafts` in steps. An event whose record is none, or too deep, is left out and counted; bytes that
 * are no MessagePack throw `wire_malformed`, and what is too many `wire_too_many_items`.
 */
export function* addForwardEvents(
  tag: string,
  events: ForwardEvents,
  target: { readonly drafts: LogDrafts; readonly limits: Limits },
): Generator<void, DecodedEvents> {
  const { kind, bytes, start, end } = events;
  // A record that is too deep must still be read over, so that the next one is found.
  const reader = new MsgpackReader(bytes, target.limits.jsonDepthMax, start, end);
  const attributes = [["fluent.tag", tag]] as const;
  let rejected = 0;
  let reason: TriptychError | undefined;
  const one = (): void => {
    const at = reader.at;
    try {
      addEvent(reader, attributes, target);
    } catch (thrown) {
      const error = asTriptychError(thrown);
      if (error.code !== "wire_too_deep") throw error;
      rejected++;
      reason ??= error;
      reader.at = at;
      // Time and record.
      reader.skip();
      reader.skip();
    }
  };
  if (kind === "message") {
    one();
    return { rejected, reason };
  }
  let left = kind === "list" ? reader.arraySize() : Number.POSITIVE_INFINITY;
  for (let done = 1; left > 0 && !reader.isAtEnd; left--, done++) {
    if (isPair(reader)) one();
    else {
      reader.skip();
      rejected++;
    }
    if (done % EVENTS_AT_ONCE === 0) yield;
  }
  return { rejected, reason };
}

/** Whether a time and a record follow; then its head has been read. */
function isPair(reader: MsgpackReader): boolean {
  const { at } = reader;
  if (reader.peek() === "array" && reader.arraySize() === 2) return true;
  reader.at = at;
  return false;
}

function addEvent(
  reader: MsgpackReader,
  attributes: readonly (readonly [string, JsonValue])[],
  { drafts, limits }: { readonly drafts: LogDrafts; readonly limits: Limits },
): void {
  const { timeNs, metadata } = readTime(reader);
  const record = reader.value();
  const object = isObject(record) ? record : { message: record };
  drafts.add(
    draftOfObject(object, {
      timeNs,
      attributes: metadata === undefined ? attributes : [...attributes, ...metadata],
      depthMax: limits.valueDepthMax,
      attributesMax: limits.attributesPerItemMax,
    }),
  );
}

interface EventHead {
  readonly timeNs: bigint | undefined;
  readonly metadata?: readonly (readonly [string, JsonValue])[];
}

/** An integer of seconds, an EventTime, a float; or one of them with metadata in an array, as Fluent Bit does. */
function readTime(reader: MsgpackReader): EventHead {
  switch (reader.peek()) {
    case "number":
      return { timeNs: nanosecondsOf(reader.number()) };
    case "extension": {
      const time = reader.eventTime();
      if (time === undefined) return { timeNs: undefined };
      return { timeNs: BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds) };
    }
    case "array": {
      const size = reader.arraySize();
      const time = size > 0 ? readTime(reader) : { timeNs: undefined };
      let metadata: readonly (readonly [string, JsonValue])[] | undefined;
      for (let i = 1; i < size; i++) {
        const value = reader.value(1);
        if (isObject(value)) metadata = Object.entries(value);
      }
      return metadata === undefined ? time : { timeNs: time.timeNs, metadata };
    }
    default:
      reader.skip();
      return { timeNs: undefined };
  }
}

/** Later than the year 5000 in seconds: some clients send milliseconds. */
const SECONDS_MAX = 100_000_000_000;

function nanosecondsOf(value: number | bigint): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (!Number.isFinite(value)) return undefined;
  const seconds = value > SECONDS_MAX ? value / 1000 : value;
  const whole = Math.floor(seconds);
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.round((seconds - whole) * 1e6)) * 1_000n;
}
