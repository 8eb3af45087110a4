/** Labels of a line that came over the network: what is known of it under promtail's names, then the job's rules. */
import type { Relabel } from "@triptych/lang";
import { plainLabels } from "../files/discovered-targets.ts";

export interface TargetLabels {
  /** The target's own, of the file. */
  readonly labels: ReadonlyMap<string, string>;
  readonly relabel: Relabel;
  readonly externalLabels: ReadonlyMap<string, string>;
  /** What a line without any label is known by. */
  readonly job: string;
}

/** Undefined when the rules leave the line out. Empty values are no labels. */
export function labelsOfLine(
  target: TargetLabels,
  known: Iterable<readonly [name: string, value: string]>,
): Map<string, string> | undefined {
  const all = new Map(target.labels);
  for (const [name, value] of known) if (value !== "") all.set(name, value);
  if (!target.relabel(all)) return undefined;
  const kept = plainLabels(all, target.externalLabels);
  if (kept.size === 0) kept.set("job", target.job);
  return kept;
}
