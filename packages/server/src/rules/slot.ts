/** When a group is evaluated: at times that are the same in every process, spread over the interval. */
import { labelsFrom, labelsHash } from "@triptych/lang";

const NS_PER_MS = 1_000_000n;

/**
 * How far a group's times lie behind multiples of its interval, in milliseconds: what Prometheus takes for the same
 * group, so that its series go on at the times they had.
 */
export function slotOffsetMs(file: string, name: string, intervalMs: number): number {
  const hash = labelsHash(
    labelsFrom([
      ["file", file],
      ["name", name],
    ]),
  );
  return Number((hash % (BigInt(intervalMs) * NS_PER_MS)) / NS_PER_MS);
}

/** The last such time up to `nowMs`. */
export function slotBefore(nowMs: number, intervalMs: number, offsetMs: number): number {
  return Math.floor((nowMs - offsetMs) / intervalMs) * intervalMs + offsetMs;
}
