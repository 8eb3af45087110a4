/** What a comparison of traces found: how much slower or faster, and where. Pure; the page makes a sentence of it. */
import type { ComparedRow, TraceComparison } from "@triptych/contract";

/** Closer than this is "about as long". */
const aboutShare = 0.05;
/** Rows whose time on the critical path differs by less than this share of the longer trace are alike. */
const alikeShare = 0.01;

export interface CompareFinding {
  readonly speed: "slower" | "faster" | "about";
  /** Without its sign. */
  readonly differenceNs: number;
  readonly row: ComparedRow | undefined;
  /** More time there than in the other; below 0 less. */
  readonly rowNs: number;
  readonly because: "new" | "missing" | "failed" | "calls" | "longer" | "shorter";
}

export function findingOf(answer: TraceComparison): CompareFinding {
  const { here, there, rows } = answer;
  const difference = here.durationNs - there.durationNs;
  const about = Math.abs(difference) <= there.durationNs * aboutShare;
  const row = rows[answer.finding];
  const rowNs = row === undefined ? 0 : gapOf(row);
  return {
    speed: about ? "about" : difference > 0 ? "slower" : "faster",
    differenceNs: Math.abs(difference),
    row,
    rowNs,
    because: becauseOf(row, rowNs),
  };
}

/** More time on the critical path than in the other, nanoseconds. */
export function gapOf(row: ComparedRow): number {
  return (row.here?.criticalNs ?? 0) - (row.there?.criticalNs ?? 0);
}

function becauseOf(row: ComparedRow | undefined, rowNs: number): CompareFinding["because"] {
  if (row?.here === undefined) return "missing";
  if (row.there === undefined) return "new";
  if (row.here.failed > row.there.failed) return "failed";
  if (row.here.spans >= 2 * row.there.spans || row.there.spans >= 2 * row.here.spans)
    return "calls";
  return rowNs >= 0 ? "longer" : "shorter";
}

/** Indices of the rows that differ, with all above them. */
export function differingRows({ here, there, rows }: TraceComparison): ReadonlySet<number> {
  const least = Math.max(here.durationNs, there.durationNs) * alikeShare;
  const keep = new Set<number>();
  rows.forEach((row, i) => {
    const differs =
      Math.abs(gapOf(row)) >= least ||
      row.here === undefined ||
      row.there === undefined ||
      row.here.failed !== row.there.failed;
    for (let at = differs ? i : -1; at >= 0 && !keep.has(at); at = rows[at]?.parent ?? -1)
      keep.add(at);
  });
  return keep;
}
