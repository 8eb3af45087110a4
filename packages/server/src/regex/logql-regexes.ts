/** The regular expressions that LogQL's parts are given: RE2's meaning, linear time. */
import type { LogqlRegexes } from "@triptych/lang";
import { partGroups, partMatcher, partReplacer, wholeMatcher } from "./regex.ts";

export const logqlRegexes: LogqlRegexes = {
  whole: (pattern) => wholeMatcher(pattern),
  part: (pattern) => partMatcher(pattern),
  named: partGroups,
  replacer: partReplacer,
};
