/** The part that nearly every answer has. */

/** What was read to answer, and what makes the answer less than whole. */
export interface AnswerInfo {
  readonly tookMs: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  /** Sentences such as "only the newest 5,000 lines are shown". */
  readonly marks: readonly string[];
}
