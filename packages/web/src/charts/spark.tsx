/** A line without axes for tables: its shape and its last point. */
import { figuresOf, runsOf, type Values } from "./series.ts";

const width = 120;
const height = 20;

export function Spark(props: { readonly values: Values; readonly colour: string }) {
  const figures = figuresOf(props.values);
  if (figures === undefined) return <span className="faint">no data</span>;
  const low = Math.min(0, figures.min);
  const span = figures.max - low || 1;
  const x = (i: number) => 2 + (i / Math.max(1, props.values.length - 1)) * (width - 8);
  const y = (value: number) => height - 2 - ((value - low) / span) * (height - 5);
  const runs = runsOf(props.values);
  const path = runs
    .map(([first, last]) => {
      let text = "";
      for (let i = first; i <= last; i++)
        text += `${i === first ? "M" : "L"}${x(i).toFixed(1)} ${y(props.values[i] ?? 0).toFixed(1)}`;
      return text;
    })
    .join("");
  const end = runs.at(-1)?.[1] ?? 0;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={path} fill="none" stroke={props.colour} strokeWidth="1.3" strokeLinejoin="round" />
      <circle cx={x(end)} cy={y(figures.last)} r="2" fill={props.colour} />
    </svg>
  );
}
