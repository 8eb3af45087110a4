/** A pipeline of stages, compiled once and run over line after line. */
import type { LabelPair } from "../promql/labels.ts";
import { invalidAt, type Span } from "../source.ts";
import type { LogqlQuery, LogqlStage } from "./ast.ts";
import { compileLabelTest, compileLineFilter, testedLabels } from "./filter-stages.ts";
import { compileFormat, formattedLabels } from "./format-stages.ts";
import type { Line, PipelineDeps, Stage } from "./line.ts";
import { LineLabels, type StreamLabels } from "./line-labels.ts";
import { compileParser } from "./parse-stages.ts";

export interface PipelineOptions {
  /** Stages before this one have been applied by who gives the lines. */
  readonly from?: number | undefined;
  /** No label that a parser could find is looked at: parsers are left out. */
  readonly withoutParsers?: boolean | undefined;
  /** The only labels that are looked at behind the stages; all when absent. */
  readonly wanted?: ReadonlySet<string> | undefined;
  /** `level` and `severity` fall back on the level that was found in the line. */
  readonly levelFallback?: boolean | undefined;
}

export interface Pipeline {
  /** The line that `run` works on; text and labels are its result until the next run. */
  readonly line: Line;
  /** False: the line is dropped. */
  run(input: {
    readonly timeNs: bigint;
    readonly text: string;
    readonly stream: StreamLabels;
    readonly metadata: Iterable<LabelPair>;
  }): boolean;
}

/** Throws `query_invalid` with the place of what cannot be compiled. */
export function compilePipeline(
  { stages }: Pick<LogqlQuery, "stages">,
  deps: PipelineDeps,
  options: PipelineOptions = {},
): Pipeline {
  const compiled = stages
    .slice(options.from ?? 0)
    .filter((stage) => options.withoutParsers !== true || !isParser(stage))
    .map((stage) => compileStage(stage, deps, options.wanted));
  const labels = new LineLabels({ levelFallback: options.levelFallback });
  const line: Line = { text: "", timeNs: 0n, labels };
  return {
    line,
    run({ timeNs, text, stream, metadata }) {
      line.text = text;
      line.timeNs = timeNs;
      labels.reset(stream, metadata);
      for (const stage of compiled) if (!stage(line)) return false;
      return true;
    },
  };
}

const isParser = ({ kind }: LogqlStage): boolean =>
  kind === "json" ||
  kind === "logfmt" ||
  kind === "regexp" ||
  kind === "pattern" ||
  kind === "unpack";

export function compileStage(
  stage: LogqlStage,
  deps: PipelineDeps,
  wanted?: ReadonlySet<string>,
): Stage {
  return compiledAt(placeOfStage(stage), () => {
    switch (stage.kind) {
      case "line_filter":
        return compileLineFilter(stage, deps.regexes);
      case "label_filter":
        return compileLabelTest(stage.test, deps.regexes);
      case "json":
      case "logfmt":
      case "regexp":
      case "pattern":
      case "unpack":
        return compileParser(stage, deps, wanted);
      default:
        return compileFormat(stage, deps);
    }
  });
}

/** Gives what cannot be compiled its place in the query. */
export function compiledAt<T>(span: Span, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw invalidAt(span.start, error instanceof Error ? error.message : String(error));
  }
}

function placeOfStage(stage: LogqlStage): Span {
  switch (stage.kind) {
    case "line_filter":
      return stage.operands[0]?.span ?? stage.span;
    case "regexp":
    case "pattern":
      return stage.patternSpan;
    case "line_format":
      return stage.templateSpan;
    case "json":
    case "logfmt":
      return stage.extractions[0]?.span ?? stage.span;
    default:
      return stage.span;
  }
}

/** Labels that the stages look at. */
export function requiredLabels(stages: readonly LogqlStage[]): string[] {
  return stages.flatMap((stage) => {
    if (stage.kind === "label_filter") return testedLabels(stage.test);
    return stage.kind === "line_format" || stage.kind === "label_format"
      ? formattedLabels(stage)
      : [];
  });
}
