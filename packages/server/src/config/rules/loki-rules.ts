/**
 * Rules over logs as Loki's ruler has them: files under a directory for each tenant, and groups as YAML, read and
 * written as its API does.
 */
import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { formatDuration } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { stringify } from "yaml";
import {
  parseRuleGroup,
  printProblem,
  requireRuleFile,
  type RuleConfig,
  type RuleGroupConfig,
} from "./rule-file.ts";
import { expandRulePaths } from "./rule-paths.ts";

/** Absolute paths, or such as are meant from the working directory. Throws `config_invalid` with `file:line:column`. */
export function readLokiRuleFiles(patterns: readonly string[]): RuleGroupConfig[] {
  const files = expandRulePaths(patterns, ".");
  return files.filter(isRuleFile).flatMap((file) => {
    const options = { language: "logql", namespace: basename(file) } as const;
    return requireRuleFile(readText(file), file, options).groups;
  });
}

/** Names with a point in front are those of editors, and of directories that Kubernetes exchanges. */
function isRuleFile(file: string): boolean {
  if (basename(file).startsWith(".") || basename(dirname(file)).startsWith("..")) return false;
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const message = `${file} cannot be read: ${(cause as Error).message}`;
    throw new TriptychError("config_invalid", message, { cause });
  }
}

/** How the list of rules names a group that no file has. */
export const apiFile = (namespace: string): string => `loki-api:${namespace}`;

/** One group as the API takes it. Throws `query_invalid` with `line:column` of each mistake. */
export function requireLokiGroup(text: string, namespace: string): RuleGroupConfig {
  const options = { language: "logql", namespace } as const;
  const { groups, problems } = parseRuleGroup(text, apiFile(namespace), options);
  const [group] = groups;
  if (group !== undefined && problems.length === 0) return group;
  const told = problems.map((one) => printProblem("rule group", one));
  throw new TriptychError("query_invalid", told.join("\n") || "there is no rule group");
}

/** Groups by namespace, as YAML in the order and form of Loki's own. */
export function printLokiGroups(groups: readonly RuleGroupConfig[]): string {
  const all = new Map<string, object[]>();
  for (const group of groups) {
    const name = group.namespace ?? group.file;
    all.set(name, [...(all.get(name) ?? []), groupYaml(group)]);
  }
  return printed(new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1))));
}

export const printLokiGroup = (group: RuleGroupConfig): string => printed(groupYaml(group));

const printed = (value: unknown): string => stringify(value, { indent: 4, lineWidth: 0 });

function groupYaml({ name, intervalMs, queryOffsetMs, limit, rules }: RuleGroupConfig): object {
  return {
    name,
    ...(intervalMs === undefined ? {} : { interval: formatDuration(intervalMs) }),
    ...(queryOffsetMs === undefined ? {} : { query_offset: formatDuration(queryOffsetMs) }),
    ...(limit === 0 ? {} : { limit }),
    rules: rules.map(ruleYaml),
  };
}

function ruleYaml(rule: RuleConfig): object {
  const { kind, name, exprText, forMs, keepFiringForMs, labels, annotations } = rule;
  return {
    [kind]: name,
    expr: exprText,
    ...(forMs === 0 ? {} : { for: formatDuration(forMs) }),
    ...(keepFiringForMs === 0 ? {} : { keep_firing_for: formatDuration(keepFiringForMs) }),
    ...(labels.length === 0 ? {} : { labels: pairs(labels) }),
    ...(annotations.length === 0 ? {} : { annotations: pairs(annotations) }),
  };
}

/** A map, so that no name means anything to JavaScript. */
const pairs = (given: RuleConfig["labels"]): Map<string, string> =>
  new Map([...given].sort(([a], [b]) => (a < b ? -1 : 1)));
