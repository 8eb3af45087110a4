/** Answers about what is scraped. */
import type { Labels } from "./alerts.ts";
import type { AnswerInfo } from "./answer-info.ts";

export type TargetHealth = "up" | "down" | "unknown";

export interface ScrapeTarget {
  readonly id: string;
  readonly pool: string;
  readonly url: string;
  /** What its series get. */
  readonly labels: Labels;
  /** Before relabelling. */
  readonly discovered: Labels;
  readonly health: TargetHealth;
  /** "" when the last scrape went well. */
  readonly lastError: string;
  /** Milliseconds since 1970; 0 before the first. */
  readonly lastScrapeMs: number;
  readonly lastSeconds: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** Series of the last scrape that went well; absent before it. */
  readonly series?: number;
}

export interface ScrapePool {
  readonly name: string;
  readonly up: number;
  readonly down: number;
  readonly unknown: number;
  readonly dropped: number;
  readonly intervalSeconds: number;
  /** Discoveries that do not work, and targets that could not be made. */
  readonly problems: readonly { readonly discovery: string; readonly message: string }[];
}

/**
 * GET /targets?pool&health&search&limit: the pools whole, the targets that match (those that are down first), and
 * what relabelling dropped. `search` is a case-insensitive part of the address, an error or a label's value.
 */
export interface TargetsAnswer extends AnswerInfo {
  readonly pools: readonly ScrapePool[];
  readonly targets: readonly ScrapeTarget[];
  /** Targets that match, also those beyond `limit`. */
  readonly total: number;
  readonly dropped: readonly { readonly pool: string; readonly discovered: Labels }[];
  /** Dropped ones that match, also those beyond `limit`. */
  readonly droppedTotal: number;
}
