/**
 * Large JSON answers in pieces: making one long text would hold up everything else in the process. Between pieces the
 * event loop runs.
 */
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { firstTurn, turn } from "../../query/pacing.ts";

const PIECE_CHARS = 256 * 1024;

/** Text, or bytes of a text that nobody changes any more. */
export type Piece = string | Uint8Array;
const PIECE_MS = 8;

/** Sends the texts one after another. What `texts` throws after its first piece ends the connection. */
export async function sendJsonStream(
  reply: FastifyReply,
  texts: Iterable<Piece>,
  type = "application/json; charset=utf-8",
): Promise<FastifyReply> {
  const iterator = texts[Symbol.iterator]();
  // Many may come at once, of a query that was answered for all of them.
  const wait = firstTurn();
  if (wait !== undefined) await wait;
  const first = nextPiece(iterator);
  reply.type(type);
  // Bytes: of a text Fastify would add its own charset to the type.
  if (first.done) return reply.send(Buffer.from(first.data));
  return reply.send(
    Readable.from(
      (async function* () {
        yield first.data;
        for (;;) {
          await turn();
          const piece = nextPiece(iterator);
          if (piece.data.length > 0) yield piece.data;
          if (piece.done) return;
        }
      })(),
      { objectMode: false },
    ),
  );
}

/** The same memory. */
const bytesOf = (part: Uint8Array = new Uint8Array()): Buffer =>
  Buffer.from(part.buffer, part.byteOffset, part.byteLength);

function nextPiece(texts: Iterator<Piece>): { data: string | Buffer; done: boolean } {
  const until = performance.now() + PIECE_MS;
  const parts: Uint8Array[] = [];
  let text = "";
  let size = 0;
  const data = (): string | Buffer =>
    parts.length === 0 ? text : parts.length === 1 && text === "" ? bytesOf(parts[0]) : all();
  const all = (): Buffer => Buffer.concat([...parts, Buffer.from(text)]);
  while (size < PIECE_CHARS && performance.now() < until) {
    const next = texts.next();
    if (next.done === true) return { data: data(), done: true };
    size += next.value.length;
    if (typeof next.value === "string") text += next.value;
    else {
      if (text !== "") parts.push(Buffer.from(text));
      text = "";
      parts.push(next.value);
    }
  }
  return { data: data(), done: false };
}
