/** A relabelling rule, its defaults, and what makes one wrong (Prometheus' `relabel_config`). */

export const relabelActions = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;
export type RelabelAction = (typeof relabelActions)[number];

/** Which names are names: any UTF-8, or Prometheus' old set of characters. */
export type NameScheme = "utf8" | "legacy";

export interface RelabelRule {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  /** Matched against the whole of the joined values, or of a label's name. */
  readonly regex: string;
  readonly modulus: bigint;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly nameScheme: NameScheme;
}

export const relabelDefaults: RelabelRule = {
  action: "replace",
  sourceLabels: [],
  separator: ";",
  regex: "(.*)",
  modulus: 0n,
  targetLabel: "",
  replacement: "$1",
  nameScheme: "utf8",
};

const LEGACY_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Old names with variables among them; linear, because no two parts can begin alike. */
const LEGACY_TARGET = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*$/;

export function isLabelName(name: string, scheme: NameScheme): boolean {
  return scheme === "legacy" ? LEGACY_NAME.test(name) : name !== "" && isLabelValue(name);
}

/** Any text but half characters. */
export function isLabelValue(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

const needsTarget: readonly RelabelAction[] = [
  "replace",
  "hashmod",
  "lowercase",
  "uppercase",
  "keepequal",
  "dropequal",
];

/** What is wrong with a rule, in Prometheus' words; undefined when it is fine. */
export function relabelProblem(rule: RelabelRule): string | undefined {
  const { action } = rule;
  if (action === "hashmod" && rule.modulus === 0n)
    return "relabel configuration for hashmod requires non-zero modulus";
  if (needsTarget.includes(action) && rule.targetLabel === "")
    return `relabel configuration for ${action} action requires 'target_label' value`;
  return nameProblem(rule) ?? surplusProblem(rule);
}

function nameProblem({
  action,
  targetLabel,
  replacement,
  nameScheme,
}: RelabelRule): string | undefined {
  const isName = (text: string): boolean => isLabelName(text, nameScheme);
  const isTemplate = (text: string): boolean =>
    nameScheme === "utf8" ? isName(text) : LEGACY_TARGET.test(text);
  const wrongTarget = `${JSON.stringify(targetLabel)} is invalid 'target_label' for ${action} action`;
  switch (action) {
    case "replace": {
      const good = targetLabel.includes("$") ? isTemplate(targetLabel) : isName(targetLabel);
      return good ? undefined : wrongTarget;
    }
    case "lowercase":
    case "uppercase":
    case "keepequal":
    case "dropequal":
      if (!isName(targetLabel)) return wrongTarget;
      return replacement === relabelDefaults.replacement || action.endsWith("equal")
        ? undefined
        : `'replacement' can not be set for ${action} action`;
    case "labelmap":
      return isTemplate(replacement)
        ? undefined
        : `${JSON.stringify(replacement)} is invalid 'replacement' for ${action} action`;
    case "hashmod":
      return isName(targetLabel) ? undefined : wrongTarget;
    default:
      return undefined;
  }
}

/** Some actions take few fields; one that would do nothing is a mistake. */
function surplusProblem(rule: RelabelRule): string | undefined {
  const { action, regex, modulus, separator, replacement } = rule;
  const isPlain =
    modulus === relabelDefaults.modulus &&
    separator === relabelDefaults.separator &&
    replacement === relabelDefaults.replacement;
  if (action === "dropequal" || action === "keepequal")
    return isPlain && regex === relabelDefaults.regex
      ? undefined
      : `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`;
  if (action === "labeldrop" || action === "labelkeep")
    return isPlain && rule.sourceLabels.length === 0 && rule.targetLabel === ""
      ? undefined
      : `${action} action requires only 'regex', and no other fields`;
  return undefined;
}
