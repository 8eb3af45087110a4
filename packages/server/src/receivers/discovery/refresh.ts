/** A discovery that asks again and again: at once, then every interval. A failure keeps the groups it had. */
import type { Clock } from "@triptych/model";
import type { DiscovererDeps } from "./discovery-deps.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

/** `signal` ends when the discovery closes. */
export type Refresh = (signal: AbortSignal) => Promise<readonly TargetGroup[]>;

const INTERVAL_MS_MIN = 1000;
/** Discoveries that began together drift apart by up to this part of the interval. */
const JITTER = 0.1;

export function refreshed(
  intervalMs: number,
  deps: Pick<DiscovererDeps, "clock" | "random" | "worked" | "failing">,
  refresh: Refresh,
): Discoverer {
  const abort = new AbortController();
  let cancel = (): void => {};
  const pauseMs = Math.max(INTERVAL_MS_MIN, intervalMs);
  return {
    start(emit) {
      const round = async (): Promise<void> => {
        try {
          const groups = await refresh(abort.signal);
          if (abort.signal.aborted) return;
          deps.worked();
          emit(groups);
        } catch (error) {
          if (abort.signal.aborted) return;
          deps.failing(error instanceof Error ? error.message : String(error));
        }
        cancel = deps.clock.after(pauseMs * (1 - JITTER * deps.random()), () => void round());
      };
      void round();
    },
    close() {
      abort.abort();
      cancel();
    },
  };
}

/** Waits, unless the signal ends first. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}
