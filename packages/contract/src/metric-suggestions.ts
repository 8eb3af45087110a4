/** What may be typed where the cursor stands in a query of PromQL. */

export interface MetricSuggestions {
  /** What an option takes the place of: characters of `query`, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** Likeliest first. */
  readonly options: readonly MetricSuggestion[];
  /** What is wrong with the query as it is, if anything. */
  readonly problem?: { readonly message: string; readonly offset: number };
}

export interface MetricSuggestion {
  readonly kind:
    | "metric"
    | "label"
    | "value"
    | "function"
    | "aggregation"
    | "operator"
    | "keyword"
    | "duration";
  /** As it is to be written, in quotes where it needs them. */
  readonly text: string;
  /** What it is: a function's signature and a sentence, a metric's help. Empty when nothing is known. */
  readonly detail: string;
  readonly doc: string;
  readonly experimental?: true;
}
