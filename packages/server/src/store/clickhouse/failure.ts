/** What an error of the engine means for whoever waits: try again, ask for less, or a fault of ours. */
import { TriptychError } from "@triptych/model";

/** ClickHouse's error number in a message, or 0. */
export function clickhouseCode(error: unknown): number {
  if (error instanceof Error && "clickhouseCode" in error) return Number(error.clickhouseCode);
  // The HTTP client's errors carry the number as text.
  if (error instanceof Error && "code" in error && Number(error.code) > 0)
    return Number(error.code);
  const message = error instanceof Error ? error.message : String(error);
  const found = /Code: (\d+)/.exec(message);
  return found === null ? 0 : Number(found[1]);
}

/** What the data itself can cause; everything else (disk, memory, connection, limits) may pass by itself. */
const REFUSALS = new Set([6, 8, 27, 33, 34, 41, 43, 47, 53, 62, 69, 117, 321, 349]);

export function writeFailure(table: string, error: unknown): TriptychError {
  if (error instanceof TriptychError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = REFUSALS.has(clickhouseCode(error)) ? "store_failed" : "store_unavailable";
  return new TriptychError(code, `cannot insert into ${table}: ${message}`, { cause: error });
}

const TIMEOUT_EXCEEDED = 159;
const MEMORY_LIMIT_EXCEEDED = 241;
const QUERY_WAS_CANCELLED = 394;
const TOO_LARGE = new Set([158, 160, 307, 396]);

export function selectFailure(
  error: unknown,
  stopped: "query_cancelled" | "query_timeout" | undefined,
): TriptychError {
  if (error instanceof TriptychError) return error;
  if (stopped === "query_cancelled")
    return new TriptychError(stopped, "the query was stopped because nobody waits for it");
  const code = clickhouseCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (stopped === "query_timeout" || code === TIMEOUT_EXCEEDED) {
    return new TriptychError(
      "query_timeout",
      "the query ran longer than its time limit; ask for less time or fewer series",
    );
  }
  if (code === MEMORY_LIMIT_EXCEEDED || TOO_LARGE.has(code)) {
    return new TriptychError(
      "query_limit",
      `the query needs more than its share of memory or rows: ${message}`,
    );
  }
  if (code === 0) {
    return new TriptychError("store_unavailable", `the store cannot be reached: ${message}`, {
      cause: error,
    });
  }
  if (code === QUERY_WAS_CANCELLED)
    return new TriptychError("query_cancelled", "the query was stopped");
  return new TriptychError("store_failed", `the store cannot answer: ${message}`, { cause: error });
}
