/** All that the Trace page knows and can do: the tree, its path, the rows, what is selected. The URL keeps the choices. */
import type { FoundSpans } from "@triptych/contract";
import { criticalPath, criticalTimes, isAsyncKind, type PathPart } from "@triptych/lang";
import { useCallback, useMemo } from "react";
import { useAnswer } from "../../api/answer.ts";
import { many, one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { findSpans, revealing, type Row, type RowChoices, visibleRows } from "./rows.ts";
import type { ShownTrace } from "./shown-trace.ts";
import { buildTree, type TraceTree } from "./trace-tree.ts";

export type Show = RowChoices["show"];

export interface TraceView {
  readonly tree: TraceTree;
  readonly parts: readonly PathPart[];
  /** Parts of the critical path by span. */
  readonly partsOf: ReadonlyMap<number, readonly PathPart[]>;
  readonly criticalNs: Float64Array;
  readonly rows: readonly Row[];
  readonly choices: RowChoices;
  /** Index of the selected span, -1 for none, and its row. */
  readonly selected: number;
  readonly selectedRow: number;
  readonly find: string;
  readonly hits: readonly number[];
  readonly isHit: (span: number) => boolean;
  /** Shown part of the trace, nanoseconds. */
  readonly window: { readonly from: number; readonly to: number };
  readonly select: (span: number | undefined, how?: { readonly replace?: boolean }) => void;
  readonly toggle: (row: Row) => void;
  readonly foldTo: (depth: number) => void;
  readonly setShow: (show: Show) => void;
  readonly setFind: (words: string) => void;
  readonly setWindow: (window: { from: number; to: number } | undefined) => void;
}

export function useTraceView(trace: ShownTrace): TraceView {
  const params = useParams();
  const setParams = useSetParams();
  const model = useMemo(() => {
    const tree = buildTree(trace);
    const parts = criticalPath(tree, (span) => isAsyncKind(trace.spans[span]?.kind ?? ""));
    const partsOf = new Map<number, PathPart[]>();
    for (const part of parts) {
      const list = partsOf.get(part.span);
      if (list === undefined) partsOf.set(part.span, [part]);
      else list.push(part);
    }
    return { tree, parts, partsOf, criticalNs: criticalTimes(parts, trace.spans.length) };
  }, [trace]);
  const { tree, criticalNs } = model;
  const show = readShow(one(params, "show"));
  const depth = Number(one(params, "depth") ?? Number.NaN);
  const folds = many(params, "fold");
  const find = one(params, "find") ?? "";
  const spanId = one(params, "span");
  const selected = spanId === undefined ? -1 : (tree.byId.get(spanId) ?? -1);
  const choices = useMemo<RowChoices>(() => {
    const chosen: RowChoices = {
      show,
      onPath: (span) => (criticalNs[span] ?? 0) > 0,
      depth: Number.isInteger(depth) && depth > 0 ? depth : tree.depthMax + 1,
      toggled: new Set(folds),
    };
    return chosen;
  }, [show, criticalNs, depth, folds, tree]);
  // A link to a span must show it, whatever else the address folds.
  const shown = useMemo(
    () =>
      selected < 0 || show !== "all"
        ? choices
        : { ...choices, toggled: revealing(tree, selected, choices) },
    [tree, selected, choices, show],
  );
  const rows = useMemo(() => visibleRows(tree, shown), [tree, shown]);
  const words = find.trim();
  const found = useAnswer<FoundSpans>(
    `/traces/${trace.traceId}/find`,
    { text: words },
    { enabled: trace.isOutline && words !== "", keep: false },
  ).data;
  const more = useMemo(() => found && new Set(found.spanIds), [found]);
  const hits = useMemo(() => findSpans(tree, find, more), [tree, find, more]);
  const hitSet = useMemo(() => new Set(hits), [hits]);
  const selectedRow = useMemo(
    () => rows.findIndex((row) => row.span === selected || row.alike?.includes(selected)),
    [rows, selected],
  );
  const window = useMemo(() => readWindow(one(params, "zoom"), tree.totalNs), [params, tree]);
  const idOf = useCallback((span: number) => tree.trace.spans[span]?.spanId, [tree]);
  return {
    ...model,
    rows,
    choices: shown,
    selected,
    selectedRow,
    find,
    hits,
    isHit: (span) => hitSet.has(span),
    window,
    select: (span, how) => setParams({ span: span === undefined ? undefined : idOf(span) }, how),
    toggle: (row) => {
      const id = idOf(row.span) ?? "";
      const key = row.alike === undefined ? id : `${id}*`;
      const toggled = new Set(shown.toggled);
      if (!toggled.delete(key)) toggled.add(key);
      // Folding away the selection would be undone by revealing it.
      const hides =
        row.alike === undefined &&
        !row.folded &&
        selected >= 0 &&
        selected !== row.span &&
        isBelow(tree, selected, row.span);
      setParams({ fold: [...toggled], ...(hides && { span: id }) });
    },
    foldTo: (level) =>
      setParams({
        depth: level >= tree.depthMax ? undefined : String(Math.max(1, level)),
        fold: undefined,
        span: undefined,
      }),
    setShow: (next) => setParams({ show: next === "all" ? undefined : next }),
    setFind: (words) => setParams({ find: words }, { replace: true }),
    setWindow: (next) =>
      setParams({ zoom: next && `${Math.round(next.from)},${Math.round(next.to)}` }),
  };
}

function readShow(text: string | undefined): Show {
  return text === "critical" || text === "errors" ? text : "all";
}

function readWindow(text: string | undefined, totalNs: number): { from: number; to: number } {
  const [from, to] = (text ?? "").split(",").map(Number);
  if (from === undefined || to === undefined || !(from >= 0) || !(to > from))
    return { from: 0, to: totalNs };
  return { from: Math.min(from, totalNs), to: Math.min(to, totalNs) };
}

function isBelow(tree: TraceTree, span: number, above: number): boolean {
  for (let at = tree.parent[span] ?? -1; at >= 0; at = tree.parent[at] ?? -1)
    if (at === above) return true;
  return false;
}
