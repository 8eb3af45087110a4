/** Loki's ruler: rules over logs of files and of its API, handed to those who evaluate all rules. */
import type { Clock, TriptychError } from "@triptych/model";
import type { LokiConfig } from "../config/loki-schema.ts";
import { readLokiRuleFiles } from "../config/rules/loki-rules.ts";
import type { RuleGroupConfig } from "../config/rules/rule-file.ts";
import type { SavedState } from "../store/saved-state.ts";
import type { RuleSets } from "./rule-sets.ts";
import { createStoredRules, type SavedRuleGroup, type StoredRules } from "./stored-rules.ts";

export interface LokiRuler {
  /** Reads the rule files. Throws `config_invalid` and changes nothing when one is wrong. */
  read(config: LokiConfig): () => Promise<void>;
  /** Groups of files, then those of the API; throws as `stored.list`. */
  groups(): readonly RuleGroupConfig[];
  readonly stored: StoredRules;
  /** Reads what the API was given earlier. Resolves at once. */
  start(): void;
  close(): Promise<void>;
}

export interface LokiRulerDeps {
  readonly clock: Clock;
  readonly sets: RuleSets;
  readonly saved: SavedState<SavedRuleGroup>;
  readonly report: (error: TriptychError) => void;
}

export function createLokiRuler({ clock, sets, saved, report }: LokiRulerDeps): LokiRuler {
  let inFiles: readonly RuleGroupConfig[] = [];
  let intervalMs: number | undefined;
  // Rules over metrics have an interval of their own for groups that name none.
  const apply = (source: string, groups: readonly RuleGroupConfig[]): Promise<void> =>
    sets.set(
      source,
      groups.map((group) => ({ ...group, intervalMs: group.intervalMs ?? intervalMs })),
    );
  const stored = createStoredRules({
    clock,
    saved,
    apply: (groups) => apply("loki api", groups),
    inFiles: () => inFiles,
    report,
  });
  return {
    stored,
    read(config) {
      const groups = readLokiRuleFiles(config.ruleFiles);
      return async () => {
        intervalMs = config.evaluationIntervalSeconds * 1000;
        inFiles = groups;
        await apply("loki files", groups);
        await stored.apply();
      };
    },
    groups: () => [...inFiles, ...stored.list()],
    start: () => stored.start(),
    close: () => stored.close(),
  };
}
