/** Lines over time stacked by level: what failed at the bottom, where it can be compared. Dragging zooms. */
import type { LogLevel, LogLevelsAnswer, TimeRange } from "@triptych/contract";
import { useCallback, useMemo, useState } from "react";
import { clockText, type Zone } from "../state/clock-text.ts";
import { Canvas, ChartTip, type Draw, Figure, type Tip, useWidth } from "./canvas.tsx";
import { formatCount } from "./format.ts";
import { levelOrder } from "./level-order.ts";
import { numberTicks } from "./ticks.ts";
import { drawTimeAxis, drawValueAxis, type Plot, timeToX, xToTime } from "./time-axis.ts";
import { useDrag } from "./use-drag.ts";

const tokens: { readonly [level in LogLevel]: readonly [token: string, alpha: number] } = {
  fatal: ["--critical", 1],
  error: ["--critical-fill", 1],
  warn: ["--warn-fill", 1],
  info: ["--muted", 0.3],
  debug: ["--muted", 0.18],
  trace: ["--muted", 0.12],
  unknown: ["--muted", 0.22],
};

export function levelColour(level: LogLevel): string {
  const [token, alpha] = tokens[level];
  return alpha === 1
    ? `var(${token})`
    : `color-mix(in oklch, var(${token}) ${alpha * 100}%, var(--surface))`;
}

export interface LevelBarsProps {
  readonly answer: LogLevelsAnswer;
  readonly range: TimeRange;
  readonly zone: Zone;
  readonly height: number;
  readonly onZoom: (range: TimeRange) => void;
}

export function LevelBars(props: LevelBarsProps) {
  const { answer, range, zone, height } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const [tip, setTip] = useState<Tip>();
  const plot = useMemo<Plot>(
    () => ({ left: 48, top: 8, width: Math.max(10, width - 56), height: height - 30 }),
    [width, height],
  );
  const levels = useMemo(
    () => levelOrder.filter((level) => answer.levels[level] !== undefined),
    [answer],
  );
  const columns = Math.max(0, ...levels.map((level) => answer.levels[level]?.length ?? 0));
  const draw = useCallback<Draw>(
    (pen) => {
      const totals = Array.from({ length: columns }, (_, i) =>
        levels.reduce((sum, level) => sum + (answer.levels[level]?.[i] ?? 0), 0),
      );
      const most = Math.max(1, ...totals) * 1.05;
      const y = (value: number) => plot.top + plot.height * (1 - value / most);
      const ticks = numberTicks(0, most, 2).filter(Number.isInteger);
      drawValueAxis(pen, plot, { ticks, y, text: formatCount });
      drawTimeAxis(pen, plot, { range, zone });
      for (let i = 0; i < columns; i++) {
        const x0 = Math.max(plot.left, timeToX(plot, range, answer.from + i * answer.stepMs));
        const x1 = Math.min(
          plot.left + plot.width,
          timeToX(plot, range, answer.from + (i + 1) * answer.stepMs),
        );
        if (x1 - x0 < 0.5) continue;
        let below = 0;
        for (const level of levels) {
          const count = answer.levels[level]?.[i] ?? 0;
          if (count === 0) continue;
          const [token, alpha] = tokens[level];
          pen.context.globalAlpha = alpha;
          pen.context.fillStyle = pen.colour(token);
          // What failed stays visible however rare it is.
          const tall = Math.max(
            level === "error" || level === "fatal" || level === "warn" ? 1.5 : 0.75,
            y(below) - y(below + count),
          );
          pen.context.fillRect(x0 + 0.5, y(below) - tall, Math.max(1, x1 - x0 - 1), tall);
          below += count;
        }
        pen.context.globalAlpha = 1;
      }
    },
    [answer, levels, columns, plot, range, zone],
  );
  const { drag, handlers } = useDrag({
    done: ({ x0, x1 }) =>
      props.onZoom({
        from: Math.floor(xToTime(plot, range, x0)),
        to: Math.ceil(xToTime(plot, range, x1)),
      }),
  });
  const onMove = (event: React.PointerEvent<HTMLElement>) => {
    handlers.onPointerMove(event);
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const i = Math.floor((xToTime(plot, range, x) - answer.from) / answer.stepMs);
    setTip(
      i < 0 || i >= columns
        ? undefined
        : tipOf({ answer, levels, i, zone, x: event.clientX, y: event.clientY }),
    );
  };
  const sum = (level: LogLevel) =>
    (answer.levels[level] ?? []).reduce((total, count) => total + count, 0);
  return (
    <Figure
      summary={`Lines over time: ${levels.map((level) => `${formatCount(sum(level))} ${level}`).join(", ")}.`}
      table={<LevelTable answer={answer} levels={levels} zone={zone} columns={columns} />}
    >
      <div
        ref={holder}
        className="plot drags"
        style={{ height }}
        {...handlers}
        onPointerMove={onMove}
        onPointerLeave={() => setTip(undefined)}
      >
        <Canvas width={width} height={height} draw={draw} />
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
      <ChartTip tip={drag === undefined ? tip : undefined} />
    </Figure>
  );
}

function tipOf(at: {
  readonly answer: LogLevelsAnswer;
  readonly levels: readonly LogLevel[];
  readonly i: number;
  readonly zone: Zone;
  readonly x: number;
  readonly y: number;
}): Tip {
  const from = at.answer.from + at.i * at.answer.stepMs;
  return {
    x: at.x,
    y: at.y,
    title: `${clockText(from, at.zone, "second")} to ${clockText(from + at.answer.stepMs, at.zone, "second")}`,
    lines: [...at.levels].reverse().map((level) => ({
      name: level,
      value: formatCount(at.answer.levels[level]?.[at.i] ?? 0),
      colour: levelColour(level),
    })),
  };
}

function LevelTable(props: {
  readonly answer: LogLevelsAnswer;
  readonly levels: readonly LogLevel[];
  readonly zone: Zone;
  readonly columns: number;
}) {
  const { answer, levels } = props;
  return (
    <table>
      <thead>
        <tr>
          <th>From</th>
          {levels.map((level) => (
            <th key={level}>{level}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: props.columns }, (_, i) => {
          if (levels.every((level) => (answer.levels[level]?.[i] ?? 0) === 0)) return null;
          const from = answer.from + i * answer.stepMs;
          return (
            <tr key={from}>
              <td>{clockText(from, props.zone, "second")}</td>
              {levels.map((level) => (
                <td key={level}>{answer.levels[level]?.[i] ?? 0}</td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
