/**
 * The one catalogue of error codes: what each means, the HTTP and gRPC status it is answered with,
 * and whether the sender may try the same request again. Receivers, APIs and the reference docs read it.
 */

/** `status` is HTTP, `grpc` the canonical gRPC code, `retry` tells whether the same request may succeed later. */
export interface ErrorSpec {
  readonly status: number;
  readonly grpc: number;
  readonly retry: boolean;
  readonly doc: string;
}

const spec = (status: number, grpc: number, retry: boolean, doc: string): ErrorSpec => ({
  status,
  grpc,
  retry,
  doc,
});

export const errorCatalogue = {
  wire_malformed: spec(
    400,
    3,
    false,
    "The body is not what its content type says; the message names the byte offset.",
  ),
  wire_too_deep: spec(400, 3, false, "Values are nested deeper than the limit."),
  wire_too_large: spec(
    413,
    8,
    false,
    "The body is larger than the limit, as sent or after decompression.",
  ),
  wire_too_many_items: spec(413, 8, false, "The request carries more items than the limit."),
  encoding_unsupported: spec(
    415,
    12,
    false,
    "The content encoding is not one of gzip, deflate, zstd, identity.",
  ),
  media_type_unsupported: spec(415, 12, false, "The content type is not one this address takes."),
  encoding_malformed: spec(400, 3, false, "The compressed body cannot be decompressed."),
  queue_full: spec(503, 14, true, "The journal is at its bound because the store is slow or away."),
  memory_pressure: spec(503, 14, true, "Too many bytes are in flight for the memory limit."),
  disk_full: spec(503, 14, true, "The disk that holds the journal is full."),
  journal_failed: spec(
    503,
    14,
    true,
    "The journal could not be written; nothing was acknowledged.",
  ),
  shutting_down: spec(503, 14, true, "The process is stopping."),
  store_unavailable: spec(503, 14, true, "The store cannot be reached or refused the query."),
  store_failed: spec(500, 13, false, "The store answered with an error that is not the user's."),
  query_invalid: spec(400, 3, false, "The query or one of its parameters cannot be understood."),
  query_unsupported: spec(
    422,
    12,
    false,
    "The query is valid but this part of the language is not evaluated.",
  ),
  query_failed: spec(
    422,
    9,
    false,
    "The query is valid, but the data it meets cannot be combined as it says.",
  ),
  query_limit: spec(
    422,
    8,
    false,
    "The query would exceed a limit; the message names the limit and the estimate.",
  ),
  query_timeout: spec(503, 4, true, "The query ran longer than its time limit."),
  query_cancelled: spec(499, 1, false, "The client went away; the query was stopped."),
  query_queue_full: spec(503, 14, true, "Too many queries are waiting."),
  not_found: spec(404, 5, false, "Nothing is known under this id or address."),
  config_invalid: spec(
    400,
    3,
    false,
    "The configuration cannot be used; the message names file, line and key.",
  ),
  data_dir_locked: spec(500, 9, false, "Another process has this data directory open."),
  data_dir_unusable: spec(500, 9, false, "The data directory cannot be read or written."),
  data_dir_format: spec(
    500,
    9,
    false,
    "The data directory was written by a format this version does not know.",
  ),
  platform_unsupported: spec(500, 9, false, "The embedded store does not run on this platform."),
  port_in_use: spec(500, 9, false, "Another process listens on this port."),
  internal: spec(500, 13, false, "A bug of ours."),
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** What may go with an error: how long to wait, where in the input it is, what to count. */
export interface ErrorDetail {
  readonly cause?: unknown;
  /** Seconds after which the sender should try again. */
  readonly retryAfterSeconds?: number;
  /** Byte offset in the (decompressed) body, or character offset in a query. */
  readonly offset?: number;
}

/** An error of the world: has a code of the catalogue and a message that says what was attempted. */
export class TriptychError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "TriptychError";
    this.code = code;
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.offset = detail.offset;
  }

  get spec(): ErrorSpec {
    return errorCatalogue[this.code];
  }
}

/** Turns anything thrown into a `TriptychError`; what is not one already is a bug of ours. */
export function asTriptychError(thrown: unknown): TriptychError {
  if (thrown instanceof TriptychError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TriptychError("internal", message, { cause: thrown });
}
