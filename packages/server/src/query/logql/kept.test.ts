/** Kept steps of log queries beside queries that compute all: the same answers. */
import { type LogqlValue, parseLogql } from "@triptych/lang";
import { createRandomLogql, createRng, randomLine, randomLineKinds } from "@triptych/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChangeLog } from "../../journal/changes.ts";
import {
  createTestClock,
  logsOf,
  openTestStore,
  type TestStore,
} from "../../store/store-for-tests.ts";
import { createKeptSteps } from "../kept-steps.ts";
import { runKeptMetricQuery } from "./kept.ts";

const T = 1_700_000_000_000;
const STEP = 10_000;
const clock = createTestClock(T);
const rng = createRng(3);
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore(clock);
});
afterAll(() => store.close());

function lines(nowMs: number) {
  return logsOf(
    Array.from({ length: 40 }, () => {
      const kind = rng.pick(randomLineKinds);
      const late = rng.chance(0.02) ? 60_000 : 0;
      const at = nowMs - late - rng.below(5) * 1_000;
      return {
        timeNs: BigInt(at) * 1_000_000n + BigInt(rng.pick([0, 1, 999_999])),
        body: randomLine(rng, kind),
        service: kind,
        resource: { app: kind, env: rng.pick(["prod", "dev"]), instance: `host-${rng.below(9)}` },
        severity: rng.pick([0, 9, 17]),
      };
    }),
  );
}

function shown(value: LogqlValue): unknown {
  if (value.kind !== "range") throw new Error("a range is wanted");
  const { rows, grid } = value;
  return {
    grid,
    rows: rows.map(({ labels, kind, value: floats }) => [
      labels.key,
      Array.from(floats, (float, step) => (kind[step] === 0 ? undefined : float)),
    ]),
  };
}

const answerOf = (run: Promise<LogqlValue>): Promise<unknown> =>
  run.then(shown, (error: Error) => error.message);

test("every answer is the one that computing all steps gives", async () => {
  let records = 0;
  const changes = createChangeLog(clock, { applied: () => records, recovered: () => 0 });
  const kept = createKeptSteps(changes, 2 ** 20);
  const put = async (): Promise<void> => {
    const batch = lines(clock.nowMs());
    changes.pushed(records + 1, [batch]);
    await store.put(batch);
    records++;
  };
  for (let i = 0; i < 20; i++) {
    clock.step(10_000);
    await put();
  }
  const random = createRandomLogql(rng);
  const texts = Array.from({ length: 25 }, () => random.numbers());
  const more = [
    'sum by (level) (count_over_time({app=~".+"}[1m]))',
    'rate({app="json"}[1m] offset -5s)',
  ];
  for (let turn = 0; turn < 4; turn++) {
    for (const text of [...texts, ...more]) {
      const expr = parseLogql(text);
      if (expr.kind === "log_query") continue;
      const endMs = Math.floor(clock.nowMs() / STEP) * STEP;
      const question = { text, expr, startMs: endMs - 200_000, endMs, stepMs: STEP };
      const deps = { engine: store.engine, clock };
      const asked = runKeptMetricQuery({ ...deps, kept }, question, {});
      const whole = runKeptMetricQuery({ ...deps, kept: undefined }, question, {});
      expect({ turn, text, answer: await answerOf(asked) }).toEqual({
        turn,
        text,
        answer: await answerOf(whole),
      });
    }
    clock.step(10_000);
    await put();
  }
  expect(kept.counts.reused).toBeGreaterThan(300);
}, 60_000);
