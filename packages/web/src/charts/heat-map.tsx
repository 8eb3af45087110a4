/**
 * Traces by start and duration: each cell counts, diamonds are failures, dragging draws a box. Under it lies a table
 * with the same figures for those who do not see or do not drag.
 */
import type { TimeRange, TraceHeatAnswer } from "@triptych/contract";
import { useCallback, useMemo, useState } from "react";
import { clockText, type Zone } from "../state/clock-text.ts";
import { Canvas, ChartTip, type Draw, Figure, type Pen, type Tip, useWidth } from "./canvas.tsx";
import { formatCount, formatDuration, plural } from "./format.ts";
import { durationAt, rowPosition, summarise, usedRows } from "./heat-scale.ts";
import { logTicks } from "./ticks.ts";
import { drawLimit, drawMoment, drawTimeAxis, type Plot, timeToX, xToTime } from "./time-axis.ts";
import { type Drag, useDrag } from "./use-drag.ts";

export interface HeatBox {
  readonly from: number;
  readonly to: number;
  readonly minMs: number;
  readonly maxMs: number;
}

export interface HeatMapProps {
  readonly heat: TraceHeatAnswer;
  readonly range: TimeRange;
  readonly zone: Zone;
  readonly height: number;
  readonly box?: HeatBox | undefined;
  readonly boxLabel?: string;
  readonly onBox?: (box: HeatBox | undefined) => void;
  readonly limit?: { readonly ns: number; readonly label: string };
  readonly moments?: readonly { readonly at: number; readonly label: string }[];
}

/** Rows fewer than this would make blocks instead of a picture. */
const rowsMin = 14;

export function HeatMap(props: HeatMapProps) {
  const { heat, range, zone, height } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const [tip, setTip] = useState<Tip>();
  const plot = useMemo<Plot>(
    () => ({ left: 54, top: 20, width: Math.max(10, width - 66), height: height - 42 }),
    [width, height],
  );
  const rows = useMemo(() => usedRows(heat.cells, heat.boundsNs.length, rowsMin), [heat]);
  const yOf = useCallback(
    (ns: number) => {
      const position = Math.max(rows.low, Math.min(rows.high, rowPosition(heat.boundsNs, ns)));
      return plot.top + plot.height * (1 - (position - rows.low) / (rows.high - rows.low));
    },
    [heat, plot, rows],
  );
  const draw = useCallback<Draw>(
    (pen) => {
      drawCells(pen, { heat, plot, rows, range });
      drawDurations(pen, plot, { heat, rows, yOf });
      drawTimeAxis(pen, plot, { range, zone });
      if (props.limit !== undefined)
        drawLimit(pen, plot, { y: yOf(props.limit.ns), label: props.limit.label });
      for (const moment of props.moments ?? []) {
        drawMoment(pen, plot, { x: timeToX(plot, range, moment.at), label: moment.label });
      }
    },
    [heat, plot, rows, range, zone, yOf, props.limit, props.moments],
  );
  const positionAt = (y: number) =>
    rows.high - ((y - plot.top) / plot.height) * (rows.high - rows.low);
  const boxOf = (drag: Drag): HeatBox => ({
    from: Math.floor(xToTime(plot, range, drag.x0)),
    to: Math.ceil(xToTime(plot, range, drag.x1)),
    minMs: durationAt(heat.boundsNs, Math.max(rows.low, positionAt(drag.y1))) / 1e6,
    maxMs: durationAt(heat.boundsNs, Math.min(rows.high, positionAt(drag.y0))) / 1e6,
  });
  const { drag, handlers } = useDrag({
    done: (done) => props.onBox?.(boxOf(done)),
    click: () => props.box !== undefined && props.onBox?.(undefined),
  });
  const onMove = (event: React.PointerEvent<HTMLElement>) => {
    handlers.onPointerMove(event);
    const at = event.currentTarget.getBoundingClientRect();
    const x = event.clientX - at.left;
    const y = event.clientY - at.top;
    const column = Math.floor((xToTime(plot, range, x) - heat.from) / heat.stepMs);
    const row = Math.floor(positionAt(y));
    const cell = heat.cells[column]?.find(([index]) => index === row);
    setTip(
      cell === undefined
        ? undefined
        : tipOf(heat, { column, cell, zone, x: event.clientX, y: event.clientY }),
    );
  };
  const shown = drag ?? (props.box && dragOf(props.box, { plot, range, yOf }));
  const summary = summarise(heat.boundsNs, heat.cells);
  return (
    <Figure
      summary={`Durations over time: ${plural(summary.total, "trace")}, ${summary.errors} failed, half took less than ${formatDuration(summary.medianNs)}.`}
      table={<HeatTable heat={heat} zone={zone} />}
    >
      <div
        ref={holder}
        className={props.onBox ? "plot drags" : "plot"}
        style={{ height }}
        {...(props.onBox && handlers)}
        onPointerMove={onMove}
        onPointerLeave={() => setTip(undefined)}
      >
        <Canvas width={width} height={height} draw={draw} />
        {shown !== undefined && (
          <div
            className="heat-box"
            style={{
              left: Math.min(shown.x0, shown.x1),
              top: Math.min(shown.y0, shown.y1),
              width: Math.abs(shown.x1 - shown.x0),
              height: Math.abs(shown.y1 - shown.y0),
            }}
          >
            {drag === undefined && props.boxLabel !== undefined && <span>{props.boxLabel}</span>}
          </div>
        )}
      </div>
      <ChartTip tip={drag === undefined ? tip : undefined} />
    </Figure>
  );
}

