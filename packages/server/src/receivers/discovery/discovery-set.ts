/**
 * All discoveries of one job or group of Alertmanagers: runs them, and hands on the groups of all of them whenever
 * one changed, not more often than every few seconds.
 */
import type { DiscoveryConfigs, DiscoveryKey } from "../../config/prometheus/discovery-config.ts";
import type { Discovery } from "../../config/prometheus/scrape-config.ts";
import type { DiscoveryDeps } from "./discovery-deps.ts";
import { discoverers } from "./registry.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

export interface DiscoveryProblem {
  /** Its key in the file. */
  readonly discovery: string;
  readonly message: string;
}

export interface DiscoverySet {
  start(onGroups: (groups: readonly TargetGroup[]) => void): void;
  problems(): readonly DiscoveryProblem[];
  close(): void;
}

/** Prometheus' own bound: changes come in bursts. The first is handed on at once. */
const UPDATES_EVERY_MS = 5000;
/** Targets of one set: beyond it the rest is left out, and said. */
const TARGETS_MAX = 100_000;

export function createDiscoverySet(discovery: Discovery, deps: DiscoveryDeps): DiscoverySet {
  const problems = new Map<string, DiscoveryProblem>();
  const running = startable(discovery.configs, { deps, problems });
  for (const key of discovery.unsupported) {
    const message = `${key.replace("_sd_configs", "")} service discovery is not supported: this part of the job gets no targets`;
    problems.set(key, { discovery: key, message });
  }
  const groups = new Map<Discoverer, readonly TargetGroup[]>();
  let cancel: (() => void) | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  let closed = false;
  return {
    start(onGroups) {
      for (const [key, { message }] of problems) deps.failed(key, message);
      const hand = (): void => {
        cancel = undefined;
        lastMs = deps.clock.monotonicMs();
        onGroups(bounded([...groups.values()].flat(), problems));
      };
      const changed = (): void => {
        if (closed || cancel !== undefined) return;
        const waitMs = lastMs + UPDATES_EVERY_MS - deps.clock.monotonicMs();
        // Even the first waits a moment: several discoveries often begin together.
        cancel = deps.clock.after(Math.max(0, waitMs), hand);
      };
      for (const discoverer of running)
        discoverer.start((given) => {
          groups.set(discoverer, given);
          changed();
        });
    },
    problems: () => [...problems.values()],
    close() {
      closed = true;
      cancel?.();
      for (const discoverer of running) discoverer.close();
    },
  };
}

function startable(
  configs: DiscoveryConfigs,
  { deps, problems }: { deps: DiscoveryDeps; problems: Map<string, DiscoveryProblem> },
): Discoverer[] {
  const out: Discoverer[] = [];
  const add = <K extends DiscoveryKey>(key: K): void => {
    for (const [i, config] of configs[key].entries()) {
      const name = `${key}/${i}`;
      out.push(
        discoverers[key](config, {
          ...deps,
          worked: () => problems.delete(name),
          failing: (message) => {
            problems.set(name, { discovery: key, message });
            deps.failed(key, message);
          },
        }),
      );
    }
  };
  for (const key of Object.keys(discoverers) as DiscoveryKey[]) add(key);
  return out;
}

function bounded(
  groups: readonly TargetGroup[],
  problems: Map<string, DiscoveryProblem>,
): readonly TargetGroup[] {
  let total = 0;
  const out: TargetGroup[] = [];
  for (const group of groups) {
    total += group.targets.length;
    if (total > TARGETS_MAX) {
      const message = `more than ${TARGETS_MAX} targets: the rest is left out`;
      problems.set("targets", { discovery: "targets", message });
      return out;
    }
    out.push(group);
  }
  problems.delete("targets");
  return out;
}
