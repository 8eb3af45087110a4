/** Searching in the manner of Kibana, and patterns of log lines. */
import type { LogLevel } from "./log-level.ts";

/** What may stand at the cursor of a search, and what is wrong with it, if anything. */
export interface Suggestions {
  readonly kind: "field" | "value" | "operator" | "none";
  /** What an option takes the place of: characters of `search`, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** As they are to be written, likeliest first. */
  readonly options: readonly string[];
  readonly problem?: { readonly message: string; readonly offset: number };
}

/** Lines as templates, most lines first; those that are new are listed however rare they are. */
export interface LogPatterns {
  readonly from: number;
  readonly stepMs: number;
  /** Lines that match in the range, and in the equally long time before it. */
  readonly total: number;
  readonly totalBefore: number;
  /** Patterns that were found, also those that are not listed. */
  readonly distinct: number;
  readonly patterns: readonly LogPattern[];
}
export interface LogPattern {
  /** `<_>` stands where lines differ. As `pattern` or `notPattern` of /logs it finds or leaves out its lines. */
  readonly template: string;
  readonly example: string;
  readonly lines: number;
  /** Lines in the equally long time before. */
  readonly before: number;
  /** Not seen in the time before, though there were lines. */
  readonly isNew: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly levels: { readonly [level in LogLevel]?: number };
  /** At most five, most lines first. */
  readonly services: readonly string[];
  /** Lines by step of `stepMs` since `from`. */
  readonly counts: readonly number[];
}
