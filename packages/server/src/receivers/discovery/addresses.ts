/**
 * Addresses that discovery finds, for those who send rather than scrape: the Alertmanagers of `alerting`. Relabelled
 * like targets, without the labels that scraping adds.
 */
import { compileRelabel, type CompileRegex } from "@triptych/lang";
import type { AlertmanagerConfig } from "../../config/prometheus/sections.ts";
import type { DiscoveryDeps } from "./discovery-deps.ts";
import { createDiscoverySet, type DiscoveryProblem } from "./discovery-set.ts";
import type { TargetGroup } from "./target-group.ts";

export interface DiscoveredAddresses {
  start(): void;
  /** Where alerts are posted, such as `http://10.0.0.1:9093/api/v2/alerts`; each once. */
  active(): readonly string[];
  dropped(): readonly string[];
  problems(): readonly DiscoveryProblem[];
  close(): void;
}

/** `onChange` is told of each change of the addresses. */
export function createDiscoveredAddresses(
  config: AlertmanagerConfig,
  deps: DiscoveryDeps & {
    readonly compileRegex: CompileRegex;
    readonly onChange?: () => void;
  },
): DiscoveredAddresses {
  const relabel = compileRelabel(config.relabel_configs, deps.compileRegex);
  const set = createDiscoverySet(config.discovery, deps);
  let found: Found = { active: [], dropped: [] };
  return {
    start: () =>
      set.start((groups) => {
        found = addressesOf(groups, config, relabel);
        deps.onChange?.();
      }),
    active: () => found.active,
    dropped: () => found.dropped,
    problems: () => set.problems(),
    close: () => set.close(),
  };
}

interface Found {
  readonly active: readonly string[];
  readonly dropped: readonly string[];
}

function addressesOf(
  groups: readonly TargetGroup[],
  config: AlertmanagerConfig,
  relabel: (labels: Map<string, string>) => boolean,
): Found {
  const active = new Set<string>();
  const dropped = new Set<string>();
  for (const group of groups)
    for (const target of group.targets) {
      const labels = new Map([...group.labels, ...target]);
      if (!labels.has("__scheme__")) labels.set("__scheme__", config.scheme);
      if (!labels.has("__alerts_path__"))
        labels.set("__alerts_path__", `${config.path_prefix.replace(/\/+$/, "")}/api/v2/alerts`);
      const before = urlOf(labels);
      if (!relabel(labels)) dropped.add(before);
      else if ((labels.get("__address__") ?? "") !== "") active.add(urlOf(labels));
    }
  return { active: [...active], dropped: [...dropped] };
}

function urlOf(labels: ReadonlyMap<string, string>): string {
  const path = (labels.get("__alerts_path__") ?? "").replace(/^\/*/, "/");
  return `${labels.get("__scheme__") ?? "http"}://${labels.get("__address__") ?? ""}${path}`;
}
