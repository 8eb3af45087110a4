/** Which functions take `anchored` and `smoothed` ranges, sorted by name. */
export const anchoredFunctions = ["changes", "delta", "increase", "rate", "resets"] as const;
export const smoothedFunctions = ["delta", "increase", "rate"] as const;
