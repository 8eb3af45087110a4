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
    return await inflate(open, body, options);
  } finally {
    // The turn is handed on; it is given back only when nobody waits.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

/** Beyond this a body is looked at twice when it unpacks to very much more than it is. */
const DOUBTED_BYTES = 8 * 1024 * 1024;
/** Telemetry packs to a fifth or a twentieth; what packs this well is a bomb, or very dull. */
const DOUBTED_RATIO = 200;

/** A body that may be a bomb is only counted at first: what will be refused must not fill the memory before. */
async function inflate(
  open: () => InflateEngine,
  body: Uint8Array,
  options: InflateOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  let isDoubted = false;
  let held = 0;
  const engine = open();
  const keep = (part: Uint8Array): void => {
    total += part.length;
    isDoubted ||= total > DOUBTED_BYTES && total > engine.bytesWritten * DOUBTED_RATIO;
    if (isDoubted) parts.length = 0;
    else {
      options.hold(part.length);
      held = total;
      parts.push(part);
    }
  };
  await run(engine, body, { ...options, take: keep });
  if (!isDoubted)
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, total);
  options.hold(total - held);
  const out = Buffer.allocUnsafeSlow(total);
  let at = 0;
  const put = (part: Uint8Array): void => {
    out.set(part, at);
    at += part.length;
  };
  await run(open(), body, { ...options, take: put });
  return out;
}

/** Hands every part to `take`; ends with an error as soon as there is more than the limit, or `take` throws. */
function run(
  engine: InflateEngine,
  body: Uint8Array,
  { name, maxBytes, take }: InflateOptions & { readonly take: (part: Uint8Array) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let total = 0;
    const fail = (error: TriptychError) => {
      engine.destroy();
      reject(error);
    };
    engine.on("error", (error) => fail(inflateError(name, error)));
    engine.on("data", (part: Uint8Array) => {
      if (engine.destroyed) return;
      total += part.length;
      if (total > maxBytes) return fail(tooLarge(maxBytes));
      try {
        take(part);
      } catch (thrown) {
        fail(thrown as TriptychError);
      }
    });
    engine.on("end", () => {
      if (engine.bytesWritten !== body.length) return fail(trailing(name, engine.bytesWritten));
      resolve();
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
