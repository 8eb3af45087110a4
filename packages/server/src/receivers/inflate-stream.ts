/**
 * Runs one of Node's decompression streams over a whole body, counting what comes out. The work is done on libuv's
 * threads; the stream is stopped at the first byte over the limit.
 */
import { availableParallelism } from "node:os";
import type { Transform } from "node:stream";
import { TriptychError } from "@triptych/model";

/** Told of every growth of a decoded body before it is kept; throws when the memory budget is spent. */
export type Hold = (bytes: number) => void;

/** What Node's zlib streams are: `bytesWritten` counts the input the codec consumed. */
export type InflateEngine = Transform & { readonly bytesWritten: number };

export interface InflateOptions {
  /** Of the encoding, for messages. */
  readonly name: string;
  readonly maxBytes: number;
  readonly hold: Hold;
}

/**
 * Streams that run at once in this process: they share its cores and its one thread pool, and each may hold a whole
 * decoded body. Many bombs at once then wait for their turn instead of filling the budget together.
 */
const RUNNING_MAX = Math.min(4, Math.max(2, availableParallelism()));
let running = 0;
const waiting: (() => void)[] = [];

/** Decodes `body` with the engine that `open` makes when it is its turn; the engine is destroyed on failure. */
export async function inflateStream(
  open: () => InflateEngine,
  body: Uint8Array,
  options: InflateOptions,
): Promise<Uint8Array> {
  if (running === RUNNING_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await run(open(), body, options);
  } finally {
    // The turn is handed on; it is given back only when nobody waits.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

function run(
  engine: InflateEngine,
  body: Uint8Array,
  options: InflateOptions,
): Promise<Uint8Array> {
  const { name, maxBytes, hold } = options;
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let total = 0;
    const fail = (error: TriptychError) => {
      parts.length = 0;
      engine.destroy();
      reject(error);
    };
    engine.on("error", (error) => fail(inflateError(name, error)));
    engine.on("data", (part: Uint8Array) => {
      if (engine.destroyed) return;
      total += part.length;
      if (total > maxBytes) return fail(tooLarge(maxBytes));
      try {
        hold(part.length);
      } catch (thrown) {
        return fail(thrown as TriptychError);
      }
      parts.push(part);
    });
    engine.on("end", () => {
      if (engine.bytesWritten !== body.length) return fail(trailing(name, engine.bytesWritten));
      resolve(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, total));
    });
    engine.end(body);
  });
}

export function tooLarge(maxBytes: number): TriptychError {
  return new TriptychError(
    "wire_too_large",
    `The body is larger than ${maxBytes} bytes after decompression.`,
  );
}

export function trailing(name: string, at: number): TriptychError {
  return new TriptychError(
    "encoding_malformed",
    `The ${name} body ends at byte ${at} but more bytes follow.`,
  );
}

/** What zlib threw, as an error of the sender's; only running out of memory is ours. */
export function inflateError(name: string, error: unknown): TriptychError {
  const why = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "Z_MEM_ERROR") {
    return new TriptychError("memory_pressure", `No memory to decompress a ${name} body.`);
  }
  return new TriptychError(
    "encoding_malformed",
    `The ${name} body cannot be decompressed: ${why}.`,
    { cause: error },
  );
}
