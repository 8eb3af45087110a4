/**
 * The waterfall: names in rows drawn only where they are seen, bars on a canvas beside them that covers the same rows
 * and scrolls with them. Selecting a row opens the span in the drawer.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { Canvas, type Draw, useWidth } from "../../charts/canvas.tsx";
import { seriesVariable } from "../../charts/colour.ts";
import { formatCount, formatDuration, plural } from "../../charts/format.ts";
import { numberTicks } from "../../charts/ticks.ts";
import { Icon, Shape } from "../../components/icon.tsx";
import { useKeys } from "../../state/keyboard.tsx";
import { drawRows, labelRoom } from "./draw-rows.ts";
import type { Row } from "./rows.ts";
import { oddities } from "./trace-tree.ts";
import type { TraceView } from "./use-trace-view.ts";

const narrowPx = 640;

export function Waterfall(props: { readonly view: TraceView }) {
  const { view } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const narrow = width < narrowPx;
  const rowHeight = narrow ? 28 : 24;
  const room = narrow ? 12 : labelRoom;
  const treeWidth = narrow
    ? Math.round(width * 0.42)
    : Math.max(240, Math.min(396, Math.round(width * 0.42)));
  const plotWidth = Math.max(10, width - treeWidth);
  const rows = useVirtualizer({
    count: view.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 16,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes change with the width only
  useEffect(() => rows.measure(), [rowHeight]);
  const { selectedRow } = view;
  const lastRow = useRef(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when another row is selected, not when rows move
  useEffect(() => {
    if (selectedRow >= 0)
      rows.scrollToIndex(selectedRow, { align: lastRow.current < 0 ? "center" : "auto" });
    lastRow.current = selectedRow;
  }, [view.selected]);
  useWaterfallKeys(view);
  const ticks = useMemo(
    () =>
      numberTicks(
        view.window.from,
        view.window.to,
        Math.max(2, Math.floor((plotWidth - room) / (narrow ? 56 : 90))),
      ),
    [view.window, plotWidth, room, narrow],
  );
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? -1;
  const { tree, partsOf, window, selected } = view;
  const draw = useCallback<Draw>(
    (pen) =>
      drawRows(pen, {
        view: { tree, partsOf, window, selected },
        rows: view.rows.slice(first, last + 1),
        rowHeight,
        ticks,
        bare: narrow,
      }),
    [tree, partsOf, window, selected, view.rows, first, last, rowHeight, ticks, narrow],
  );
  const share = (ns: number) => (ns - window.from) / (window.to - window.from);
  return (
    <div
      className="wf-body"
      ref={holder}
      style={{ "--tree": `${treeWidth}px`, "--row": `${rowHeight}px` } as React.CSSProperties}
    >
      <div className="ruler" aria-hidden="true">
        <div className="l">
          <span>Service and operation</span>
          <span className="faint hide-s">solid = self time, underline = critical path</span>
        </div>
        <div className="m" style={{ marginRight: room }}>
          {ticks.map((tick) => (
            <span key={tick} style={{ left: `${share(tick) * 100}%` }}>
              {formatDuration(tick, "axis")}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={scroller}
        className="spans"
        role="tree"
        tabIndex={0}
        aria-label={`${plural(view.rows.length, "row")} of ${plural(tree.trace.spans.length, "span")}`}
        aria-activedescendant={
          selectedRow >= first && selectedRow <= last ? `row-${selectedRow}` : undefined
        }
      >
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {items.map((item) => {
            const row = view.rows[item.index];
            return row === undefined ? null : (
              <SpanRow
                key={item.index}
                view={view}
                row={row}
                index={item.index}
                top={item.start}
                height={rowHeight}
                narrow={narrow}
              />
            );
          })}
          <Canvas
            width={plotWidth}
            height={Math.max(0, last - first + 1) * rowHeight}
            draw={draw}
            style={{
              position: "absolute",
              left: treeWidth,
              top: first * rowHeight,
              pointerEvents: "none",
            }}
          />
        </div>
      </div>
    </div>
  );
}

function SpanRow(props: {
  readonly view: TraceView;
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly narrow: boolean;
}) {
  const { view, row } = props;
  const { tree } = view;
  const span = tree.trace.spans[row.span];
  if (span === undefined) return null;
  const parent = tree.trace.spans[tree.parent[row.span] ?? -1];
  const failed = span.status === "error";
  const odd = oddities(tree, row.span, formatDuration);
  const opens = row.parentOf > 0 || row.alike !== undefined;
  const selected = view.selected === row.span || row.alike?.includes(view.selected) === true;
  const hit = view.isHit(row.span);
  const guide = props.narrow ? 7 : 12;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys of the tree are on the page
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus and names the active row
    <div
      id={`row-${props.index}`}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={opens ? !row.folded : undefined}
      aria-label={`${span.service} ${span.name}, ${formatDuration(span.durationNs)}${failed ? ", failed" : ""}${row.alike ? `, ${row.alike.length} alike` : ""}`}
      className={`spanrow ${failed ? "err" : ""} ${hit ? "hit" : ""}`}
      style={
        {
          top: props.top,
          height: props.height,
          "--c": seriesVariable(span.service),
        } as React.CSSProperties
      }
      onClick={() => (row.alike === undefined ? view.select(row.span) : view.toggle(row))}
    >
      <div className="l">
        <span
          className="guides"
          style={{ width: row.depth * guide, backgroundSize: `${guide}px 100%` }}
        />
        {opens ? (
          <button
            type="button"
            className={`tw ${row.folded ? "folded" : ""}`}
            tabIndex={-1}
            aria-label={row.folded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              view.toggle(row);
            }}
          >
            <Icon name="down" />
          </button>
        ) : (
          <span className="tw" />
        )}
        <span className={`sw ${span.kind === "client" || span.kind === "producer" ? "out" : ""}`} />
        {parent?.service !== span.service && !props.narrow && (
          <span className="sv">{span.service}</span>
        )}
        <span className="nm" title={`${span.service}: ${span.name}`}>
          {span.name === "" ? "(no name)" : span.name}
        </span>
        {failed && (
          <span className="em">
            <Shape state="critical" />
          </span>
        )}
        {odd.length > 0 && (
          <span className="odd c-warn" data-tip={odd.join(" ")}>
            <Shape state="warn" />
            <span className="vh">{odd.join(" ")}</span>
          </span>
        )}
        {row.alike !== undefined ? (
          <span className="badge alike">{row.alike.length} alike</span>
        ) : (
          row.parentOf > 0 && (
            <span className="cnt">
              {formatCount(
                row.folded
                  ? (tree.after[tree.position[row.span] ?? 0] ?? 0) -
                      (tree.position[row.span] ?? 0) -
                      1
                  : row.parentOf,
              )}
            </span>
          )
        )}
      </div>
    </div>
  );
}

function useWaterfallKeys(view: TraceView): void {
  const { rows, selectedRow, selected, tree } = view;
  const go = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row !== undefined) view.select(row.span, { replace: true });
  };
  const hop = (by: 1 | -1) => {
    if (view.hits.length === 0) return;
    const here = view.hits.indexOf(selected);
    const next = here < 0 ? 0 : (here + by + view.hits.length) % view.hits.length;
    view.select(view.hits[next], { replace: true });
  };
  const row = rows[selectedRow];
  useKeys({
    j: () => go(selectedRow + 1),
    k: () => go(selectedRow < 0 ? 0 : selectedRow - 1),
    ArrowDown: () => go(selectedRow + 1),
    ArrowUp: () => go(selectedRow < 0 ? 0 : selectedRow - 1),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    Enter: () =>
      row?.alike !== undefined
        ? view.toggle(row)
        : document.querySelector<HTMLElement>("[data-drawer]")?.focus(),
    ArrowRight: () => row !== undefined && row.folded && view.toggle(row),
    ArrowLeft: () => {
      if (row === undefined) return;
      if (row.parentOf > 0 && !row.folded) view.toggle(row);
      else if ((tree.parent[row.span] ?? -1) >= 0)
        view.select(tree.parent[row.span], { replace: true });
    },
    c: () => view.foldTo(Math.min(view.choices.depth, tree.depthMax) - 1),
    e: () => view.foldTo(view.choices.depth + 1),
    n: () => hop(1),
    N: () => hop(-1),
    Escape: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else if (selected >= 0) view.select(undefined);
    },
  });
}
