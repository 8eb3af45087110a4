/** Lines of a tail that wait for others that are earlier and come later (`delay_for`). */
import type { Clock } from "@triptych/model";

interface Timed {
  readonly timeNs: bigint;
}

/** Hands lines on after they waited, in the order of their time. What waits is bounded by what may come in a second. */
export function createLineDelay<L extends Timed>(
  clock: Clock,
  { delayMs, signal }: { readonly delayMs: number; readonly signal: AbortSignal },
  take: (lines: readonly L[]) => void,
): (lines: readonly L[]) => void {
  if (delayMs === 0) return take;
  let waiting: { readonly line: L; readonly dueMs: number }[] = [];
  const cancels = new Set<() => void>();
  signal.addEventListener("abort", () => {
    for (const cancel of cancels) cancel();
  });
  const release = (): void => {
    const nowMs = clock.monotonicMs();
    const due = waiting.filter(({ dueMs }) => dueMs <= nowMs);
    const newest = due.reduce((most, { line }) => (line.timeNs > most ? line.timeNs : most), 0n);
    // An earlier line that came while these waited goes with them.
    const isDue = (one: (typeof waiting)[number]): boolean =>
      one.dueMs <= nowMs || one.line.timeNs < newest;
    const lines = waiting.filter(isDue).map(({ line }) => line);
    waiting = waiting.filter((one) => !isDue(one));
    lines.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
    take(lines);
  };
  return (lines) => {
    const dueMs = clock.monotonicMs() + delayMs;
    for (const line of lines) waiting.push({ line, dueMs });
    const cancel = clock.after(delayMs, () => {
      cancels.delete(cancel);
      release();
    });
    cancels.add(cancel);
  };
}
