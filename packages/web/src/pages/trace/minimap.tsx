/** The whole trace in a strip: one line per span, what is shown below marked. Dragging shows that part. */
import { selfIntervals } from "@triptych/lang";
import { useCallback } from "react";
import { Canvas, type Draw, useWidth } from "../../charts/canvas.tsx";
import { seriesOf } from "../../charts/colour.ts";
import { formatDuration } from "../../charts/format.ts";
import { useDrag } from "../../charts/use-drag.ts";
import type { TraceTree } from "./trace-tree.ts";
import type { TraceView } from "./use-trace-view.ts";

const height = 58;
/** Many times what the strip has pixels for. Of a larger trace neighbours share a line, drawn for the longest of them. */
const linesMax = 1_500;

function longestOf(tree: TraceTree, from: number, to: number): number {
  let longest = from;
  for (let position = from + 1; position < to; position++) {
    if (selfNsAt(tree, position) > selfNsAt(tree, longest)) longest = position;
  }
  return longest;
}

const selfNsAt = (tree: TraceTree, position: number): number =>
  tree.selfNs[tree.order[position] ?? 0] ?? 0;

export function Minimap(props: { readonly view: TraceView }) {
  const { tree, window, setWindow } = props.view;
  const [box, width] = useWidth<HTMLDivElement>();
  const draw = useCallback<Draw>(
    (pen) => {
      const { context } = pen;
      const count = tree.order.length;
      const x = (ns: number) => (ns / tree.totalNs) * pen.width;
      const y = (position: number) => 4 + (position / count) * (height - 8);
      const line = count > 200 ? 1 : 2;
      const colours = new Map<string, string>();
      const colourOf = (service: string): string => {
        const colour = colours.get(service) ?? pen.colour(`--series-${seriesOf(service)}`);
        colours.set(service, colour);
        return colour;
      };
      const step = Math.max(1, Math.ceil(count / linesMax));
      for (let from = 0; from < count; from += step) {
        const position = longestOf(tree, from, Math.min(count, from + step));
        const i = tree.order[position] ?? 0;
        context.fillStyle = colourOf(tree.trace.spans[i]?.service ?? "");
        for (const [from, to] of selfIntervals(tree, i)) {
          context.fillRect(x(from), y(position), Math.max(1, x(to) - x(from)), line);
        }
      }
      context.fillStyle = pen.colour("--critical-fill");
      const marked = new Set<string>();
      tree.trace.spans.forEach((span, i) => {
        if (span.status !== "error") return;
        const [left, top] = [x(tree.end[i] ?? 0) - 2, y(tree.position[i] ?? 0) - 1.5];
        const place = `${Math.round(left)} ${Math.round(top)}`;
        if (marked.has(place)) return;
        marked.add(place);
        context.fillRect(left, top, 4, 4);
      });
    },
    [tree],
  );
  const toNs = (px: number) =>
    Math.max(0, Math.min(tree.totalNs, (px / Math.max(1, width)) * tree.totalNs));
  const { drag, handlers } = useDrag({
    done: ({ x0, x1 }) => setWindow({ from: toNs(x0), to: toNs(x1) }),
    click: () => setWindow(undefined),
  });
  const left = drag ? Math.min(drag.x0, drag.x1) : (window.from / tree.totalNs) * width;
  const right = drag ? Math.max(drag.x0, drag.x1) : (window.to / tree.totalNs) * width;
  return (
    <div
      ref={box}
      className="m drags"
      role="img"
      aria-label={`Overview: ${formatDuration(window.from)} to ${formatDuration(window.to)} of ${formatDuration(tree.totalNs)} is shown below`}
      data-tip="Drag to look closer, click for the whole"
      {...handlers}
    >
      <Canvas width={width} height={height} draw={draw} />
      <div className="vp" style={{ left, width: Math.max(2, right - left) }} />
    </div>
  );
}
