/** What the times at which counts began tell of resets between samples. */

/** Whether the count began anew between two samples, as their start times tell. */
export function startTellsReset(
  previous: { readonly startMs: number; readonly timeMs: number },
  current: { readonly startMs: number; readonly timeMs: number },
): boolean {
  if (current.startMs === 0 || current.startMs >= current.timeMs) return false;
  if (current.startMs !== previous.timeMs) return current.startMs > previous.timeMs;
  // It points at the sample before: a delta, unless nobody knows where that one began.
  if (previous.startMs > previous.timeMs) return false;
  return previous.startMs !== 0 && previous.startMs !== previous.timeMs;
}

/** Whether what the sample counts began before the sample before it, so that both count some of the same. */
export function startsOverlap(startMs: Float64Array, timeMs: Float64Array, i: number): boolean {
  const start = startMs[i] as number;
  return start !== 0 && start < (timeMs[i - 1] as number) && start !== startMs[i - 1];
}

export function resetByStart(startMs: Float64Array, timeMs: Float64Array, i: number): boolean {
  return startTellsReset(
    { startMs: startMs[i - 1] as number, timeMs: timeMs[i - 1] as number },
    { startMs: startMs[i] as number, timeMs: timeMs[i] as number },
  );
}
