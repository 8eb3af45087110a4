import { TriptychError } from "@triptych/model";
import { expect, test } from "vitest";
import { createMetrics } from "../../../self/metrics.ts";
import { createProblems } from "../../../self/problems.ts";
import { createTestClock } from "../../../store/store-for-tests.ts";
import { createRebuildReport } from "./rebuild-report.ts";

test("a head that was not filled is told of while it matters", () => {
  const clock = createTestClock(0);
  const metrics = createMetrics();
  const problems = createProblems(clock);
  const lines: string[] = [];
  const report = createRebuildReport({
    metrics,
    problems,
    log: (_level, message) => void lines.push(message),
    windowMs: 1000,
    limits: { seriesMax: 300_000, samplesMax: 1 },
  });
  expect(metrics.render()).toContain("triptych_head_rebuild_state 0");
  report.failed(new TriptychError("query_limit", "more than 300000 series match"));
  expect(metrics.render()).toContain("triptych_head_rebuild_state 2");
  expect(problems.list()).toMatchObject([{ code: "head_not_rebuilt", message: lines[0] }]);
  expect(lines[0]).toContain("for at most 300,000 series");
  clock.step(1001);
  expect(problems.list()).toEqual([]);
  report.done();
  expect(metrics.render()).toContain("triptych_head_rebuild_state 1");
});
