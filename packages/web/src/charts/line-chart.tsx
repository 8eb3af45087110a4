/**
 * Lines over time with their names at their ends, traces as dots on them, holes hatched instead of bridged. Dragging
 * zooms; a dot opens its trace.
 */
import type { MetricChartAnswer, TimeRange } from "@triptych/contract";
import { useCallback, useMemo, useState } from "react";
import { clockText, type Zone } from "../state/clock-text.ts";
import { Canvas, ChartTip, type Draw, Figure, type Pen, type Tip, useWidth } from "./canvas.tsx";
import { formatValue, threeDigits } from "./format.ts";
import { spreadLabels } from "./label-layout.ts";
import { figuresOf, gapsOf, runsOf } from "./series.ts";
import { numberTicks } from "./ticks.ts";
import { drawTimeAxis, drawValueAxis, type Plot, timeToX, xToTime } from "./time-axis.ts";
import { useDrag } from "./use-drag.ts";

export interface ChartSeries {
  readonly name: string;
  /** 1 to 12. */
  readonly colour: number;
  readonly values: readonly (number | null)[];
}

export type Exemplar = MetricChartAnswer["exemplars"][number];

export interface LineChartProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  readonly from: number;
  readonly stepMs: number;
  readonly unit: string;
  readonly range: TimeRange;
  readonly zone: Zone;
  readonly height: number;
  readonly exemplars: readonly Exemplar[];
  /** Index of the series to stress, -1 for none. */
  readonly stressed: number;
  readonly onZoom: (range: TimeRange) => void;
  readonly onTrace: (traceId: string) => void;
}

const labelMax = 14;
const labelWidth = 132;
const narrowPx = 480;
const hitPx = 9;
const tipLinesMax = 12;

interface Scale {
  readonly low: number;
  readonly high: number;
  readonly y: (value: number) => number;
}

export function LineChart(props: LineChartProps) {
  const { series, range, height, exemplars } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const [at, setAt] = useState<{
    readonly x: number;
    readonly y: number;
    readonly px: number;
    readonly py: number;
  }>();
  const narrow = width < narrowPx;
  const labels = !narrow && series.length > 0 && series.length <= labelMax;
  const plot = useMemo<Plot>(
    () => ({
      left: 58,
      top: 10,
      width: Math.max(10, width - 58 - (labels ? labelWidth : 12)),
      height: height - 32,
    }),
    [width, height, labels],
  );
  const scale = useMemo(() => scaleOf(series, exemplars, plot), [series, exemplars, plot]);
  const draw = useCallback<Draw>(
    (pen) => paint(pen, props, { plot, scale, labels }),
    [props, plot, scale, labels],
  );
  const near = at === undefined ? undefined : nearest(exemplars, at, { plot, range, scale });
  const { drag, handlers } = useDrag({
    done: ({ x0, x1 }) =>
      props.onZoom({
        from: Math.floor(xToTime(plot, range, x0)),
        to: Math.ceil(xToTime(plot, range, x1)),
      }),
    click: () => near !== undefined && props.onTrace(near.traceId),
  });
  const step =
    at === undefined ? -1 : Math.round((xToTime(plot, range, at.x) - props.from) / props.stepMs);
  const onMove = (event: React.PointerEvent<HTMLElement>) => {
    handlers.onPointerMove(event);
    const box = event.currentTarget.getBoundingClientRect();
    const x = event.clientX - box.left;
    const inside = x >= plot.left && x <= plot.left + plot.width;
    setAt(
      inside ? { x, y: event.clientY - box.top, px: event.clientX, py: event.clientY } : undefined,
    );
  };
  const tip =
    at === undefined || drag !== undefined
      ? undefined
      : near !== undefined
        ? exemplarTip(near, props, at)
        : stepTip(step, props, at);
  const crosshair =
    at === undefined || step < 0
      ? undefined
      : timeToX(plot, range, props.from + step * props.stepMs);
  return (
    <Figure summary={summaryOf(props)}>
      <div
        ref={holder}
        className={`plot drags ${near === undefined ? "" : "on-dot"}`}
        style={{ height }}
        {...handlers}
        onPointerMove={onMove}
        onPointerLeave={() => setAt(undefined)}
      >
        <Canvas width={width} height={height} draw={draw} />
        {crosshair !== undefined && drag === undefined && (
          <div
            className="crosshair"
            style={{ left: crosshair, top: plot.top, height: plot.height }}
          />
        )}
        {drag !== undefined && (
          <div
            className="span-box"
            style={{
              left: Math.min(drag.x0, drag.x1),
              width: Math.abs(drag.x1 - drag.x0),
              top: plot.top,
              height: plot.height,
            }}
          />
        )}
      </div>
      {!labels && series.length > 0 && (
        <Legend series={series.slice(0, labelMax)} unit={props.unit} />
      )}
      <ChartTip tip={tip} />
    </Figure>
  );
}