function dragOf(
  box: HeatBox,
  at: { readonly plot: Plot; readonly range: TimeRange; readonly yOf: (ns: number) => number },
): Drag {
  const inside = (x: number) => Math.max(at.plot.left, Math.min(at.plot.left + at.plot.width, x));
  return {
    x0: inside(timeToX(at.plot, at.range, box.from)),
    x1: inside(timeToX(at.plot, at.range, box.to)),
    y0: at.yOf(box.maxMs * 1e6),
    y1: at.yOf(box.minMs * 1e6),
  };
}

interface Layout {
  readonly heat: TraceHeatAnswer;
  readonly plot: Plot;
  readonly rows: { readonly low: number; readonly high: number };
  readonly range: TimeRange;
}

function drawCells(pen: Pen, layout: Layout): void {
  const { heat, plot, rows, range } = layout;
  const { context } = pen;
  const rowHeight = plot.height / (rows.high - rows.low);
  const most = Math.max(1, ...heat.cells.flatMap((column) => column.map(([, count]) => count)));
  const failed: [number, number, number][] = [];
  heat.cells.forEach((column, i) => {
    const x0 = Math.max(plot.left, timeToX(plot, range, heat.from + i * heat.stepMs));
    const x1 = Math.min(
      plot.left + plot.width,
      timeToX(plot, range, heat.from + (i + 1) * heat.stepMs),
    );
    if (x1 - x0 < 0.5) return;
    for (const [row, count, errors] of column) {
      const y = plot.top + plot.height - (row + 1 - rows.low) * rowHeight;
      // Logarithmic: a cell of ten must not vanish beside one of ten thousand.
      const level = most === 1 ? 3 : 1 + Math.round((Math.log(count) / Math.log(most)) * 4);
      context.fillStyle = pen.colour(`--heat-${level}`);
      context.fillRect(x0, y, Math.max(1, x1 - x0 - 1), Math.max(1, rowHeight - 1));
      if (errors > 0) failed.push([(x0 + x1) / 2, y + rowHeight / 2, errors]);
    }
  });
  context.fillStyle = pen.colour("--critical-fill");
  context.strokeStyle = pen.colour("--surface");
  context.lineWidth = 0.8;
  for (const [x, y, errors] of failed) {
    const size = Math.min(6, 3 + Math.log2(errors));
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.closePath();
    context.fill();
    context.stroke();
  }
}

function drawDurations(
  pen: Pen,
  plot: Plot,
  axis: Pick<Layout, "heat" | "rows"> & { readonly yOf: (ns: number) => number },
): void {
  const { context } = pen;
  const low = durationAt(axis.heat.boundsNs, axis.rows.low);
  const high = durationAt(axis.heat.boundsNs, axis.rows.high);
  context.font = pen.font(11);
  context.textAlign = "right";
  context.textBaseline = "middle";
  let lastY = Number.POSITIVE_INFINITY;
  for (const tick of logTicks(low, high)) {
    const y = axis.yOf(tick);
    if (lastY - y < 22) continue;
    lastY = y;
    context.fillStyle = pen.colour("--faint");
    context.fillText(formatDuration(tick, "axis"), plot.left - 8, y);
    context.fillStyle = pen.colour("--border-strong");
    context.fillRect(plot.left - 5, Math.round(y), 4, 1);
  }
}

function tipOf(
  heat: TraceHeatAnswer,
  at: {
    readonly column: number;
    readonly cell: readonly [number, number, number];
    readonly zone: Zone;
    readonly x: number;
    readonly y: number;
  },
): Tip {
  const [row, count, errors] = at.cell;
  const from = heat.from + at.column * heat.stepMs;
  const next = heat.boundsNs[row + 1];
  const lower = formatDuration(heat.boundsNs[row] ?? 0);
  return {
    x: at.x,
    y: at.y,
    title: `${clockText(from, at.zone, "second")} to ${clockText(from + heat.stepMs, at.zone, "second")}`,
    lines: [
      {
        name: next === undefined ? `over ${lower}` : `${lower} to ${formatDuration(next)}`,
        value: plural(count, "trace"),
      },
      ...(errors > 0
        ? [{ name: "failed", value: formatCount(errors), colour: "var(--critical-fill)" }]
        : []),
    ],
  };
}

/** Totals by time step: what a reader without the picture can use. */
function HeatTable(props: { readonly heat: TraceHeatAnswer; readonly zone: Zone }) {
  const { heat, zone } = props;
  return (
    <table>
      <thead>
        <tr>
          <th>From</th>
          <th>Traces</th>
          <th>Failed</th>
          <th>Slowest at least</th>
        </tr>
      </thead>
      <tbody>
        {heat.cells.map((column, i) => {
          if (column.length === 0) return null;
          const at = heat.from + i * heat.stepMs;
          const slowest = Math.max(...column.map(([row]) => row));
          return (
            <tr key={at}>
              <td>{clockText(at, zone, "second")}</td>
              <td>{column.reduce((sum, [, count]) => sum + count, 0)}</td>
              <td>{column.reduce((sum, [, , errors]) => sum + errors, 0)}</td>
              <td>{formatDuration(heat.boundsNs[slowest] ?? 0)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
