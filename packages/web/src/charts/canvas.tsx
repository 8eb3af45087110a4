/**
 * A canvas that follows its box, the device's pixels and the theme. `draw` gets a context in CSS pixels and a way to
 * read colour tokens; it is called again when size, theme, fonts or `draw` itself change.
 */
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

export interface Pen {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Value of a colour token, e.g. `--series-3`. */
  readonly colour: (token: string) => string;
  readonly font: (size: number, weight?: number, face?: "ui" | "data") => string;
}

export type Draw = (pen: Pen) => void;

/** Counts theme changes, so that canvases repaint. */
function useThemeVersion(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const observer = new MutationObserver(() => setVersion((now) => now + 1));
    observer.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    let mounted = true;
    void document.fonts.ready.then(() => mounted && setVersion((now) => now + 1));
    return () => {
      mounted = false;
      observer.disconnect();
    };
  }, []);
  return version;
}

export function useWidth<E extends HTMLElement>(): [React.RefObject<E | null>, number] {
  const box = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

export function Canvas(props: {
  readonly width: number;
  readonly height: number;
  readonly draw: Draw;
  readonly className?: string;
  readonly style?: React.CSSProperties;
}) {
  const element = useRef<HTMLCanvasElement>(null);
  const theme = useThemeVersion();
  const { width, height, draw } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `theme` is what makes the colours stale
  useLayoutEffect(() => {
    const canvas = element.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || width <= 0 || height <= 0) return;
    const ratio = Math.max(1, devicePixelRatio);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(penFor(context, width, height));
  }, [width, height, draw, theme]);
  return (
    <canvas
      ref={element}
      aria-hidden="true"
      className={props.className}
      style={{ width, height, display: "block", ...props.style }}
    />
  );
}

function penFor(context: CanvasRenderingContext2D, width: number, height: number): Pen {
  const style = getComputedStyle(document.documentElement);
  const known = new Map<string, string>();
  return {
    context,
    width,
    height,
    colour: (token) => {
      let value = known.get(token);
      if (value === undefined) {
        value = style.getPropertyValue(token).trim();
        known.set(token, value);
      }
      return value;
    },
    font: (size, weight = 400, face = "ui") =>
      `${weight} ${size}px ${style.getPropertyValue(face === "ui" ? "--font-ui" : "--font-data")}`,
  };
}

/** A chart as a figure: picture for the eye, a sentence and (on demand) a table for everyone. */
export function Figure(props: {
  readonly summary: string;
  readonly table?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <figure className="chart" aria-label={props.summary}>
      {props.children}
      <figcaption className="vh">
        {props.summary}
        {props.table}
      </figcaption>
    </figure>
  );
}

/** What hangs beside the pointer over a chart. */
export interface TipLine {
  readonly name: string;
  readonly value: string;
  readonly colour?: string;
}
export interface Tip {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly lines: readonly TipLine[];
}

export function ChartTip(props: { readonly tip: Tip | undefined }) {
  const box = useRef<HTMLDivElement>(null);
  const { tip } = props;
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || tip === undefined) return;
    const size = element.getBoundingClientRect();
    const right = tip.x + 14 + size.width < innerWidth;
    element.style.left = `${Math.max(6, right ? tip.x + 14 : tip.x - size.width - 14)}px`;
    element.style.top = `${Math.max(6, Math.min(innerHeight - size.height - 6, tip.y + 12))}px`;
  }, [tip]);
  if (tip === undefined) return null;
  return (
    <div ref={box} className="tip" aria-hidden="true">
      <div className="t">{tip.title}</div>
      {tip.lines.map((line) => (
        <div
          key={line.name}
          className="l"
          style={{ "--c": line.colour ?? "transparent" } as React.CSSProperties}
        >
          {line.colour !== undefined && <i />}
          {line.name}
          <b>{line.value}</b>
        </div>
      ))}
    </div>
  );
}
