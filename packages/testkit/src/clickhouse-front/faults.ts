/** How the front misbehaves. Sent to its process as a message; what is not named stays as it is. */
export interface FrontFaults {
  /**
   * `refuse`: nobody listens. `hang`: requests are read and never answered. `half_open`: connections are accepted and
   * nothing is read. `too_many_parts`: inserts fail with 252. `slow`: 1 KiB a second. `down`: 503 from a proxy.
   */
  readonly mode: "none" | "refuse" | "hang" | "half_open" | "too_many_parts" | "slow" | "down";
  /** Probability that an insert is committed and the connection then dropped instead of answered. */
  readonly dropAfterCommit: number;
  /** Inserts are committed this much later, and answered after that. */
  readonly commitDelayMs: number;
}

export const noFaults: FrontFaults = { mode: "none", dropAfterCommit: 0, commitDelayMs: 0 };

export type FrontMessage =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "faults_set"; readonly inserts: number; readonly dropped: number };
