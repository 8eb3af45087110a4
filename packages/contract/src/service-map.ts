/** Answers about services as a whole: who calls whom, and how each of them does over time. */
/** What stands between the two ends: a plain call, a queue, a database, or one end has no spans of its own. */
export type ConnectionType = "" | "messaging_system" | "database" | "virtual_node";

/** Durations in nanoseconds; 0 where that side has no spans. */
export interface EdgeDurations {
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
}

export interface DependencyEdge {
  readonly client: string;
  readonly server: string;
  readonly connectionType: ConnectionType;
  readonly calls: number;
  readonly failed: number;
  readonly clientSide: EdgeDurations;
  readonly serverSide: EdgeDurations;
}

/** The edges with the most calls first. */
export interface DependencyEdges {
  readonly edges: readonly DependencyEdge[];
  /** Counts are extrapolated from one in so many traces; 1 when all were read. */
  readonly sampledOneIn: number;
}

export interface RedSeries {
  readonly service: string;
  /** "" when the series is of the whole service. */
  readonly operation: string;
  /** Of the whole range. */
  readonly requests: number;
  readonly errors: number;
  /** One entry a step. Requests a second; share of errors from 0 to 1; durations in nanoseconds, null without requests. */
  readonly rate: readonly number[];
  readonly errorRatio: readonly (number | null)[];
  readonly p50Ns: readonly (number | null)[];
  readonly p95Ns: readonly (number | null)[];
  readonly p99Ns: readonly (number | null)[];
}

/** The busiest first. */
export interface RedTable {
  /** Milliseconds since 1970 of the first step, which begins there. */
  readonly from: number;
  readonly stepMs: number;
  readonly series: readonly RedSeries[];
}
