/**
 * Tells how filling the head after a start went: a head that was not filled answers nothing wrong, but older times are
 * read from the store, which is slower, until the window has passed.
 */
import { asTriptychError } from "@triptych/model";
import type { Metrics } from "../../../self/metrics.ts";
import type { Problems } from "../../../self/problems.ts";

export interface RebuildReport {
  done(): void;
  failed(error: unknown): void;
}

const CODE = "head_not_rebuilt";

export function createRebuildReport(deps: {
  readonly metrics: Pick<Metrics, "gauge">;
  readonly problems: Problems;
  readonly log: (level: "warn", message: string, fields: { readonly code: string }) => void;
  readonly windowMs: number;
  readonly limits: { readonly seriesMax: number; readonly samplesMax: number };
}): RebuildReport {
  let state = 0;
  deps.metrics.gauge(
    "triptych_head_rebuild_state",
    "Filling the memory of recent samples after the start: 0 under way, 1 done, 2 given up.",
    () => state,
  );
  deps.metrics.gauge(
    "triptych_head_rebuild_series_max",
    "With more series than this the memory of recent samples is not filled after a start.",
    () => deps.limits.seriesMax,
  );
  return {
    done() {
      state = 1;
      deps.problems.clear(CODE);
    },
    failed(thrown) {
      state = 2;
      const { code, message } = asTriptychError(thrown);
      const { seriesMax } = deps.limits;
      const why =
        code === "query_limit"
          ? `it is filled after a start for at most ${seriesMax.toLocaleString("en-US")} series`
          : message;
      const text = `samples from before the start are read from the store, not from memory: ${why}`;
      deps.log("warn", text, { code });
      deps.problems.raise(CODE, text, deps.windowMs);
    },
  };
}
