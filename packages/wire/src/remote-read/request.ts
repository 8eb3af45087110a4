/**
 * Reads the request of Prometheus remote read. Throws `wire_malformed` with the byte offset when the body is not the
 * message, `wire_too_many_items` when it asks for more than a request may.
 */
import { TriptychError } from "@triptych/model";
import { ProtobufReader } from "../protobuf-reader.ts";

export interface ReadMatcher {
  readonly name: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

export interface ReadQuery {
  /** Milliseconds, both inclusive. */
  readonly startMs: number;
  readonly endMs: number;
  readonly matchers: readonly ReadMatcher[];
}

/** In the order in which the reader would have them; unknown ones are kept as numbers. */
export interface ReadRequest {
  readonly queries: readonly ReadQuery[];
  readonly accepts: readonly number[];
}

export const ReadResponseType = { samples: 0, streamedChunks: 1 } as const;

const QUERIES_MAX = 100;
const MATCHERS_MAX = 200;
const ACCEPTS_MAX = 16;
const ops = ["=", "!=", "=~", "!~"] as const;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeReadRequest(body: Uint8Array): ReadRequest {
  const reader = new ProtobufReader(body);
  reader.reading = "a remote read request";
  const queries: ReadQuery[] = [];
  const accepts: number[] = [];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 10) {
      bound(queries, QUERIES_MAX, "queries");
      const outer = reader.enter();
      queries.push(readQuery(reader));
      reader.leave(outer);
    } else if (tag === 16) {
      bound(accepts, ACCEPTS_MAX, "response types");
      accepts.push(reader.varint());
    } else if (tag === 18) {
      const outer = reader.enter();
      while (reader.pos < reader.end) {
        bound(accepts, ACCEPTS_MAX, "response types");
        accepts.push(reader.varint());
      }
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return { queries, accepts };
}

function bound(list: readonly unknown[], max: number, what: string): void {
  if (list.length < max) return;
  throw new TriptychError(
    "wire_too_many_items",
    `A remote read request has more than ${max} ${what}.`,
  );
}

function readQuery(reader: ProtobufReader): ReadQuery {
  let startMs = 0;
  let endMs = 0;
  const matchers: ReadMatcher[] = [];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) startMs = readInt64(reader);
    else if (tag === 16) endMs = readInt64(reader);
    else if (tag === 26) {
      bound(matchers, MATCHERS_MAX, "matchers in a query");
      const outer = reader.enter();
      matchers.push(readMatcher(reader));
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return { startMs, endMs, matchers };
}

function readMatcher(reader: ProtobufReader): ReadMatcher {
  const at = reader.pos;
  let type = 0;
  let name = "";
  let value = "";
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    if (tag === 8) type = reader.varint();
    else if (tag === 18) name = readText(reader);
    else if (tag === 26) value = readText(reader);
    else reader.skip(tag);
  }
  const op = ops[type];
  if (op === undefined) return reader.fail(`the unknown matcher type ${type}`, at);
  return { name, op, value };
}

function readInt64(reader: ProtobufReader): number {
  reader.varint();
  return (reader.high | 0) * 2 ** 32 + reader.low;
}

function readText(reader: ProtobufReader): string {
  const at = reader.pos;
  const size = reader.length();
  const start = reader.pos;
  reader.pos += size;
  try {
    return decoder.decode(reader.bytes.subarray(start, reader.pos));
  } catch {
    return reader.fail("a text that is not UTF-8", at);
  }
}
