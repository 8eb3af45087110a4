/**
 * A message of Fluentd's forward protocol (its specification, version 1): one event, a list of events, or a binary with
 * events one after another, perhaps compressed; and the parts of the handshake. Events are not looked at here.
 */
import { TriptychError } from "@triptych/model";
import { MsgpackReader } from "../msgpack/reader.ts";

export interface ForwardMessage {
  readonly tag: string;
  /** Identifies the message for its acknowledgement, which is asked for when it is there. */
  readonly chunk: string | undefined;
  readonly compression: "none" | "gzip" | "zstd";
  /** Fluent Bit's mark: what is not logs is taken by nobody here. */
  readonly signal: "logs" | "other";
  /** Where the events are: `bytes` from `start` to `end`. */
  readonly events: ForwardEvents;
}

export interface ForwardEvents {
  /** `message`: time and record follow each other; `list`: an array of pairs; `packed`: pairs without an array. */
  readonly kind: "message" | "list" | "packed";
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** An option is a handful of texts and numbers. */
const OPTION_DEPTH_MAX = 4;

/** A whole message; undefined for `nil`, which keeps a connection alive. Throws `wire_malformed`, `encoding_unsupported`. */
export function readForwardMessage(bytes: Uint8Array): ForwardMessage | undefined {
  const reader = new MsgpackReader(bytes, OPTION_DEPTH_MAX);
  if (reader.peek() === "nil") return undefined;
  const size = reader.arraySize();
  if (size < 2) throw malformed("a message has a tag and events");
  const tag = reader.text();
  const kind = eventsKind(reader);
  let events: ForwardEvents;
  if (kind === "packed") {
    const packed = reader.textBytes();
    events = { kind, bytes: packed, start: 0, end: packed.length };
  } else {
    const start = reader.at;
    reader.skip();
    if (kind === "message") {
      if (size < 3) throw malformed("a message of one event has tag, time and record");
      reader.skip();
    }
    events = { kind, bytes, start, end: reader.at };
  }
  return { tag, events, ...readOption(reader) };
}

function eventsKind(reader: MsgpackReader): ForwardEvents["kind"] {
  switch (reader.peek()) {
    case "text":
      return "packed";
    case "array": {
      // Fluent Bit may give a time together with metadata: `[time, {}]`.
      const inside = { ...position(reader) };
      const size = reader.arraySize();
      const isTime = size === 2 && reader.peek() !== "array";
      reader.at = inside.at;
      return isTime ? "message" : "list";
    }
    default:
      return "message";
  }
}

const position = ({ at }: MsgpackReader): { readonly at: number } => ({ at });

function readOption(
  reader: MsgpackReader,
): Pick<ForwardMessage, "chunk" | "compression" | "signal"> {
  let chunk: string | undefined;
  let compression: ForwardMessage["compression"] = "none";
  let signal: ForwardMessage["signal"] = "logs";
  if (!reader.isAtEnd && reader.peek() === "map") {
    for (let left = reader.mapSize(); left > 0; left--) {
      const name = reader.text();
      const value = reader.value();
      if (name === "chunk" && typeof value === "string") chunk = value;
      if (name === "compressed") compression = compressionOf(value);
      if (name === "fluent_signal" && value !== 0) signal = "other";
    }
  }
  return { chunk, compression, signal };
}

function compressionOf(value: unknown): ForwardMessage["compression"] {
  if (value === "text" || value === null || value === "") return "none";
  if (value === "gzip" || value === "zstd") return value;
  const text = `events compressed as ${JSON.stringify(String(value).slice(0, 40))} are not taken: gzip or zstd`;
  throw new TriptychError("encoding_unsupported", text);
}

export interface ForwardPing {
  readonly hostname: string;
  readonly salt: Uint8Array;
  readonly digest: string;
  readonly username: string;
  readonly passwordDigest: string;
}

const PING_PARTS = 6;

/** The sender's part of the handshake. Throws `wire_malformed` when it is anything else. */
export function readForwardPing(bytes: Uint8Array): ForwardPing {
  const reader = new MsgpackReader(bytes, 1);
  if (reader.arraySize() !== PING_PARTS || reader.text() !== "PING")
    throw malformed("PING was expected");
  return {
    hostname: reader.text(),
    salt: reader.textBytes(),
    digest: reader.text(),
    username: reader.text(),
    passwordDigest: reader.text(),
  };
}

function malformed(message: string): TriptychError {
  return new TriptychError("wire_malformed", `Fluentd forward: ${message}`);
}
