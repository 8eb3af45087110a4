import { createSimClock } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createMetrics } from "../../self/metrics.ts";
import { createReloadState } from "./reload-state.ts";

const T = Date.parse("2026-01-02T03:04:05Z");

test("a reload that fails is a metric and a notification until one goes well", () => {
  const clock = createSimClock(T);
  const metrics = createMetrics();
  const state = createReloadState({ clock, metrics });
  const told: unknown[] = [];
  const leave = state.subscribe(({ active }) => told.push(active));
  const shown = () => /^prometheus_config_last_reload_successful .*$/m.exec(metrics.render())?.[0];
  expect([state.list(), state.reload(), shown()]).toEqual([
    [],
    { ok: true, atMs: T },
    "prometheus_config_last_reload_successful 1",
  ]);
  state.failed();
  state.failed();
  expect([state.list(), state.reload(), shown()]).toEqual([
    [{ text: "Configuration reload has failed.", date: "2026-01-02T03:04:05.000Z", active: true }],
    { ok: false, atMs: T },
    "prometheus_config_last_reload_successful 0",
  ]);
  state.succeeded();
  expect([state.list(), state.reload().ok, told]).toEqual([[], true, [true, false]]);
  leave();
  state.failed();
  expect(told).toHaveLength(2);
});
