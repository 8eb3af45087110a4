/** What Triptych noticed by itself. */

/** GET /incidents → Incident[], newest first; GET /incidents/{id} → Incident. */
export interface Incident {
  /** `INC-1`, `INC-2`, … */
  readonly id: string;
  readonly service: string;
  readonly type: "High Latency";
  /** ISO 8601, UTC. */
  readonly detected_at: string;
  /** Absent while it is open. */
  readonly resolved_at?: string;
  /** Seconds. */
  readonly latency_p95: number;
  /** Worst p95 while it was open, seconds. */
  readonly latency_p95_peak: number;
  /** Seconds; what p95 was compared with. */
  readonly threshold: number;
  readonly requests: number;
  readonly errors: number;
  readonly slow_traces: readonly SlowTrace[];
  readonly trace_status: "ok" | "Trace data unavailable";
}
export interface SlowTrace {
  readonly trace_id: string;
  /** Seconds. */
  readonly latency: number;
  readonly endpoint: string;
  /** ISO 8601, UTC. */
  readonly ts: string;
}
