/** Which rules the page shows, and what a group says about itself. */
import type { Rule, RuleGroup, RulesAnswer } from "@triptych/contract";

export const ruleShows = ["all", "failing", "firing", "lints"] as const;
export type RuleShow = (typeof ruleShows)[number];

const shows: { readonly [show in RuleShow]: (rule: Rule) => boolean } = {
  all: () => true,
  failing: ({ health }) => health === "err",
  firing: ({ firing, pending }) => firing + pending > 0,
  lints: ({ lints }) => lints.length > 0,
};

/** Groups with the rules that match; those without any are left out. `search` is a part of a name, query or file. */
export function filterRules(
  { groups }: RulesAnswer,
  filter: { readonly search: string; readonly show: RuleShow },
): RuleGroup[] {
  const search = filter.search.trim().toLowerCase();
  const matches = (rule: Rule): boolean =>
    shows[filter.show](rule) &&
    [rule.name, rule.query, rule.group, rule.file].some((text) =>
      text.toLowerCase().includes(search),
    );
  return groups.flatMap((group) => {
    const rules = group.rules.filter(matches);
    return rules.length === 0 ? [] : [{ ...group, rules }];
  });
}

export function countRules({ groups }: RulesAnswer): { readonly [show in RuleShow]: number } {
  const rules = groups.flatMap((group) => group.rules);
  const count = (show: RuleShow): number => rules.filter(shows[show]).length;
  return {
    all: rules.length,
    failing: count("failing"),
    firing: count("firing"),
    lints: count("lints"),
  };
}

/** The share of its interval that a group's evaluation took: near 1 it falls behind. */
export function loadOf(group: RuleGroup): number {
  return group.intervalSeconds === 0 ? 0 : group.evaluationSeconds / group.intervalSeconds;
}

/** The file without the folders that all files have in common. */
export function shortFile(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
