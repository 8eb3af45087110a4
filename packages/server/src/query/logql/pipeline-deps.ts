/** What LogQL's pipelines are given: regular expressions of RE2's meaning, and the time. */
import type { PipelineDeps } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import { logqlRegexes } from "../../regex/logql-regexes.ts";

export { logqlRegexes };

export function pipelineDeps(clock: Pick<Clock, "nowMs">): PipelineDeps {
  return { regexes: logqlRegexes, nowMs: () => clock.nowMs() };
}
