/** A span as the store has it: what every API that shows traces starts from. */
import type { Entry } from "./rows.ts";

/** Attributes as stored: entries, and one digit of `ValueKind` for each or "" when all are strings. */
export interface StoredAttributes {
  readonly entries: readonly Entry[];
  readonly kinds: string;
}
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** `Server`, `Client`, …; `Unspecified`. */
  readonly kind: string;
  readonly service: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  /** `Unset`, `Ok`, `Error`. */
  readonly status: string;
  readonly statusMessage: string;
  readonly flags: number;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly resource: StoredAttributes;
  readonly scope: StoredAttributes;
  readonly attributes: StoredAttributes;
  readonly events: readonly {
    readonly timeNs: bigint;
    readonly name: string;
    readonly attributes: StoredAttributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: StoredAttributes;
  }[];
  /** What the sender left out, or we did because of a limit. */
  readonly dropped: {
    readonly attributes: number;
    readonly events: number;
    readonly links: number;
  };
}
