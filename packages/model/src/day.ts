/** Days since 1970 UTC: what tables are partitioned by. */
const DAY_NS = 86_400_000_000_000;
const DAY_MS = 86_400_000;
/** A double holds today's nanoseconds to about 256 ns; this near midnight the exact integer decides. */
const EXACT_NEAR_NS = 2_000;

/** Days since 1970 of a nanosecond time given as two words. */
export function dayOfNs(low: number, high: number): number {
  const ns = high * 0x1_0000_0000 + low;
  const day = Math.floor(ns / DAY_NS);
  const rest = ns - day * DAY_NS;
  if (rest > EXACT_NEAR_NS && rest < DAY_NS - EXACT_NEAR_NS) return day;
  return Number(((BigInt(high) << 32n) | BigInt(low)) / BigInt(DAY_NS));
}

export function dayOfMs(ms: number): number {
  return Math.floor(ms / DAY_MS);
}
