/** LogQL trees as text that parses to the same tree. */
import { printMatcher } from "../matcher.ts";
import { quote } from "../source.ts";
import type { LogqlQuery, LogqlStage } from "./ast.ts";

export function printLogql(query: LogqlQuery): string {
  const selector = `{${query.matchers.map(printMatcher).join(", ")}}`;
  return [selector, ...query.stages.map(printStage)].join(" ");
}

function printStage(stage: LogqlStage): string {
  switch (stage.kind) {
    case "line_filter":
      return `${stage.op} ${quote(stage.value)}`;
    case "label_filter":
      return `| ${printMatcher(stage.matcher)}`;
  }
}
