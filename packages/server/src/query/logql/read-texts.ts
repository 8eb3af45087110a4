/** Texts and levels of the lines that a query finds, newest first. */
import { compilePipeline } from "@triptych/lang";
import type { ReadTexts } from "../logs/log-patterns.ts";
import { createPacing } from "../pacing.ts";
import { pipelineDeps } from "./pipeline-deps.ts";
import { planQuery } from "./plan.ts";
import { readLines } from "./read-lines.ts";
import type { RunDeps } from "./run-logs.ts";

const LINES_PER_PAUSE = 32;

export function createReadTexts({ engine, clock, keys }: RunDeps): ReadTexts {
  return async ({ query, range, linesMax }, ask, take) => {
    const { conditions: planned, applied } = planQuery(query);
    const conditions = (await keys?.resolve(planned, range, ask)) ?? planned;
    const pipeline = compilePipeline(query, pipelineDeps(clock), {
      from: applied,
      levelFallback: true,
    });
    const pacing = createPacing(ask.signal);
    let lines = 0;
    for await (const batch of readLines(engine, { range, conditions, order: "newest" }, { ask })) {
      for (let row = 0; row < batch.rows; row++) {
        const timeNs = batch.timeNs(row);
        const input = {
          timeNs,
          text: batch.text(row),
          stream: batch.stream(row),
          metadata: batch.metadata(row),
        };
        if (pipeline.run(input)) {
          const { line } = pipeline;
          take({ text: line.text, timeNs, level: line.labels.textOf("detected_level") });
        }
        if (++lines >= linesMax) return;
        if (row % LINES_PER_PAUSE === 0) await pacing.pause();
      }
    }
  };
}
