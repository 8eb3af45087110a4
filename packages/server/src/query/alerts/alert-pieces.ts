/**
 * When alerts were pending and firing: pieces of time from the `ALERTS` series on a grid of steps. The two states of an
 * alert are two series that differ in `alertstate`; here they are one row again.
 */
import type { AlertTimelineAnswer } from "@triptych/contract";
import { FLOAT, type Row } from "@triptych/lang";

type TimelineRow = AlertTimelineAnswer["rows"][number];
type Piece = TimelineRow["pieces"][number];

interface Grid {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

/** Those that fired longest first, then those that were pending longest. */
export function alertPieces(rows: readonly Row[], grid: Grid): TimelineRow[] {
  const found = new Map<string, Omit<TimelineRow, "pieces"> & { readonly pieces: Piece[] }>();
  for (const row of rows) {
    const all = new Map(row.labels.pairs);
    const state = all.get("alertstate");
    if (state !== "pending" && state !== "firing") continue;
    const own = row.labels.pairs.filter(
      ([name]) => name !== "__name__" && name !== "alertstate" && name !== "alertname",
    );
    const name = all.get("alertname") ?? "";
    const key = JSON.stringify([name, own]);
    const labels = Object.fromEntries(own);
    const known = found.get(key) ?? { name, labels, pieces: new Array<Piece>() };
    known.pieces.push(...piecesOf(row, state, grid));
    found.set(key, known);
  }
  return [...found.values()]
    .map(({ name, labels, pieces }) => ({ name, labels, pieces: apart(pieces) }))
    .filter(({ pieces }) => pieces.length > 0)
    .sort(
      (a, b) =>
        lasted(b.pieces, "firing") - lasted(a.pieces, "firing") ||
        lasted(b.pieces, "pending") - lasted(a.pieces, "pending") ||
        (a.name < b.name ? -1 : 1),
    );
}

function piecesOf(row: Row, state: Piece["state"], { from, to, stepMs }: Grid): Piece[] {
  const pieces: Piece[] = [];
  let begun = -1;
  for (let step = 0; step <= row.kind.length; step++) {
    const holds = row.kind[step] === FLOAT;
    if (holds && begun < 0) begun = step;
    if (holds || begun < 0) continue;
    pieces.push({ state, from: from + begun * stepMs, to: Math.min(to, from + step * stepMs) });
    begun = -1;
  }
  return pieces.filter((piece) => piece.to > piece.from);
}

/**
 * In order of time, none over another. Without a staleness marker a state seems to hold a while longer than it did:
 * what begins later is right.
 */
function apart(pieces: readonly Piece[]): Piece[] {
  const sorted = [...pieces].sort((a, b) => a.from - b.from || a.to - b.to);
  return sorted.flatMap((piece, i) => {
    const to = Math.min(piece.to, sorted[i + 1]?.from ?? piece.to);
    return to > piece.from ? [{ ...piece, to }] : [];
  });
}

function lasted(pieces: readonly Piece[], state: Piece["state"]): number {
  return pieces.reduce((sum, one) => sum + (one.state === state ? one.to - one.from : 0), 0);
}
