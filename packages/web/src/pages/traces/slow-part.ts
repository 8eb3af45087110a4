/** Finds what a person would circle on the duration picture: the traces far above the rest. */
import type { TraceHeatAnswer } from "@triptych/contract";
import type { HeatBox } from "../../charts/heat-map.tsx";
import type { HeatSummary } from "../../charts/heat-scale.ts";

/** Slower than this many medians is another population, not the tail of the same one. */
const slowMedians = 5;
/** From this many on it is one when hardly anything lies between it and the rest. */
const apartMedians = 2.5;
/** "Hardly anything": this share of the fullest row above the valley. */
const valleyShare = 0.35;
/** Fewer are chance; more than this share are no exception. */
const slowMin = 3;
const slowShareMax = 0.6;
/** This share of them may lie before their onset, and an onset earlier than this share of the range is none. */
const beforeShareMax = 0.1;
const onsetShareMin = 0.1;
/** The open end of the box: longer than any trace we keep. */
const endlessMs = 86_400_000;

export interface SlowPart {
  readonly count: number;
  readonly boundNs: number;
  /** When they began; undefined when they were there all along. */
  readonly since: number | undefined;
  readonly box: HeatBox;
}

export function slowPart(heat: TraceHeatAnswer, summary: HeatSummary): SlowPart | undefined {
  if (summary.total === 0 || summary.medianNs <= 0) return undefined;
  const rows = countRows(heat);
  const row = heat.boundsNs.findIndex((bound, i) => {
    if (bound < summary.medianNs * apartMedians) return false;
    const fullest = Math.max(0, ...rows.slice(i));
    return bound >= summary.medianNs * slowMedians || (rows[i - 1] ?? 0) <= fullest * valleyShare;
  });
  const bound = heat.boundsNs[row];
  if (bound === undefined) return undefined;
  const columns = heat.cells.map((column) =>
    column.reduce((sum, [at, count]) => sum + (at >= row ? count : 0), 0),
  );
  const all = columns.reduce((sum, count) => sum + count, 0);
  if (all < slowMin || all > summary.total * slowShareMax) return undefined;
  const onset = onsetColumn(columns, all);
  const count = columns.slice(onset ?? 0).reduce((sum, n) => sum + n, 0);
  const from = Math.floor(heat.from + (onset ?? 0) * heat.stepMs);
  const to = Math.ceil(heat.from + heat.cells.length * heat.stepMs);
  return {
    count,
    boundNs: bound,
    since: onset === undefined ? undefined : from,
    box: { from, to, minMs: bound / 1e6, maxMs: endlessMs },
  };
}

/** Where nearly all of them begin: single ones before are what happens every day. */
function onsetColumn(columns: readonly number[], all: number): number | undefined {
  let before = 0;
  for (let i = 0; i < columns.length; i++) {
    if (before + (columns[i] ?? 0) > all * beforeShareMax) {
      return i >= columns.length * onsetShareMin ? i : undefined;
    }
    before += columns[i] ?? 0;
  }
  return undefined;
}

function countRows(heat: TraceHeatAnswer): number[] {
  const rows = new Array<number>(heat.boundsNs.length).fill(0);
  for (const column of heat.cells) {
    for (const [row, count] of column) rows[row] = (rows[row] ?? 0) + count;
  }
  return rows;
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
