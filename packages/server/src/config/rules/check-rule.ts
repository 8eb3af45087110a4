/** What Prometheus refuses in a rule, in its words. */
import { alertVariables, parsedOnly, parseGoTemplate, prometheusFunctions } from "@triptych/lang";
import type { RuleExpr } from "./rule-expr.ts";

export interface GivenRule {
  readonly record: string;
  readonly alert: string;
  readonly exprText: string;
  /** Or what is wrong with it. */
  readonly expr: RuleExpr | string;
  readonly labels: readonly (readonly [string, string])[];
  readonly annotations: readonly (readonly [string, string])[];
  readonly forMs: number;
  readonly keepFiringForMs: number;
}

export interface RuleProblem {
  /** The key it is about. */
  readonly field: string;
  readonly message: string;
}

const functions = prometheusFunctions(parsedOnly);

export function* checkRule(
  rule: GivenRule,
  isLabel: (name: string) => boolean,
): Generator<RuleProblem> {
  const { record, alert, expr } = rule;
  if (record !== "" && alert !== "")
    yield { field: "record", message: "only one of 'record' and 'alert' must be set" };
  if (record === "" && alert === "")
    yield { field: "record", message: "one of 'record' or 'alert' must be set" };
  if (rule.exprText === "") yield { field: "expr", message: "field 'expr' must be set in rule" };
  else if (typeof expr === "string")
    yield { field: "expr", message: `could not parse expression: ${expr}` };
  if (record !== "") yield* checkRecord(rule);
  for (const [name, value] of rule.labels) {
    if (!isLabel(name)) yield { field: "labels", message: `invalid label name: ${name}` };
    if (/\p{Surrogate}/u.test(value))
      yield { field: "labels", message: `invalid label value: ${value}` };
  }
  for (const [name] of rule.annotations)
    if (!isLabel(name)) yield { field: "annotations", message: `invalid annotation name: ${name}` };
  if (alert !== "") yield* checkTemplates(rule);
}

function* checkRecord(rule: GivenRule): Generator<RuleProblem> {
  const invalid = (field: string): RuleProblem => ({
    field,
    message: `invalid field '${field}' in recording rule`,
  });
  if (rule.annotations.length > 0) yield invalid("annotations");
  if (rule.forMs !== 0) yield invalid("for");
  if (rule.keepFiringForMs !== 0) yield invalid("keep_firing_for");
  if (/\p{Surrogate}/u.test(rule.record))
    yield { field: "record", message: `invalid recording rule name: ${rule.record}` };
  // Nearly every text is a name now; braces in one are a mistake nearly always.
  if (/[{}]/.test(rule.record))
    yield {
      field: "record",
      message: `braces present in the recording rule name; should it be in expr?: ${rule.record}`,
    };
}

function* checkTemplates(rule: GivenRule): Generator<RuleProblem> {
  for (const [field, kind, pairs] of [
    ["labels", "label", rule.labels],
    ["annotations", "annotation", rule.annotations],
  ] as const) {
    for (const [name, text] of pairs) {
      try {
        parseGoTemplate(alertVariables + text, { name: `__alert_${rule.alert}`, functions });
      } catch (error) {
        yield { field, message: `${kind} "${name}": ${(error as Error).message}` };
      }
    }
  }
}
