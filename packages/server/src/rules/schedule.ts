/**
 * Runs a group at its times, again and again: on the wall clock, so that times are the same after a restart, but
 * waiting on the monotonic one. What could not run in time is skipped and counted; a step of the wall clock is told.
 */
import type { Clock } from "@triptych/model";
import { slotBefore } from "./slot.ts";

export interface ScheduleDeps {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly offsetMs: number;
  /** Never rejects. */
  readonly run: (atMs: number) => Promise<void>;
  readonly missed: (count: number) => void;
  /** The wall clock was set forward by so much against the time that passed. */
  readonly stepped: (byMs: number) => void;
}

export interface Schedule {
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/** A clock that is steered by NTP drifts less between two evaluations; steps are larger. */
const STEP_MS = 500;
/** Timers fire up to a millisecond early. */
const EARLY_MS = 1;

export function startSchedule(deps: ScheduleDeps): Schedule {
  const { clock, intervalMs, offsetMs } = deps;
  let cancel = (): void => {};
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let nextMs = slotBefore(clock.nowMs(), intervalMs, offsetMs) + intervalMs;
  let wallOffsetMs = clock.nowMs() - clock.monotonicMs();

  const noticeStep = (): void => {
    const byMs = clock.nowMs() - clock.monotonicMs() - wallOffsetMs;
    if (Math.abs(byMs) < STEP_MS) return;
    wallOffsetMs += byMs;
    deps.stepped(byMs);
    nextMs = slotBefore(clock.nowMs(), intervalMs, offsetMs);
  };
  const tick = async (): Promise<void> => {
    noticeStep();
    const lateMs = clock.nowMs() - nextMs;
    if (lateMs < -EARLY_MS) return;
    const missed = Math.floor(Math.max(0, lateMs) / intervalMs);
    if (missed > 0) deps.missed(missed);
    const atMs = nextMs + missed * intervalMs;
    nextMs = atMs + intervalMs;
    await deps.run(atMs);
  };
  const wait = (): void => {
    if (stopped) return;
    cancel = clock.after(Math.max(0, nextMs - clock.nowMs()), () => {
      running = tick().then(wait);
    });
  };
  wait();
  return {
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
