/** When a group is evaluated: at times that are the same in every process, spread over the interval. */

/** How far a group's times lie behind multiples of its interval; the same for the same group everywhere. */
export function slotOffsetMs(file: string, name: string, intervalMs: number): number {
  let high = 0x811c9dc5;
  let low = 0x01000193;
  for (const byte of new TextEncoder().encode(`${file}\u{0}${name}`)) {
    high = Math.imul(high ^ byte, 0x01000193) >>> 0;
    low = Math.imul(low ^ byte, 0x5bd1e995) >>> 0;
    low = (low ^ (high >>> 13)) >>> 0;
  }
  return (high * 2 ** 20 + (low & 0xfffff)) % intervalMs;
}

/** The last such time up to `nowMs`. */
export function slotBefore(nowMs: number, intervalMs: number, offsetMs: number): number {
  return Math.floor((nowMs - offsetMs) / intervalMs) * intervalMs + offsetMs;
}