function Legend(props: { readonly series: readonly ChartSeries[]; readonly unit: string }) {
  return (
    <div className="legend" aria-hidden="true">
      {props.series.map((one) => (
        <span key={one.name}>
          <i style={{ "--c": `var(--series-${one.colour})` } as React.CSSProperties} />
          {one.name}{" "}
          <span className="faint">{formatValue(figuresOf(one.values)?.last, props.unit)}</span>
        </span>
      ))}
    </div>
  );
}

function summaryOf(props: LineChartProps): string {
  const words = props.series
    .slice(0, 5)
    .map((one) => `${one.name} ends at ${formatValue(figuresOf(one.values)?.last, props.unit)}`);
  return `${props.title}: ${props.series.length} series. ${words.join(", ")}.`;
}

function scaleOf(
  series: readonly ChartSeries[],
  exemplars: readonly Exemplar[],
  plot: Plot,
): Scale {
  let low = 0;
  let high = Number.NEGATIVE_INFINITY;
  for (const one of series) {
    const figures = figuresOf(
      one.values.map((value) => (value !== null && Number.isFinite(value) ? value : null)),
    );
    if (figures === undefined) continue;
    low = Math.min(low, figures.min);
    high = Math.max(high, figures.max);
  }
  for (const exemplar of exemplars)
    if (Number.isFinite(exemplar.value)) high = Math.max(high, exemplar.value);
  if (!Number.isFinite(high)) high = 1;
  if (high <= low) high = low + (Math.abs(low) || 1);
  high += (high - low) * 0.06;
  return {
    low,
    high,
    y: (value) => plot.top + plot.height * (1 - (Math.min(high, value) - low) / (high - low)),
  };
}

interface Layout {
  readonly plot: Plot;
  readonly scale: Scale;
  readonly labels: boolean;
}

function paint(pen: Pen, props: LineChartProps, layout: Layout): void {
  const { plot, scale } = layout;
  const ticks = numberTicks(scale.low, scale.high, Math.max(2, Math.round(plot.height / 56)));
  drawValueAxis(pen, plot, {
    ticks,
    y: scale.y,
    text: (value) => formatValue(value, props.unit, "axis"),
  });
  drawTimeAxis(pen, plot, { range: props.range, zone: props.zone });
  const x = (step: number) => timeToX(plot, props.range, props.from + step * props.stepMs);
  const { context } = pen;
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 2, plot.width, plot.height + 4);
  context.clip();
  for (const [first, last] of gapsOf(props.series.map((one) => one.values)))
    hatch(pen, plot, x(first - 1), x(last + 1));
  props.series.forEach((one, i) => {
    context.globalAlpha = props.stressed < 0 || props.stressed === i ? 1 : 0.25;
    drawLine(pen, one, { x, y: scale.y, width: props.stressed === i ? 2.25 : 1.5 });
  });
  context.globalAlpha = 1;
  context.restore();
  drawExemplars(pen, props, layout);
  if (layout.labels) drawLabels(pen, props, layout);
}

function drawLine(
  pen: Pen,
  one: ChartSeries,
  at: {
    readonly x: (step: number) => number;
    readonly y: (value: number) => number;
    readonly width: number;
  },
): void {
  const { context } = pen;
  context.strokeStyle = pen.colour(`--series-${one.colour}`);
  context.fillStyle = context.strokeStyle;
  context.lineWidth = at.width;
  context.lineJoin = "round";
  for (const [first, last] of runsOf(one.values)) {
    if (first === last) {
      // A value between two holes would have no line at all.
      context.beginPath();
      context.arc(at.x(first), at.y(one.values[first] ?? 0), 1.75, 0, Math.PI * 2);
      context.fill();
      continue;
    }
    context.beginPath();
    for (let i = first; i <= last; i++) context.lineTo(at.x(i), at.y(one.values[i] ?? 0));
    context.stroke();
  }
}

