/**
 * Collects garbage when the process nears its memory limit. The runtime looks at its own heap to tell when; large arrays
 * lie outside of it, and a gigabyte of them that nobody holds any more may stay for minutes while the heap is small.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "@triptych/model";
import { repeat } from "./repeat.ts";

/** How often it is looked at; a collection takes some tens of milliseconds. */
const EVERY_MS = 2_000;
/** Less than this is not worth a collection. */
const ARRAYS_MIN_BYTES = 64 * 1024 * 1024;

export interface GarbageDeps {
  readonly clock: Clock;
  /** Memory of the process that only it can give back. */
  readonly usedBytes: () => number;
  /** Above this garbage is collected. */
  readonly aboveBytes: number;
  /** Bytes in arrays outside of the heap. */
  readonly arrayBytes?: () => number;
  readonly collect?: () => void;
}

/** Returns what stops it. */
export function collectGarbageNear(deps: GarbageDeps): () => void {
  const { clock, usedBytes, aboveBytes } = deps;
  const arrayBytes = deps.arrayBytes ?? (() => process.memoryUsage().arrayBuffers);
  const collect = deps.collect ?? runtimeCollector();
  let left = 0;
  return repeat(clock, EVERY_MS, async () => {
    // What a collection left is in use: only what came since may be garbage.
    if (usedBytes() < aboveBytes || arrayBytes() < left + ARRAYS_MIN_BYTES) {
      left = Math.min(left, arrayBytes());
      return;
    }
    collect();
    left = arrayBytes();
  });
}

/** The runtime's own collector, which it hands out only when it is asked to. */
function runtimeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  return typeof collect === "function" ? () => void collect() : () => {};
}
