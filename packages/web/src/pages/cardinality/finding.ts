/** What stands out about the series, in a sentence's parts. */
import type { CardinalityAnswer } from "@triptych/contract";

/** A name with more than this share of all series is worth a look. */
const LARGE_SHARE = 0.2;
/** Below this nothing needs attention, whatever the shares. */
const FEW_SERIES = 1_000;
/** More new series than this share of all: labels that change with each deployment or request. */
const CHURN_SHARE = 0.5;

export type CardinalityFinding =
  | { readonly kind: "nothing" }
  | { readonly kind: "churn"; readonly name: string; readonly newSeries: number }
  | { readonly kind: "large"; readonly name: string; readonly share: number }
  | { readonly kind: "fine" };

export function findingOf(answer: CardinalityAnswer): CardinalityFinding {
  if (answer.series === 0) return { kind: "nothing" };
  if (answer.series < FEW_SERIES) return { kind: "fine" };
  const churning = [...answer.byName].sort((a, b) => b.newSeries - a.newSeries)[0];
  if (churning !== undefined && answer.churn.total > answer.series * CHURN_SHARE)
    return { kind: "churn", name: churning.name, newSeries: churning.newSeries };
  const largest = answer.byName[0];
  const share = (largest?.series ?? 0) / answer.series;
  if (largest !== undefined && share > LARGE_SHARE)
    return { kind: "large", name: largest.name, share };
  return { kind: "fine" };
}

/** Bytes a sample, of what is stored; `undefined` while there is none. */
export function bytesPerSample(answer: CardinalityAnswer): number | undefined {
  const samples = answer.tables.find(({ name }) => name === "samples");
  return samples === undefined || samples.rows === 0 ? undefined : samples.bytes / samples.rows;
}
