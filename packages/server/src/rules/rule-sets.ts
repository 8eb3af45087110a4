/** Groups of rules from several sources, as one list: each source replaces its own and leaves the others alone. */
import type { RuleGroupConfig } from "../config/rules/rule-file.ts";
import type { Rules, RulesSettings } from "./rules.ts";

export interface RuleSets {
  /** Replaces the groups of one source; settings are for all. */
  set(source: string, groups: readonly RuleGroupConfig[], settings?: RulesSettings): Promise<void>;
}

export function createRuleSets(rules: Pick<Rules, "load">): RuleSets {
  const sources = new Map<string, readonly RuleGroupConfig[]>();
  return {
    set(source, groups, settings) {
      sources.set(source, groups);
      return rules.load([...sources.values()].flat(), settings);
    },
  };
}
