/** Finds what a person would circle on the duration picture: the traces far above the rest. */
import type { TraceHeatAnswer } from "@triptych/contract";
import type { HeatBox } from "../../charts/heat-map.tsx";
import { above, type HeatSummary } from "../../charts/heat-scale.ts";

/** Slower than this many medians is another population, not the tail of the same one. */
const slowMedians = 5;
/** Fewer are chance; more than this share are no exception. */
const slowMin = 3;
const slowShareMax = 0.6;
/** The open end of the box: longer than any trace we keep. */
const endlessMs = 86_400_000;

export interface SlowPart {
  readonly count: number;
  readonly boundNs: number;
  readonly since: number;
  readonly box: HeatBox;
}

export function slowPart(heat: TraceHeatAnswer, summary: HeatSummary): SlowPart | undefined {
  if (summary.total === 0 || summary.medianNs <= 0) return undefined;
  const { count, firstColumn, boundNs } = above(heat, summary.medianNs * slowMedians);
  if (count < slowMin || count > summary.total * slowShareMax || firstColumn < 0) return undefined;
  const since = Math.floor(heat.from + firstColumn * heat.stepMs);
  const to = Math.ceil(heat.from + heat.cells.length * heat.stepMs);
  return {
    count,
    boundNs,
    since,
    box: { from: since, to, minMs: boundNs / 1e6, maxMs: endlessMs },
  };
}

/** Shares this far apart are worth a sentence. */
const tellingGap = 0.3;

export function isTelling(value: {
  readonly insideShare: number;
  readonly outsideShare: number;
}): boolean {
  return value.insideShare - value.outsideShare >= tellingGap && value.insideShare >= 0.5;
}

export function printBox(box: HeatBox): string {
  return [box.from, box.to, box.minMs, box.maxMs].map((n) => Number(n.toPrecision(15))).join(",");
}

export function parseBox(text: string | undefined): HeatBox | undefined {
  const [from, to, minMs, maxMs] = (text ?? "").split(",").map(Number);
  if (from === undefined || to === undefined || minMs === undefined || maxMs === undefined)
    return undefined;
  return from < to && minMs < maxMs ? { from, to, minMs, maxMs } : undefined;
}
