/**
 * Which rows of the waterfall are on screen: the display order less what is folded, filtered or shown as one row
 * because it repeats. Pure; the page and the keyboard work on its answer.
 */
import type { TraceTree } from "./trace-tree.ts";

/** Fewer alike siblings than this stay rows of their own. */
export const alikeMin = 6;

export interface Row {
  /** The span; for a group its first. */
  readonly span: number;
  readonly depth: number;
  /** All spans of a folded group of alike siblings, else absent. */
  readonly alike?: readonly number[];
  /** Whether anything lies below it, and whether that is hidden. */
  readonly parentOf: number;
  readonly folded: boolean;
}

export interface RowChoices {
  readonly show: "all" | "critical" | "errors";
  readonly onPath: (span: number) => boolean;
  /** Spans deeper than this start folded. */
  readonly depth: number;
  /** Ids toggled against their default; groups as the first id with `*` behind it. */
  readonly toggled: ReadonlySet<string>;
}

export function visibleRows(tree: TraceTree, choices: RowChoices): Row[] {
  const keep = kept(tree, choices);
  const rows: Row[] = [];
  let at = 0;
  /** Inside a group that was opened its members are not looked at again. */
  let openUntil = 0;
  while (at < tree.order.length) {
    const span = tree.order[at] ?? 0;
    if (keep !== undefined && keep[span] === 0) {
      at = tree.after[at] ?? at + 1;
      continue;
    }
    const depth = tree.depth[span] ?? 0;
    const alike = keep === undefined && at >= openUntil ? alikeFrom(tree, at) : [];
    const id = tree.trace.spans[span]?.spanId ?? "";
    if (alike.length >= alikeMin && !choices.toggled.has(`${id}*`)) {
      rows.push({ span, depth, alike, parentOf: 0, folded: true });
      at += alike.length;
      continue;
    }
    if (alike.length > 0) openUntil = at + alike.length;
    // Filtered rows do not fold: what is left is what was asked for.
    const parentOf = keep === undefined ? (tree.children[span]?.length ?? 0) : 0;
    const folded =
      parentOf > 0 && keep === undefined && depth >= choices.depth !== choices.toggled.has(id);
    rows.push({ span, depth, parentOf, folded });
    at = folded ? (tree.after[at] ?? at + 1) : at + 1;
  }
  return rows;
}

/** Spans that the filter keeps together with all above them; undefined when everything is kept. */
function kept(tree: TraceTree, choices: RowChoices): Uint8Array | undefined {
  if (choices.show === "all") return undefined;
  const keep = new Uint8Array(tree.order.length);
  tree.trace.spans.forEach((span, i) => {
    const wanted = choices.show === "errors" ? span.status === "error" : choices.onPath(i);
    for (let at = wanted ? i : -1; at >= 0 && keep[at] === 0; at = tree.parent[at] ?? -1)
      keep[at] = 1;
  });
  return keep;
}

/** The run of childless siblings with one name and service that begins at this position. */
function alikeFrom(tree: TraceTree, position: number): number[] {
  const first = tree.order[position] ?? 0;
  const like = tree.trace.spans[first];
  const run: number[] = [];
  if ((tree.parent[first] ?? -1) < 0) return run;
  for (let at = position; at < tree.order.length; at++) {
    const i = tree.order[at] ?? 0;
    const span = tree.trace.spans[i];
    const same =
      tree.parent[i] === tree.parent[first] &&
      tree.children[i]?.length === 0 &&
      span?.name === like?.name &&
      span?.service === like?.service &&
      span?.status === like?.status;
    if (!same) break;
    run.push(i);
  }
  return run;
}

/**
 * Spans whose name, service, id, message, attributes or events contain the words, in display order. `more` are ids of
 * spans that contain them where the page does not look.
 */
export function findSpans(tree: TraceTree, words: string, more?: ReadonlySet<string>): number[] {
  const needle = words.trim().toLowerCase();
  if (needle === "") return [];
  const has = (text: string) => text.toLowerCase().includes(needle);
  // A large trace has few names and services, each of many spans.
  const known = new Map<string, boolean>();
  const named = (text: string): boolean => {
    let hit = known.get(text);
    if (hit === undefined) {
      hit = has(text);
      known.set(text, hit);
    }
    return hit;
  };
  const found: number[] = [];
  for (const i of tree.order) {
    const span = tree.trace.spans[i];
    if (span === undefined) continue;
    const hit =
      named(span.name) ||
      named(span.service) ||
      (span.statusMessage !== "" && has(span.statusMessage)) ||
      span.spanId === needle ||
      span.attributes?.some(([key, , value]) => has(value) || has(key)) ||
      span.events?.some((event) => has(event.name)) ||
      more?.has(span.spanId);
    if (hit) found.push(i);
  }
  return found;
}

/** What must be toggled so that a span has a row, its own or that of its group: every folded parent above it. */
export function revealing(tree: TraceTree, span: number, choices: RowChoices): Set<string> {
  const toggled = new Set(choices.toggled);
  const idOf = (i: number) => tree.trace.spans[i]?.spanId ?? "";
  for (let at = tree.parent[span] ?? -1; at >= 0; at = tree.parent[at] ?? -1) {
    const foldedByDepth = (tree.depth[at] ?? 0) >= choices.depth;
    if (foldedByDepth) toggled.add(idOf(at));
    else toggled.delete(idOf(at));
  }
  return toggled;
}
