/** Scrapes one target again and again, each at its own place in the interval. */
import type { Clock } from "@triptych/model";
import { KnownMetadata } from "./known-metadata.ts";
import {
  endTarget,
  type ScrapeDeps,
  type ScrapeJob,
  type ScrapeOutcome,
  scrapeTarget,
  type TargetState,
} from "./scrape-target.ts";
import type { Target } from "./target.ts";
import { emptyMemory } from "./target-memory.ts";

export type Health = "unknown" | "up" | "down";

export interface LoopView {
  readonly health: Health;
  readonly lastError: string;
  /** 0 before the first. */
  readonly lastScrapeMs: number;
  readonly lastSeconds: number;
}

export interface ScrapeLoop {
  readonly target: Target;
  view(): LoopView;
  state(): TargetState;
  start(): void;
  /** Stops; what it was doing is waited for and nothing is marked stale. */
  stop(): Promise<void>;
  /**
   * Stops, if it was not yet, and marks all its series stale at the time of the next scrape, unless `isBack` says that the same series are
   * scraped again: it is asked after another interval and a tenth, when they have been.
   */
  end(isBack: () => boolean): void;
}

export interface LoopDeps extends ScrapeDeps {
  /** Differs between processes that scrape the same targets, so that they do not at the same time. */
  readonly offsetSeed: number;
  readonly onOutcome: (target: Target, outcome: ScrapeOutcome) => void;
}

/** Prometheus writes the time a scrape was due when it began this soon after. */
const ALIGN_MS = 2;

export function newState(): TargetState {
  return {
    memory: emptyMemory(),
    metadata: new KnownMetadata(),
    metadataText: "",
    metadataAtMs: 0,
  };
}

export function createLoop(
  target: Target,
  job: ScrapeJob,
  options: { readonly deps: LoopDeps; readonly state: TargetState },
): ScrapeLoop {
  const { deps, state } = options;
  const { clock } = deps;
  const abort = new AbortController();
  let cancel = (): void => {};
  let stopped = false;
  let dueMs = 0;
  let running: Promise<void> = Promise.resolve();
  let current: LoopView = { health: "unknown", lastError: "", lastScrapeMs: 0, lastSeconds: 0 };

  const scrape = async (): Promise<void> => {
    const nowMs = clock.nowMs();
    const tolerance = Math.min(ALIGN_MS, target.intervalMs / 100);
    const atMs = nowMs - dueMs >= 0 && nowMs - dueMs <= tolerance ? dueMs : nowMs;
    const outcome = await scrapeTarget(target, { job, state, atMs, signal: abort.signal }, deps);
    if (stopped) return;
    current = {
      health: outcome.error === "" ? "up" : "down",
      lastError: outcome.error,
      lastScrapeMs: atMs,
      lastSeconds: outcome.seconds,
    };
    deps.onOutcome(target, outcome);
  };
  const schedule = (): void => {
    cancel = clock.after(Math.max(0, dueMs - clock.nowMs()), () => {
      running = scrape().finally(() => {
        if (stopped) return;
        // A scrape that took long, or a clock that jumped, skips what it missed.
        const late = clock.nowMs() - dueMs;
        const isJump = Math.abs(late) > target.intervalMs * 10;
        dueMs = isJump
          ? firstDue(clock, target, deps.offsetSeed)
          : dueMs + target.intervalMs * Math.max(1, Math.ceil(late / target.intervalMs));
        schedule();
      });
    });
  };
  const halt = (): void => {
    stopped = true;
    cancel();
    abort.abort();
  };
  return {
    target,
    view: () => current,
    state: () => state,
    start() {
      dueMs = firstDue(clock, target, deps.offsetSeed);
      schedule();
    },
    async stop() {
      halt();
      await running;
    },
    end(isBack) {
      halt();
      const nowMs = clock.nowMs();
      const missed = Math.max(0, Math.floor((nowMs - dueMs) / target.intervalMs) + 1);
      const atMs = dueMs + missed * target.intervalMs;
      clock.after(atMs - nowMs + target.intervalMs * 1.1, () => {
        if (isBack()) return;
        void running.then(() => endTarget(target, { job, state, atMs }, deps));
      });
    },
  };
}

/** The next time at the target's own place in the interval. */
function firstDue(clock: Clock, { intervalMs, hash }: Target, seed: number): number {
  const nowMs = clock.nowMs();
  const offset = (hash + seed) % intervalMs;
  const due = nowMs - (nowMs % intervalMs) + offset;
  return due >= nowMs ? due : due + intervalMs;
}
