/** Large answers that are not JSON, in pieces; between pieces the event loop runs. */
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { turn } from "../../query/pacing.ts";

const PIECE_MS = 8;

/** Sends the pieces one after another. The first is made before anything is sent, so that its error is still answered. */
export async function sendPieces(
  reply: FastifyReply,
  pieces: AsyncIterable<string | Uint8Array>,
): Promise<FastifyReply> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return reply.send("");
  return reply.send(
    Readable.from(
      (async function* () {
        try {
          yield Buffer.from(first.value);
          for (;;) {
            const next = await iterator.next();
            if (next.done === true) return;
            yield Buffer.from(next.value);
          }
        } finally {
          // Also when the client left in between: who makes the pieces holds a place that others wait for.
          await iterator.return?.();
        }
      })(),
      { objectMode: false },
    ),
  );
}

/** Joins small pieces and lets others run between them. */
export async function* paced<T extends string | Uint8Array>(
  pieces: Iterable<T>,
): AsyncGenerator<Uint8Array> {
  let held: Buffer[] = [];
  let until = performance.now() + PIECE_MS;
  let isFirst = true;
  for (const piece of pieces) {
    held.push(typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece));
    if (performance.now() < until) continue;
    if (!isFirst) await turn();
    isFirst = false;
    yield Buffer.concat(held);
    held = [];
    until = performance.now() + PIECE_MS;
  }
  if (held.length > 0) yield Buffer.concat(held);
}
