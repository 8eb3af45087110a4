/** Paints rows of the waterfall: the span pale, its self time solid, the critical path underlined, failures marked. */
import { selfIntervals } from "@triptych/lang";
import type { Pen } from "../../charts/canvas.tsx";
import { seriesOf } from "../../charts/colour.ts";
import { formatDuration } from "../../charts/format.ts";
import type { Row } from "./rows.ts";
import type { TraceView } from "./use-trace-view.ts";

/** Room at the right for durations of spans that reach the end. */
export const labelRoom = 84;

export interface RowsPaint {
  readonly view: Pick<TraceView, "tree" | "partsOf" | "window" | "selected">;
  readonly rows: readonly Row[];
  readonly rowHeight: number;
  readonly ticks: readonly number[];
  /** Leave the words out: narrow screens. */
  readonly bare: boolean;
}

type ToX = (ns: number) => number;

export function drawRows(pen: Pen, paint: RowsPaint): void {
  const { context } = pen;
  const { window } = paint.view;
  const width = pen.width - (paint.bare ? 12 : labelRoom);
  const x: ToX = (ns) => ((ns - window.from) / (window.to - window.from)) * width;
  context.fillStyle = pen.colour("--grid");
  for (const tick of paint.ticks) context.fillRect(Math.round(x(tick)), 0, 1, pen.height);
  paint.rows.forEach((row, i) => {
    drawRow(pen, paint, { row, top: i * paint.rowHeight, x, width });
  });
}

interface Place {
  readonly row: Row;
  readonly top: number;
  readonly x: ToX;
  readonly width: number;
}

function drawRow(pen: Pen, paint: RowsPaint, at: Place): void {
  const { context } = pen;
  const { tree, partsOf } = paint.view;
  const { row, x, width } = at;
  const span = tree.trace.spans[row.span];
  if (span === undefined) return;
  const members = row.alike ?? [row.span];
  const colour = pen.colour(`--series-${seriesOf(span.service)}`);
  const top = at.top + Math.floor((paint.rowHeight - 12) / 2);
  const bar = (from: number, to: number, least: number) => {
    const left = Math.max(-2, x(from));
    const right = Math.min(width + 2, x(to));
    if (right < 0 || left > width) return;
    context.beginPath();
    context.roundRect(
      left,
      top,
      Math.max(least, right - left),
      12,
      Math.min(2, Math.max(0, (right - left) / 2)),
    );
    context.fill();
  };
  context.fillStyle = colour;
  context.globalAlpha = 0.26;
  for (const member of members) bar(tree.start[member] ?? 0, tree.end[member] ?? 0, 2);
  context.globalAlpha = 1;
  for (const member of members) {
    for (const [from, to] of selfIntervals(tree, member)) bar(from, to, 1.5);
  }
  context.fillStyle = pen.colour("--text");
  for (const member of members) {
    for (const part of partsOf.get(member) ?? []) {
      const left = Math.max(0, x(part.from));
      const right = Math.min(width, x(part.to));
      if (right >= 0 && left <= width)
        context.fillRect(left, top + 14, Math.max(1.5, right - left), 2);
    }
  }
  const end = Math.max(...members.map((member) => tree.end[member] ?? 0));
  if (span.status === "error") drawDiamond(pen, Math.min(width, x(end)), top + 6);
  if (!paint.bare)
    drawDuration(pen, at, {
      top: top + 6,
      from: tree.start[row.span] ?? 0,
      to: end,
      text: words(row, paint),
      strong: (tree.end[row.span] ?? 0) - (tree.start[row.span] ?? 0) > tree.totalNs / 8,
      failed: span.status === "error",
    });
}

function words(row: Row, paint: RowsPaint): string {
  const { tree } = paint.view;
  const length = (i: number) => (tree.end[i] ?? 0) - (tree.start[i] ?? 0);
  if (row.alike === undefined) return formatDuration(length(row.span));
  return `${formatDuration(row.alike.reduce((sum, i) => sum + length(i), 0))} in all`;
}

function drawDiamond(pen: Pen, x: number, y: number): void {
  const { context } = pen;
  if (x < -6) return;
  context.beginPath();
  context.moveTo(x, y - 5.5);
  context.lineTo(x + 5.5, y);
  context.lineTo(x, y + 5.5);
  context.lineTo(x - 5.5, y);
  context.closePath();
  context.fillStyle = pen.colour("--critical");
  context.strokeStyle = pen.colour("--surface");
  context.lineWidth = 1;
  context.fill();
  context.stroke();
}

interface Label {
  readonly top: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly strong: boolean;
  readonly failed: boolean;
}

/** Behind the bar; before it when the bar ends at the right edge but does not fill the row; else in the room kept. */
function drawDuration(pen: Pen, at: Place, label: Label): void {
  const { context } = pen;
  const { x, width } = at;
  context.font = pen.font(11, 400, "data");
  context.textBaseline = "middle";
  context.fillStyle = pen.colour(label.strong ? "--text" : "--muted");
  const left = x(label.from);
  const right = x(label.to);
  if (right < 0 || left > width) return;
  const wide = context.measureText(label.text).width;
  if (right + wide + 10 > width && left > wide + 10 && right < width + 1) {
    context.textAlign = "right";
    context.fillText(label.text, left - 5, label.top);
    return;
  }
  context.textAlign = "left";
  context.fillText(label.text, Math.min(right, width) + (label.failed ? 10 : 6), label.top);
}
