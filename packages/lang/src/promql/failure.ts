/** Errors of a query that runs. */
import { TriptychError } from "@triptych/model";

/** The query is right, but cannot be computed on this data; answered as a failed execution. */
export function queryFailed(message: string): TriptychError {
  return new TriptychError("query_failed", message);
}

export function tooManySamples(): TriptychError {
  return new TriptychError(
    "query_limit",
    "query processing would load too many samples into memory in query execution",
  );
}

export function cancelled(): TriptychError {
  return new TriptychError("query_cancelled", "query was canceled in expression evaluation");
}
