/** What stages work on, and what they are given to do it. */
import type { LineLabels } from "./line-labels.ts";

/** One line in a pipeline; stages change its text and labels. */
export interface Line {
  text: string;
  timeNs: bigint;
  readonly labels: LineLabels;
}

/** False drops the line. */
export type Stage = (line: Line) => boolean;

/** Regular expressions are handed in: RE2's meaning, linear time. They throw for what is no pattern. */
export interface LogqlRegexes {
  /** Matches the whole of a value; `.` takes line ends. */
  whole(pattern: string): (text: string) => boolean;
  /** Matches somewhere. */
  part(pattern: string): (text: string) => boolean;
  /** The first match, as the values of the groups that have a name. */
  named(pattern: string): {
    readonly names: readonly string[];
    readonly find: (text: string) => readonly (string | undefined)[] | undefined;
  };
  /** Replaces every match, with `$1` and `${name}`. */
  replacer(pattern: string): (text: string, replacement: string) => string;
}

export interface PipelineDeps {
  readonly regexes: LogqlRegexes;
  readonly nowMs: () => number;
}

export const errors = {
  json: "JSONParserErr",
  logfmt: "LogfmtParserErr",
  sample: "SampleExtractionErr",
  filter: "LabelFilterErr",
  template: "TemplateFormatErr",
} as const;
