/** Errors of a query that runs. */
import { TriptychError } from "@triptych/model";

/** The query is right, but cannot be computed on this data; answered as a failed execution. */
export function queryFailed(message: string): TriptychError {
  return new TriptychError("query_failed", message);
}

/** `estimate` is how many samples and values the query would hold at once, about. */
export function tooManySamples(estimate: number, max: number): TriptychError {
  const about = estimate.toLocaleString("en-US", { maximumSignificantDigits: 2 });
  return new TriptychError(
    "query_limit",
    `query processing would load too many samples into memory in query execution: about ${about}, at most ${max.toLocaleString("en-US")}; ask for less time, fewer series or a longer step`,
  );
}

export function cancelled(): TriptychError {
  return new TriptychError("query_cancelled", "query was canceled in expression evaluation");
}
