/** `relabel_config` of the file, as a rule that `@triptych/lang` compiles. */
import {
  isLabelName,
  type NameScheme,
  type RelabelRule,
  relabelActions,
  relabelDefaults,
  relabelProblem,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import { bigCount, fullList, type Kind, list, parsed, problem, struct, text } from "./kinds.ts";
import { quoted } from "./scalars.ts";

const action = parsed<(typeof relabelActions)[number] | "">("replace", "", (given) => {
  const lower = given.toLowerCase();
  return (
    relabelActions.find((one) => one === lower) ??
    problem(`unknown relabel action ${JSON.stringify(given)}`)
  );
});

const regex = parsed(relabelDefaults.regex, "", (given) => {
  try {
    compileRegex(given);
  } catch (error) {
    if (error instanceof TriptychError) problem(error.message);
    throw error;
  }
  return given;
});

const labelName = parsed("", "", (given) =>
  isLabelName(given, "utf8") ? given : problem(`${quoted(given)} is not a valid label name`),
);

const config = struct("relabel.Config", {
  source_labels: list(labelName),
  separator: text(relabelDefaults.separator),
  regex,
  modulus: bigCount(),
  target_label: text(),
  replacement: text(relabelDefaults.replacement),
  action,
});

/** A rule of the file; one that gives no regex has the default. */
export interface GivenRule extends RelabelRule {
  readonly givesRegex: boolean;
}

/** A rule as read; whether it is right depends on the name scheme, which may be known later. */
export interface ReadRule {
  /** Throws a `Problem`. */
  rule(scheme: NameScheme): GivenRule;
}

const readRule: Kind<ReadRule> = {
  initial: () => problem("a relabel rule has no initial value"),
  read(reader, node) {
    const given = config.read(reader, node);
    const givesRegex = reader.entries(node, "map").some(({ key }) => key === "regex");
    return {
      rule(scheme) {
        if (given.action === "") return reader.fail(node, "relabel action cannot be empty");
        const rule: GivenRule = {
          action: given.action,
          sourceLabels: given.source_labels,
          separator: given.separator,
          regex: given.regex,
          modulus: given.modulus,
          targetLabel: given.target_label,
          replacement: given.replacement,
          nameScheme: scheme,
          givesRegex,
        };
        const wrong = relabelProblem(rule);
        return wrong === undefined ? rule : reader.fail(node, wrong);
      },
    };
  },
};

/** A list of rules; `empty` is said of one that is null. */
export function relabelRules(empty: string): Kind<readonly ReadRule[]> {
  return fullList(readRule, empty);
}

export function rulesOf(read: readonly ReadRule[], scheme: NameScheme): readonly GivenRule[] {
  return read.map((one) => one.rule(scheme));
}
