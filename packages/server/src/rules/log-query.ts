/** Evaluates the expression of a rule over logs, once, at one time. */
import { type LogqlExpr, type LogqlValue, valueAt } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { runMetricQuery } from "../query/logql/run-metrics.ts";
import type { RunDeps } from "../query/logql/run-logs.ts";
import type { QueryMemory } from "../self/query-memory.ts";
import type { VectorSample } from "./sample.ts";

/** Rejects with what is wrong with the query, with `query_timeout`, or when the signal fires. */
export type LogRuleQuery = (
  expr: LogqlExpr,
  atMs: number,
  ask: {
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
    readonly memory?: QueryMemory | undefined;
  },
) => Promise<readonly VectorSample[]>;

export function createLogRuleQuery(deps: RunDeps): LogRuleQuery {
  return async (expr, atMs, { signal, timeoutMs, memory }) => {
    // In Loki's words: it takes such rules too, and they fail as long as they are there.
    if (expr.kind === "log_query") throw new Error("rule result is not a vector or scalar");
    const deadline = new AbortController();
    const cancel = deps.clock.after(timeoutMs, () => deadline.abort());
    try {
      const question = { expr, startMs: atMs, endMs: atMs, stepMs: undefined };
      const ask = {
        signal: AbortSignal.any([signal, deadline.signal]),
        priority: "rules" as const,
        memory,
      };
      return logSamplesOf(await runMetricQuery(deps, question, ask));
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      const message = `query timed out: it ran longer than ${timeoutMs / 1000} s`;
      throw new TriptychError("query_timeout", message, { cause: error });
    } finally {
      cancel();
    }
  };
}

/** The samples of an instant query; a number is one sample without labels. */
export function logSamplesOf(value: LogqlValue): VectorSample[] {
  if (value.kind === "scalar") return [{ labels: { pairs: [], key: "" }, value: value.value }];
  if (value.kind === "range") throw new Error("rule result is not a vector or scalar");
  return value.rows.flatMap((row) => {
    const found = valueAt(row, 0);
    return found === undefined ? [] : [{ labels: row.labels, value: found }];
  });
}
