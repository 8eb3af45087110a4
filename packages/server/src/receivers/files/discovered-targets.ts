/** Targets of a promtail job as files to read: relabelled, those of this host only, each with its pattern. */
import type { Relabel } from "@triptych/lang";
import type { TargetGroup } from "../discovery/target-group.ts";
import type { FileTarget } from "./find-files.ts";

export interface TargetOptions {
  readonly relabel: Relabel;
  readonly hostname: string;
  readonly externalLabels: ReadonlyMap<string, string>;
}

/** Left out: why, and how many. */
export interface DiscoveredFiles {
  readonly targets: readonly FileTarget[];
  readonly dropped: ReadonlyMap<string, number>;
}

export function fileTargets(
  groups: readonly TargetGroup[],
  options: TargetOptions,
): DiscoveredFiles {
  const targets: FileTarget[] = [];
  const dropped = new Map<string, number>();
  const drop = (reason: string): void => void dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
  for (const group of groups)
    for (const target of group.targets) {
      const labels = new Map([...group.labels, ...target]);
      if (!options.relabel(labels)) {
        drop("dropped by relabelling");
        continue;
      }
      const path = labels.get("__path__");
      const host = labels.get("__host__");
      const exclude = labels.get("__path_exclude__");
      const kept = plainLabels(labels, options.externalLabels);
      if (path === undefined || path === "") drop("no path for target");
      else if (host !== undefined && host !== options.hostname) drop("another host's target");
      else if (kept.size === 0) drop("no labels");
      else
        targets.push({
          path,
          exclude: exclude === undefined || exclude === "" ? [] : [exclude],
          labels: kept,
        });
    }
  return { targets, dropped };
}

/** Labels whose names begin with `__` end with relabelling. */
export function plainLabels(
  labels: ReadonlyMap<string, string>,
  external: ReadonlyMap<string, string>,
): Map<string, string> {
  const kept = new Map<string, string>();
  for (const [name, value] of labels)
    if (!name.startsWith("__") && value !== "") kept.set(name, value);
  for (const [name, value] of external) if (!kept.has(name)) kept.set(name, value);
  return kept;
}
