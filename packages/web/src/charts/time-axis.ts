/** The time axis all charts share: same ticks, same words, drawn the same way. */
import type { TimeRange } from "@triptych/contract";
import { tickText, type Zone } from "../state/clock-text.ts";
import type { Pen } from "./canvas.tsx";
import { timeTicks } from "./ticks.ts";

export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function timeToX(plot: Plot, range: TimeRange, at: number): number {
  return plot.left + ((at - range.from) / (range.to - range.from)) * plot.width;
}

export function xToTime(plot: Plot, range: TimeRange, x: number): number {
  const share = Math.max(0, Math.min(1, (x - plot.left) / plot.width));
  return range.from + share * (range.to - range.from);
}

export function drawTimeAxis(
  pen: Pen,
  plot: Plot,
  axis: { readonly range: TimeRange; readonly zone: Zone },
): void {
  const { context } = pen;
  const offset = axis.zone === "utc" ? 0 : -new Date(axis.range.to).getTimezoneOffset();
  const { stepMs, ticks } = timeTicks(axis.range, plot.width, offset);
  context.font = pen.font(11);
  context.fillStyle = pen.colour("--faint");
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const at of ticks) {
    const x = timeToX(plot, axis.range, at);
    if (x > plot.left + 8 && x < plot.left + plot.width - 10) {
      context.fillText(tickText(at, stepMs, axis.zone), x, plot.top + plot.height + 15);
    }
  }
}

/** Grid lines and their labels at the left. */
export function drawValueAxis(
  pen: Pen,
  plot: Plot,
  axis: {
    readonly ticks: readonly number[];
    readonly y: (value: number) => number;
    readonly text: (value: number) => string;
  },
): void {
  const { context } = pen;
  context.font = pen.font(11);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of axis.ticks) {
    const y = Math.round(axis.y(tick)) + 0.5;
    context.strokeStyle = pen.colour("--grid");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(plot.left, y);
    context.lineTo(plot.left + plot.width, y);
    context.stroke();
    context.fillStyle = pen.colour("--faint");
    context.fillText(axis.text(tick), plot.left - 8, y);
  }
}

/** A dashed line across with words on it, e.g. a threshold. */
export function drawLimit(
  pen: Pen,
  plot: Plot,
  limit: { readonly y: number; readonly label: string },
): void {
  const { context } = pen;
  const y = Math.round(limit.y) + 0.5;
  context.save();
  context.strokeStyle = pen.colour("--critical");
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(plot.left, y);
  context.lineTo(plot.left + plot.width, y);
  context.stroke();
  context.restore();
  context.font = pen.font(11);
  context.fillStyle = pen.colour("--critical");
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillText(limit.label, plot.left + 4, y - 5);
}

/** An instant with words at its top: a dashed line under a small triangle. */
export function drawMoment(
  pen: Pen,
  plot: Plot,
  moment: { readonly x: number; readonly label: string },
): void {
  const { context } = pen;
  const x = Math.round(moment.x) + 0.5;
  context.save();
  context.strokeStyle = pen.colour("--muted");
  context.fillStyle = pen.colour("--muted");
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(x, plot.top - 6);
  context.lineTo(x, plot.top + plot.height);
  context.stroke();
  context.restore();
  context.fillStyle = pen.colour("--muted");
  context.beginPath();
  context.moveTo(x - 4, plot.top - 6);
  context.lineTo(x + 4, plot.top - 6);
  context.lineTo(x, plot.top - 13);
  context.fill();
  context.font = pen.font(11);
  const right = x < plot.left + plot.width * 0.68;
  context.textAlign = right ? "left" : "right";
  context.textBaseline = "alphabetic";
  context.fillText(moment.label, right ? x + 8 : x - 8, plot.top - 6);
}