function hatch(pen: Pen, plot: Plot, from: number, to: number): void {
  const { context } = pen;
  context.save();
  context.beginPath();
  context.rect(from, plot.top, to - from, plot.height);
  context.clip();
  context.strokeStyle = pen.colour("--border-strong");
  context.lineWidth = 1;
  context.beginPath();
  for (let x = from - plot.height; x < to; x += 7) {
    context.moveTo(x, plot.top + plot.height);
    context.lineTo(x + plot.height, plot.top);
  }
  context.stroke();
  context.restore();
}

function drawExemplars(pen: Pen, props: LineChartProps, layout: Layout): void {
  const { context } = pen;
  context.lineWidth = 1.4;
  context.fillStyle = pen.colour("--surface");
  context.strokeStyle = pen.colour(
    props.series.length === 1 ? `--series-${props.series[0]?.colour ?? 1}` : "--text",
  );
  for (const exemplar of props.exemplars) {
    const x = timeToX(layout.plot, props.range, exemplar.timeMs);
    if (x < layout.plot.left || x > layout.plot.left + layout.plot.width) continue;
    context.beginPath();
    context.arc(x, layout.scale.y(exemplar.value), 3, 0, Math.PI * 2);
    context.fill();
    context.stroke();
  }
}

function drawLabels(pen: Pen, props: LineChartProps, layout: Layout): void {
  const { context } = pen;
  const { plot, scale } = layout;
  const ends = props.series.flatMap((one) => {
    const last = figuresOf(one.values)?.last;
    return last === undefined ? [] : [{ one, last }];
  });
  const places = spreadLabels(
    ends.map(({ last }) => scale.y(last)),
    16,
    { low: plot.top + 4, high: plot.top + plot.height },
  );
  const left = plot.left + plot.width;
  context.textAlign = "left";
  context.textBaseline = "middle";
  ends.forEach(({ one, last }, i) => {
    const y = places[i] ?? 0;
    context.fillStyle = pen.colour(`--series-${one.colour}`);
    context.fillRect(left + 4, y - 1, 8, 2);
    const value = formatValue(last, props.unit);
    context.font = pen.font(11.5);
    const room = labelWidth - 26 - context.measureText(value).width;
    const name = shorten(one.name, (text) => context.measureText(text).width <= room);
    context.fillStyle = pen.colour("--text");
    context.fillText(name, left + 17, y);
    const wide = context.measureText(name).width;
    context.fillStyle = pen.colour("--muted");
    context.fillText(value, left + 17 + wide + 5, y);
  });
}

function shorten(name: string, fits: (text: string) => boolean): string {
  if (fits(name)) return name;
  for (let length = name.length - 1; length > 1; length--) {
    const text = `${name.slice(0, length)}\u2026`;
    if (fits(text)) return text;
  }
  return "";
}

function nearest(
  exemplars: readonly Exemplar[],
  at: { readonly x: number; readonly y: number },
  on: { readonly plot: Plot; readonly range: TimeRange; readonly scale: Scale },
): Exemplar | undefined {
  let best: Exemplar | undefined;
  let reach = hitPx;
  for (const exemplar of exemplars) {
    const away = Math.hypot(
      timeToX(on.plot, on.range, exemplar.timeMs) - at.x,
      on.scale.y(exemplar.value) - at.y,
    );
    if (away >= reach) continue;
    reach = away;
    best = exemplar;
  }
  return best;
}

type Pointer = { readonly px: number; readonly py: number };

function exemplarTip(exemplar: Exemplar, props: LineChartProps, at: Pointer): Tip {
  return {
    x: at.px,
    y: at.py,
    title: `${clockText(exemplar.timeMs, props.zone, "ms")}, one trace`,
    lines: [
      { name: "value", value: formatValue(exemplar.value, props.unit) },
      { name: "trace", value: exemplar.traceId.slice(0, 8) },
      { name: "click", value: "opens it" },
    ],
  };
}

function stepTip(step: number, props: LineChartProps, at: Pointer): Tip | undefined {
  if (step < 0) return undefined;
  const lines = props.series
    .map((one) => ({ one, value: one.values[step] ?? null }))
    .sort((a, b) => (b.value ?? Number.NEGATIVE_INFINITY) - (a.value ?? Number.NEGATIVE_INFINITY));
  const shown = lines.slice(0, tipLinesMax).map(({ one, value }) => ({
    name: one.name,
    value: formatValue(value, props.unit),
    colour: `var(--series-${one.colour})`,
  }));
  const rest = lines.length - shown.length;
  return {
    x: at.px,
    y: at.py,
    title: clockText(props.from + step * props.stepMs, props.zone, "second"),
    lines: rest > 0 ? [...shown, { name: "and", value: `${threeDigits(rest)} more` }] : shown,
  };
}
