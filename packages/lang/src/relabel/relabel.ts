/**
 * Relabelling: rules over a set of labels, with Prometheus' meaning. In come labels by name and compiled rules; the
 * labels are changed in place, and the answer tells whether the target, series or alert is kept.
 */
import type { CompiledRegex, CompileRegex } from "../promql/regex.ts";
import { md5 } from "./md5.ts";
import { isLabelName, relabelDefaults, type RelabelRule } from "./rule.ts";
import { parseTemplate } from "./template.ts";

/** Labels by name. No value is empty: a label without a value is no label. */
export type LabelMap = Map<string, string>;

/** One rule, or several in a row. False: dropped, and what the labels are then says nothing. */
export type Relabel = (labels: LabelMap) => boolean;

/** Compiles rules to be applied one after another. Throws what `compileRegex` throws for a wrong pattern. */
export function compileRelabel(rules: readonly RelabelRule[], compileRegex: CompileRegex): Relabel {
  const steps = rules.map((rule) => compileRule(rule, compileRegex));
  return (labels) => steps.every((step) => step(labels));
}

function compileRule(rule: RelabelRule, compileRegex: CompileRegex): Relabel {
  const source = joined(rule);
  const regex = compileRegex(rule.regex);
  const { targetLabel } = rule;
  switch (rule.action) {
    case "replace":
      return replace(rule, regex, source);
    case "keep":
      return (labels) => regex.matches(source(labels));
    case "drop":
      return (labels) => !regex.matches(source(labels));
    case "keepequal":
      return (labels) => (labels.get(targetLabel) ?? "") === source(labels);
    case "dropequal":
      return (labels) => (labels.get(targetLabel) ?? "") !== source(labels);
    case "hashmod":
      return (labels) => set(labels, targetLabel, hashMod(source(labels), rule.modulus));
    case "lowercase":
      return (labels) => set(labels, targetLabel, lowercase(source(labels)));
    case "uppercase":
      return (labels) => set(labels, targetLabel, uppercase(source(labels)));
    case "labelmap":
      return labelMap(rule, regex);
    case "labeldrop":
      return (labels) => withoutLabels(labels, (name) => regex.matches(name));
    case "labelkeep":
      return (labels) => withoutLabels(labels, (name) => !regex.matches(name));
    default:
      return rule.action satisfies never;
  }
}

function joined({ sourceLabels, separator }: RelabelRule): (labels: LabelMap) => string {
  const [first] = sourceLabels;
  if (first === undefined) return () => "";
  if (sourceLabels.length === 1) return (labels) => labels.get(first) ?? "";
  return (labels) => sourceLabels.map((name) => labels.get(name) ?? "").join(separator);
}

function set(labels: LabelMap, name: string, value: string): true {
  if (value === "") labels.delete(name);
  else labels.set(name, value);
  return true;
}

function replace(
  rule: RelabelRule,
  regex: CompiledRegex,
  source: (labels: LabelMap) => string,
): Relabel {
  const target = parseTemplate(rule.targetLabel);
  const replacement = parseTemplate(rule.replacement);
  // The default pattern matches everything, and its one group is the whole.
  const matchesAll = rule.regex === relabelDefaults.regex;
  return (labels) => {
    const text = source(labels);
    const groups = matchesAll ? [text, text] : regex.groups(text);
    if (groups === undefined) return true;
    const name = target.isConstant ? rule.targetLabel : target.expand(groups, regex.names);
    if (!isLabelName(name, rule.nameScheme)) return true;
    return set(labels, name, replacement.expand(groups, regex.names));
  };
}

function labelMap(rule: RelabelRule, regex: CompiledRegex): Relabel {
  const replacement = parseTemplate(rule.replacement);
  return (labels) => {
    // In the order of names, so that the same label wins each time when two get one name.
    for (const [name, value] of [...labels].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const groups = regex.groups(name);
      if (groups !== undefined) set(labels, replacement.expand(groups, regex.names), value);
    }
    return true;
  };
}

function withoutLabels(labels: LabelMap, goes: (name: string) => boolean): true {
  for (const name of [...labels.keys()]) if (goes(name)) labels.delete(name);
  return true;
}

const encoder = new TextEncoder();

/** The last eight bytes of the MD5, big-endian, modulo `modulus`. */
function hashMod(text: string, modulus: bigint): string {
  const digest = md5(encoder.encode(text));
  const high = new DataView(digest.buffer).getBigUint64(8);
  return String(high % modulus);
}

/** One character becomes one character, as Go maps them: no final sigma, no `SS` for `ß`. */
function lowercase(text: string): string {
  return perCharacter(text, (char) => (char === "İ" ? "i" : char.toLowerCase()));
}

function uppercase(text: string): string {
  return perCharacter(text, (char) => char.toUpperCase());
}

function perCharacter(text: string, map: (char: string) => string): string {
  let out = "";
  for (const char of text) {
    const mapped = map(char);
    out += mapped.length === char.length || mapped === "i" ? mapped : char;
  }
  return out;
}
