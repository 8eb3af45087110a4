/**
 * Large JSON answers in pieces: making one long text would hold up everything else in the process. Between pieces the
 * event loop runs.
 */
import { Readable } from "node:stream";
import { setImmediate as breathe } from "node:timers/promises";
import type { FastifyReply } from "fastify";

const PIECE_CHARS = 256 * 1024;
const PIECE_MS = 8;

/** Sends the texts one after another. What `texts` throws after its first piece ends the connection. */
export async function sendJsonStream(
  reply: FastifyReply,
  texts: Iterable<string>,
): Promise<FastifyReply> {
  const iterator = texts[Symbol.iterator]();
  const first = nextPiece(iterator);
  reply.type("application/json; charset=utf-8");
  if (first.done) return reply.send(first.text);
  return reply.send(
    Readable.from(
      (async function* () {
        yield first.text;
        for (;;) {
          await breathe();
          const piece = nextPiece(iterator);
          if (piece.text !== "") yield piece.text;
          if (piece.done) return;
        }
      })(),
      { objectMode: false },
    ),
  );
}

function nextPiece(texts: Iterator<string>): { text: string; done: boolean } {
  const until = performance.now() + PIECE_MS;
  let text = "";
  while (text.length < PIECE_CHARS && performance.now() < until) {
    const next = texts.next();
    if (next.done === true) return { text, done: true };
    text += next.value;
  }
  return { text, done: false };
}
