/** Labels at the ends of lines: moved apart as little as needed so that none overlaps and all stay inside. */

/** Takes wanted centres, gives centres in the same order, at least `gap` apart, inside [low, high] when they fit. */
export function spreadLabels(
  wanted: readonly number[],
  gap: number,
  bounds: { readonly low: number; readonly high: number },
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const placed = [...wanted];
  let floor = bounds.low;
  for (const i of order) {
    placed[i] = Math.max(placed[i] ?? 0, floor);
    floor = (placed[i] ?? 0) + gap;
  }
  let ceiling = bounds.high;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i] ?? 0, ceiling);
    ceiling = (placed[i] ?? 0) - gap;
  }
  return placed;
}
