/** Time ranges around a trace, within what can be stored: spans of 1970 and of 2262 have no room before or after. */

/** The last millisecond that fits the store's nanoseconds. */
const lastMs = 9_223_372_036_854;

export function storableRange(fromMs: number, toMs: number): { from: number; to: number } {
  const from = Math.min(Math.max(0, Math.floor(fromMs)), lastMs - 1);
  return { from, to: Math.max(from + 1, Math.min(Math.ceil(toMs), lastMs)) };
}
