/**
 * Content encodings of request bodies: in come the bytes as sent and the name of the encoding, out come the decoded
 * bytes, never more than the limit. Small bodies are decoded at once, larger ones off the main thread or in slices.
 */
import * as zlib from "node:zlib";
import { asTriptychError, TriptychError } from "@triptych/model";
import {
  type Hold,
  inflateError,
  type InflateEngine,
  inflateStream,
  tooLarge,
  trailing,
} from "./inflate-stream.ts";
import { decompressZstd } from "./zstd.ts";

export type ContentEncoding = "identity" | "gzip" | "deflate" | "zstd";

/** Compressed bodies below this are tried synchronously: a trip to the thread pool costs more. */
const SYNC_BODY_BYTES_MAX = 64 * 1024;
/** A small body that grows beyond this (about 3 ms of work) is started again on the thread pool. */
const SYNC_DECODED_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES = 128 * 1024;

const keepNothing: Hold = () => {
  // A caller without a budget.
};

/**
 * The one encoding a `Content-Encoding` header names; `undefined` and "" mean identity. Throws
 * `encoding_unsupported` for others and for lists: nested encodings multiply a bomb.
 */
export function parseContentEncoding(header: string | undefined): ContentEncoding {
  const name = (header ?? "").trim().toLowerCase();
  switch (name) {
    case "":
    case "identity":
      return "identity";
    case "gzip":
    case "x-gzip":
      return "gzip";
    case "deflate":
    case "zstd":
      return name;
    default:
      throw new TriptychError(
        "encoding_unsupported",
        `Content encoding ${JSON.stringify(name.slice(0, 64))} is not taken: send one of gzip, deflate, zstd or none.`,
      );
  }
}

/**
 * Decodes `body`. Throws `wire_too_large` when it decodes to more than `maxBytes`, `encoding_malformed` when it is
 * damaged, cut short or followed by other bytes, `encoding_unsupported` for an encoding that is not taken, and
 * whatever `hold` throws. `hold` is told the bytes that are kept, as they grow; identity keeps none anew and
 * returns `body` itself.
 */
export async function decompress(
  body: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
  hold: Hold = keepNothing,
): Promise<Uint8Array> {
  const name = parseContentEncoding(encoding);
  switch (name) {
    case "identity":
      if (body.length > maxBytes) {
        throw new TriptychError("wire_too_large", `The body is larger than ${maxBytes} bytes.`);
      }
      return body;
    case "gzip":
      if (declaresMore(body, maxBytes)) throw tooLarge(maxBytes);
      return inflate(body, gzip, { name, maxBytes, hold });
    case "deflate":
      return inflateDeflate(body, { name, maxBytes, hold });
    case "zstd":
      return decompressZstd(body, maxBytes, hold);
    default:
      return name satisfies never;
  }
}

/** Deflate cannot do better than this: 258 bytes for two bits. */
const DEFLATE_RATIO_MAX = 1032;

/**
 * Whether a gzip body says at its end that it is larger than the limit: ordinary bombs do, and need not be tried. A
 * size that deflate cannot reach is no size but damage, which decoding will find.
 */
function declaresMore(body: Uint8Array, maxBytes: number): boolean {
  if (body.length < 18) return false;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const declared = view.getUint32(body.length - 4, true);
  return declared > maxBytes && declared <= body.length * DEFLATE_RATIO_MAX;
}

/** One codec of Node's: at once, and as a stream. */
interface Codec {
  now(body: Uint8Array, maxOutputLength: number): { decoded: Uint8Array; consumed: number };
  stream(): InflateEngine;
}

interface InflateJob {
  readonly name: string;
  readonly maxBytes: number;
  readonly hold: Hold;
}

type SyncInflate = (body: Uint8Array, options: zlib.ZlibOptions) => unknown;

/** With `info` the synchronous calls also return the engine, which knows how much input it consumed. */
function runNow(call: SyncInflate, body: Uint8Array, maxOutputLength: number) {
  const answer = call(body, { maxOutputLength, info: true }) as {
    buffer: Uint8Array;
    engine: { bytesWritten: number };
  };
  return { decoded: answer.buffer, consumed: answer.engine.bytesWritten };
}

const gzip: Codec = {
  now: (body, maxOutputLength) => runNow(zlib.gunzipSync, body, maxOutputLength),
  stream: () => zlib.createGunzip({ chunkSize: CHUNK_BYTES }),
};
const zlibWrapped: Codec = {
  now: (body, maxOutputLength) => runNow(zlib.inflateSync, body, maxOutputLength),
  stream: () => zlib.createInflate({ chunkSize: CHUNK_BYTES }),
};
const rawDeflate: Codec = {
  now: (body, maxOutputLength) => runNow(zlib.inflateRawSync, body, maxOutputLength),
  stream: () => zlib.createInflateRaw({ chunkSize: CHUNK_BYTES }),
};

/**
 * "deflate" means zlib-wrapped, but some senders leave the wrapper out. A zlib header is a multiple of 31 with
 * method 8; a raw stream can look like one by chance, so a damaged body gets a second try as raw.
 */
async function inflateDeflate(body: Uint8Array, job: InflateJob): Promise<Uint8Array> {
  const first = body[0] ?? 0;
  const wrapped = (first & 0x0f) === 8 && ((first << 8) | (body[1] ?? 0)) % 31 === 0;
  if (!wrapped) return inflate(body, rawDeflate, job);
  try {
    return await inflate(body, zlibWrapped, job);
  } catch (thrown) {
    const error = asTriptychError(thrown);
    if (error.code !== "encoding_malformed") throw error;
    return inflate(body, rawDeflate, job).catch((second: unknown) => {
      throw asTriptychError(second).code === "encoding_malformed" ? error : second;
    });
  }
}

async function inflate(body: Uint8Array, codec: Codec, job: InflateJob): Promise<Uint8Array> {
  if (body.length === 0) {
    throw new TriptychError("encoding_malformed", `The ${job.name} body is empty.`);
  }
  if (body.length >= SYNC_BODY_BYTES_MAX) return inflateStream(codec.stream, body, job);
  try {
    const { decoded, consumed } = codec.now(
      body,
      Math.min(SYNC_DECODED_BYTES_MAX, job.maxBytes + 1),
    );
    if (consumed !== body.length) throw trailing(job.name, consumed);
    if (decoded.length > job.maxBytes) throw tooLarge(job.maxBytes);
    job.hold(decoded.length);
    return decoded;
  } catch (thrown) {
    if (thrown instanceof TriptychError) throw thrown;
    if ((thrown as { code?: unknown } | null)?.code !== "ERR_BUFFER_TOO_LARGE") {
      throw inflateError(job.name, thrown);
    }
    return inflateStream(codec.stream, body, job);
  }
}
