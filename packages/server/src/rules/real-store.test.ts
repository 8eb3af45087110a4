/** Rules over a real store: what they write is there to be read, and what alerts know survives. */
import { labelsFrom } from "@triptych/lang";
import { SampleBatch, Temporality } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createStoreSource } from "../query/metrics/source.ts";
import { openTestStore } from "../store/store-for-tests.ts";
import { createWorld, groupsOf } from "./rules-for-tests.ts";
import { createRules } from "./rules.ts";

const text = `
groups:
- name: g
  interval: 15s
  rules:
  - record: made
    expr: up * 2
  - record: twice
    expr: made * 2
  - alert: Down
    expr: up == 0
`;

test("recording and alerting over the embedded store", { timeout: 30_000 }, async () => {
  const clock = createSimClock(1_700_000_000_000);
  const world = createWorld();
  const store = await openTestStore(clock);
  const source = createStoreSource(store.engine);
  const batch = new SampleBatch();
  for (const [instance, value] of [
    ["a", 1],
    ["b", 0],
  ] as const) {
    batch.series.addLabelText("__name__", "up");
    batch.series.addLabelText("instance", instance);
    const series = batch.series.end(Temporality.gauge);
    for (let i = 0; i < 8; i++) batch.samples.add(series, clock.nowMs() + i * 15_000, 0, value);
  }
  await store.put(batch);
  let accepted = 0;
  const told: string[] = [];
  const rules = createRules({
    ...world.deps,
    clock,
    source,
    next: {
      async accept(one) {
        await store.put(one);
        accepted++;
      },
    },
    notify: (alerts) => void told.push(...alerts.map(({ labels }) => labelsFrom(labels).key)),
  });
  await rules.load(groupsOf(text));
  rules.start();
  await clock.advance(0);
  for (let i = 0; i < 2; i++) {
    const wanted = accepted + 1;
    await clock.advance(15_000);
    // The store works in threads of its own: its answers need turns of the event loop, not time of the clock.
    while (accepted < wanted) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(0);
  }
  await rules.close();
  expect(rules.view()[0]?.rules.map(({ health, lastError }) => [health, lastError])).toEqual([
    ["ok", ""],
    ["ok", ""],
    ["ok", ""],
  ]);
  expect(told.length).toBe(1);
  const range = { fromMs: clock.nowMs() - 60_000, toMs: clock.nowMs() };
  for (const [name, series] of [
    ["made", 2],
    ["twice", 2],
    ["ALERTS", 1],
    ["ALERTS_FOR_STATE", 1],
  ] as const) {
    const matchers = [{ name: "__name__", op: "=", value: name }] as const;
    expect(await source.selectSeries([...matchers], range), name).toHaveLength(series);
  }
  await store.close();
});
