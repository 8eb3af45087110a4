/** Stages that change the text of lines and their labels. */
import { parseTemplateText } from "../gotemplate/parser.ts";
import { builtins } from "../gotemplate/builtins.ts";
import { executeTemplate } from "../gotemplate/execute.ts";
import type { Statement } from "../gotemplate/node.ts";
import { templateLimits } from "../gotemplate/template.ts";
import { type FunctionTable, goStringMap } from "../gotemplate/value.ts";
import type { FormatStage, LabelFormat, NamedLabel } from "./ast.ts";
import { decolorize } from "./decolorize.ts";
import { matcherOf } from "./filter-stages.ts";
import { errors, type Line, type PipelineDeps, type Stage } from "./line.ts";
import { ERROR, ERROR_DETAILS, type LineLabels } from "./line-labels.ts";
import { logqlFunctions } from "./template-functions.ts";

/** Throws a plain `Error` for what cannot be compiled. */
export function compileFormat(stage: FormatStage, deps: PipelineDeps): Stage {
  switch (stage.kind) {
    case "decolorize":
      return (line) => {
        line.text = decolorize(line.text);
        return true;
      };
    case "line_format":
      return lineFormat(stage.template, deps);
    case "label_format":
      return labelFormat(stage.formats, deps);
    case "drop":
      return dropLabels(stage.labels, deps);
    case "keep":
      return keepLabels(stage.labels, deps);
  }
}

/** As long as the longest line that is kept. Stages that each double a label would otherwise fill the memory. */
const OUTPUT_CHARS_MAX = 256 * 1024;

type Render = (line: Line, data: () => ReadonlyMap<string, string>) => string;

interface Current {
  line: Line | undefined;
}

function functionsFor(current: Current, deps: PipelineDeps): FunctionTable {
  return logqlFunctions({
    line: () => current.line?.text ?? "",
    timeNs: () => current.line?.timeNs ?? 0n,
    nowMs: deps.nowMs,
    regexes: deps.regexes,
  });
}

/** Labels and texts alone, which most templates are, are put together without running them. */
function compileTemplate(text: string, name: string, deps: PipelineDeps): Render {
  const current: Current = { line: undefined };
  const functions = functionsFor(current, deps);
  const isFunction = (word: string): boolean => functions.has(word) || builtins.has(word);
  const parsed = parseTemplateText({ name, text, isFunction });
  const parts = parsed.body.map(simplePart);
  if (parts.every((part) => part !== undefined)) {
    return ({ labels }) => {
      let out = "";
      for (const part of parts) {
        out += part.kind === "text" ? part.text : labels.textOf(part.name);
        if (out.length > OUTPUT_CHARS_MAX)
          throw new Error(`the template's output is longer than ${OUTPUT_CHARS_MAX} characters`);
      }
      return out;
    };
  }
  const options = {
    limits: { ...templateLimits, outputBytesMax: OUTPUT_CHARS_MAX },
    functions,
    missingKey: "zero",
  } as const;
  return (line, data) => {
    current.line = line;
    return executeTemplate(parsed, goStringMap(data()), options);
  };
}

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "label"; readonly name: string };

function simplePart(node: Statement): Part | undefined {
  if (node.kind === "text") return { kind: "text", text: node.text };
  if (node.kind !== "action" || node.pipeline.declared.length > 0) return undefined;
  const [command, ...others] = node.pipeline.commands;
  const [first, ...args] = command?.args ?? [];
  if (others.length > 0 || args.length > 0 || first?.kind !== "field") return undefined;
  const [name, ...deeper] = first.names;
  return name === undefined || deeper.length > 0 ? undefined : { kind: "label", name };
}

function mapOf(labels: LineLabels): Map<string, string> {
  const map = new Map<string, string>();
  labels.each((name, value) => map.set(name, value));
  return map;
}

function renderInto(line: Line, run: () => void): void {
  try {
    run();
  } catch (error) {
    line.labels.error = errors.template;
    line.labels.errorDetails = error instanceof Error ? error.message : String(error);
  }
}

function lineFormat(template: string, deps: PipelineDeps): Stage {
  let render: Render;
  try {
    render = compileTemplate(template, "line", deps);
  } catch (error) {
    throw new Error(`invalid line template: ${(error as Error).message}`);
  }
  return (line) => {
    renderInto(line, () => {
      line.text = render(line, () => mapOf(line.labels));
    });
    return true;
  };
}

function labelFormat(formats: readonly LabelFormat[], deps: PipelineDeps): Stage {
  const steps = formats.map((format) => {
    if (format.kind === "rename") return { ...format, render: undefined };
    try {
      return { ...format, render: compileTemplate(format.value, "label", deps) };
    } catch (error) {
      throw new Error(`invalid template for label '${format.label}': ${(error as Error).message}`);
    }
  });
  return (line) => {
    const { labels } = line;
    // All templates of a stage see the labels as they were at the first of them.
    let data: Map<string, string> | undefined;
    for (const { label, value, render } of steps) {
      if (render === undefined) {
        rename(labels, value, label);
        continue;
      }
      renderInto(line, () => {
        const text = render(line, () => {
          data ??= mapOf(labels);
          return data;
        });
        labels.set("parsed", label, text);
      });
    }
    return true;
  };
}

/** A new name is one that the pipeline made, wherever the value came from. */
function rename(labels: LineLabels, from: string, to: string): void {
  const value = labels.get(from);
  if (value === undefined) return;
  labels.set("parsed", to, value);
  labels.delete(from);
}

function dropLabels(named: readonly NamedLabel[], { regexes }: PipelineDeps): Stage {
  const tests = named.map((one) => ({
    name: one.kind === "name" ? one.name : one.matcher.name,
    matches: one.kind === "name" ? undefined : matcherOf(one.matcher, regexes),
  }));
  return ({ labels }) => {
    for (const { name, matches } of tests) {
      if (matches !== undefined && !matches(labels.textOf(name))) continue;
      if (name === ERROR) labels.error = "";
      else if (name === ERROR_DETAILS) labels.errorDetails = "";
      else if (labels.categoryOf(name) !== undefined) labels.delete(name);
    }
    return true;
  };
}

function keepLabels(named: readonly NamedLabel[], { regexes }: PipelineDeps): Stage {
  const tests = new Map<string, ((value: string) => boolean)[]>();
  for (const one of named) {
    const name = one.kind === "name" ? one.name : one.matcher.name;
    const matches = one.kind === "name" ? () => true : matcherOf(one.matcher, regexes);
    tests.set(name, [...(tests.get(name) ?? []), matches]);
  }
  return ({ labels }) => {
    const gone: string[] = [];
    labels.each((name, value) => {
      if (name === ERROR || name === ERROR_DETAILS) return;
      if (tests.get(name)?.some((matches) => matches(value)) !== true) gone.push(name);
    });
    for (const name of gone) labels.delete(name);
    return true;
  };
}

const FIELD = /\.([a-zA-Z_][a-zA-Z0-9_]*)/g;

/** Labels that a format may look at; rather one too many. */
export function formattedLabels(stage: FormatStage): string[] {
  const fields = (template: string): string[] =>
    [...template.matchAll(FIELD)].map((found) => found[1] ?? "");
  if (stage.kind === "line_format") return fields(stage.template);
  if (stage.kind !== "label_format") return [];
  return stage.formats.flatMap((format) =>
    format.kind === "rename"
      ? [format.value, format.label]
      : [...fields(format.value), format.label],
  );
}
