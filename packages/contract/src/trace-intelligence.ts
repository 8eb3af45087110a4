/** What is made of traces beyond showing them: what sets some apart, one beside another, what everything waited for. */

/** Where a key stands: on the span, its resource, one of its events, or a field that every span has. */
export type DifferenceScope = "span" | "resource" | "event" | "intrinsic";

/** Spans (or traces) inside and outside that have one value of one attribute. */
export interface DifferentValue {
  readonly scope: DifferenceScope;
  readonly key: string;
  readonly value: string;
  readonly inside: number;
  readonly outside: number;
  readonly insideShare: number;
  readonly outsideShare: number;
  /** How many times as common inside as outside; null when nothing outside has it. */
  readonly lift: number | null;
  /** Two-sided: how likely such shares are when the value has nothing to do with it. */
  readonly p: number;
  /** The same after Benjamini and Hochberg's adjustment for all values compared. */
  readonly pAdjusted: number;
  readonly test: "fisher" | "chi-squared";
}

/** An attribute with numbers, or `duration` in nanoseconds, compared as a distribution. */
export interface DifferentNumbers {
  readonly scope: DifferenceScope;
  readonly key: string;
  readonly inside: number;
  readonly outside: number;
  readonly insideMedian: number;
  readonly outsideMedian: number;
  /** Kolmogorov and Smirnov's statistic: the largest gap of the two cumulative distributions, 0 to 1. */
  readonly gap: number;
  readonly p: number;
  readonly pAdjusted: number;
}

/** A key that was not compared. */
export interface LeftOutKey {
  readonly scope: DifferenceScope;
  readonly key: string;
  /** `ids`: nearly each has its own value. `selection`: it is what the inside was chosen by. */
  readonly reason: "ids" | "selection";
  /** Values seen, 0 when they were not counted. */
  readonly distinct: number;
}

export interface Differences {
  /** What is counted. */
  readonly unit: "spans" | "traces";
  /** All that match, on each side. */
  readonly inside: number;
  readonly outside: number;
  /** Those that were compared: fewer when a side is sampled, which a mark says. Shares are of these. */
  readonly compared: { readonly inside: number; readonly outside: number };
  /** Commoner inside than outside, most telling first. */
  readonly values: readonly DifferentValue[];
  /** Rarer inside than outside, most telling first. */
  readonly rarer: readonly DifferentValue[];
  readonly numbers: readonly DifferentNumbers[];
  readonly leftOut: readonly LeftOutKey[];
  /** One trace of each side, "" when there is none. */
  readonly examples: { readonly inside: string; readonly outside: string };
}

/** The spans of one row of a comparison; medians where it stands for many traces. */
export interface ComparedSide {
  readonly spans: number;
  readonly failed: number;
  /** Sums over the spans of the row. */
  readonly durationNs: number;
  readonly selfNs: number;
  readonly criticalNs: number;
  /** Id of its first span; "" where the row stands for many traces. */
  readonly spanId: string;
  /** In how many of the traces there is such a span. */
  readonly traces: number;
}

/** Spans of the same path: the same service, operation and kind below the same row. */
export interface ComparedRow {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  /** Counts alike siblings that were matched one by one, from 1; 0 when the row has all of them. */
  readonly position: number;
  readonly depth: number;
  /** Index of the row above, -1 at the top. */
  readonly parent: number;
  /** Absent when this trace has no such span. */
  readonly here?: ComparedSide;
  /** Absent when the other has none. */
  readonly there?: ComparedSide;
}

export interface ComparedTrace {
  /** "" for many traces. */
  readonly traceId: string;
  /** How many traces this is, from 0. */
  readonly traces: number;
  readonly service: string;
  readonly name: string;
  /** "" for many. */
  readonly startNs: string;
  /** Medians for many. */
  readonly durationNs: number;
  readonly spans: number;
  readonly failed: number;
}

export interface TraceComparison {
  readonly here: ComparedTrace;
  readonly there: ComparedTrace;
  /** Parents before children. Their differences on the critical path add up to that of the two traces. */
  readonly rows: readonly ComparedRow[];
  /** Index of the row whose time on the critical path differs most; -1 when none does. */
  readonly finding: number;
}

export interface CriticalPath {
  readonly traceId: string;
  readonly startNs: string;
  readonly durationNs: number;
  /** In time order, without overlaps; nanoseconds after `startNs`. */
  readonly parts: readonly {
    readonly spanId: string;
    readonly service: string;
    readonly name: string;
    readonly fromNs: number;
    readonly toNs: number;
  }[];
  /** Most time on the path first. */
  readonly services: readonly {
    readonly service: string;
    readonly criticalNs: number;
    readonly selfNs: number;
    readonly spans: number;
  }[];
}
