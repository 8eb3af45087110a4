/** What LogQL's pipelines are given: regular expressions of RE2's meaning, and the time. */
import type { LogqlRegexes, PipelineDeps } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import { partGroups, partMatcher, partReplacer, wholeMatcher } from "../../regex/regex.ts";

export const logqlRegexes: LogqlRegexes = {
  whole: (pattern) => wholeMatcher(pattern),
  part: (pattern) => partMatcher(pattern),
  named: partGroups,
  replacer: partReplacer,
};

export function pipelineDeps(clock: Pick<Clock, "nowMs">): PipelineDeps {
  return { regexes: logqlRegexes, nowMs: () => clock.nowMs() };
}
