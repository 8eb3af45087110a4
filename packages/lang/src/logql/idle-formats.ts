/** Of a function of lines, the stages that can change its result. */
import type { LogqlStage, RangeAggregation } from "./ast.ts";

const READS_LINE: ReadonlySet<LogqlStage["kind"]> = new Set([
  ...(["line_filter", "json", "logfmt", "regexp", "pattern", "unpack"] as const),
]);

/**
 * The function without each `line_format` whose line nobody looks at: no filter or parser follows, and bytes are not
 * counted. As in Loki a template that fails is then no error of the query.
 */
export function withoutIdleFormats(node: RangeAggregation): RangeAggregation {
  const { stages } = node.query;
  const isRead = (after: number): boolean =>
    node.op.startsWith("bytes") || stages.slice(after + 1).some(readsLine);
  const kept = stages.filter((stage, i) => stage.kind !== "line_format" || isRead(i));
  return kept.length === stages.length ? node : { ...node, query: { ...node.query, stages: kept } };
}

function readsLine(stage: LogqlStage): boolean {
  if (READS_LINE.has(stage.kind)) return true;
  return (
    stage.kind === "label_format" &&
    stage.formats.some((format) => format.kind === "template" && format.value.includes("__line__"))
  );
}
