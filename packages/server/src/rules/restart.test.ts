/**
 * Fault F13 of the reliability plan: a process that is killed again and again while alerts are pending, fire, and are
 * kept firing. What counts is seen from outside: states, when alerts fire, and who is told when they are over.
 */
import type { Clock } from "@triptych/model";
import { createRng } from "@triptych/testkit";
import { expect, test } from "vitest";
import { createWorld, groupsOf, type World } from "./rules-for-tests.ts";
import { createRules, type Rules } from "./rules.ts";
import { labelsFrom, seriesInMemory } from "@triptych/lang";
import { testOf } from "../query/metrics/matchers.ts";
import type { MetricsSource } from "../query/metrics/source.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const INTERVAL = 15 * SECOND;
const RESTARTS = 100;

const FORS = ["0s", "1m", "5m", "9m", "30m", "2h"] as const;
const FOR_MS = [0, 1, 5, 9, 30, 120].map((minutes) => minutes * MINUTE);
const KEEP_MS = 3 * MINUTE;

const text = `
groups:
- name: g
  interval: 15s
  rules:
${FORS.map(
  (hold, i) => `  - alert: A${i}
    expr: up{instance="${i}"} == 0
    for: ${hold}
    keep_firing_for: 3m`,
).join("\n")}
`;

/** A process that can be killed: from then on nothing of it happens. */
function spawn(
  world: World,
  { random, source }: { readonly random: () => number; readonly source: MetricsSource },
): { rules: Rules; isAlive: () => boolean; kill: () => void } {
  let alive = true;
  const clock: Clock = {
    nowMs: () => world.clock.nowMs(),
    monotonicMs: () => world.clock.monotonicMs(),
    after: (delayMs, run) => world.clock.after(delayMs, () => alive && run()),
  };
  const never = new Promise<never>(() => {});
  const { deps } = world;
  const rules = createRules({
    ...deps,
    clock,
    source,
    next: { accept: (batch, hash) => (alive ? deps.next.accept(batch, hash) : never) },
    saved: {
      load: () => deps.saved.load(),
      async save(entry) {
        // Killed just before or just after what was to be kept was written.
        if (alive && random() < 0.02) alive = random() < 0.5 ? false : alive;
        if (!alive) return never;
        await deps.saved.save(entry);
        if (random() < 0.02) alive = false;
        if (!alive) return never;
      },
    },
    notify: (alerts) => alive && deps.notify(alerts),
  });
  return {
    rules,
    isAlive: () => alive,
    kill() {
      alive = false;
    },
  };
}

interface Condition {
  /** Since when it holds, and since when not. */
  trueSinceMs: number | undefined;
  falseSinceMs: number | undefined;
  state: string;
  firedAtMs: number | undefined;
  /** When it was first seen as an alert, and first seen as kept firing: what was never seen, nobody promised. */
  seenAtMs?: number | undefined;
  keptAtMs?: number | undefined;
}

for (const seed of [1, 2, 3])
  test(`F13: ${RESTARTS} kills lose no state (seed ${seed})`, { timeout: 60_000 }, async () => {
    const random = createRng(seed);
    const next = (): number => random.next();
    const world = createWorld();
    const conditions: Condition[] = FORS.map(() => ({
      ...{
        trueSinceMs: undefined,
        falseSinceMs: world.clock.nowMs(),
        state: "",
        firedAtMs: undefined,
      },
    }));
    let upSinceMs = 0;
    const faults: string[] = [];
    /** Each condition as one sample that is as old as the question. */
    const source: MetricsSource = {
      ...world.deps.source,
      async read(matchers, { toMs }) {
        const tests = matchers.map((matcher) => [matcher.name, testOf(matcher)] as const);
        return conditions.flatMap((one, i) => {
          const pairs = new Map([
            ["__name__", "up"],
            ["instance", String(i)],
          ]);
          if (!tests.every(([name, test]) => test(pairs.get(name) ?? ""))) return [];
          const value = Float64Array.of(one.trueSinceMs === undefined ? 1 : 0);
          const floats = { timeMs: Float64Array.of(toMs), value };
          return [seriesInMemory({ labels: labelsFrom(pairs), floats, histograms: [] })];
        });
      },
    };
    const flip = (rules: Rules): void => {
      const nowMs = world.clock.nowMs();
      if (nowMs - upSinceMs <= 2 * INTERVAL) return;
      for (const [i, one] of conditions.entries()) {
        const isOn = one.trueSinceMs !== undefined;
        // A condition that comes back before its alert is over is the same alert still.
        if (!isOn && (rules.view()[0]?.rules[i]?.alerts.length ?? 0) > 0) continue;
        // Long enough on to fire most times, long enough off to be over.
        const heldMs = nowMs - (one.trueSinceMs ?? one.falseSinceMs ?? nowMs);
        if (heldMs < (isOn ? (FOR_MS[i] ?? 0) + 10 * MINUTE : 8 * MINUTE) || next() > 0.1) continue;
        conditions[i] = isOn
          ? { ...one, trueSinceMs: undefined, falseSinceMs: nowMs }
          : { trueSinceMs: nowMs, falseSinceMs: undefined, state: "", firedAtMs: undefined };
      }
    };
    const look = (rules: Rules): void => {
      const nowMs = world.clock.nowMs();
      const settled = nowMs - upSinceMs > 2 * INTERVAL;
      for (const [i, one] of conditions.entries()) {
        const alerts = rules.view()[0]?.rules[i]?.alerts ?? [];
        const state = alerts[0]?.state ?? "";
        if (state !== "") one.seenAtMs ??= nowMs;
        if (alerts[0]?.keepFiringSinceMs !== undefined) one.keptAtMs ??= nowMs;
        if (one.trueSinceMs !== undefined) {
          if (one.state === "firing" && state !== "firing" && settled)
            faults.push(`A${i}: firing became ${state}`);
          if (state === "firing" && one.firedAtMs === undefined) {
            one.firedAtMs = nowMs;
            const heldMs = nowMs - one.trueSinceMs;
            if (heldMs < (FOR_MS[i] ?? 0) - INTERVAL) faults.push(`A${i}: fired after ${heldMs}`);
          }
          const seenMs = one.seenAtMs ?? Math.max(one.trueSinceMs, upSinceMs) + INTERVAL;
          const due = Math.max(seenMs + (FOR_MS[i] ?? 0), upSinceMs);
          if (state !== "firing" && nowMs > due + 2 * INTERVAL)
            faults.push(`A${i}: not firing ${nowMs - due} after it was due`);
          if (state === "firing") one.state = state;
        } else if (one.falseSinceMs !== undefined && one.firedAtMs !== undefined) {
          const keptMs = one.keptAtMs ?? Math.max(one.falseSinceMs, upSinceMs) + INTERVAL;
          const due = Math.max(keptMs + KEEP_MS, upSinceMs) + 2 * INTERVAL;
          const told = world.notified.some(
            (message) =>
              message.resolved &&
              message.labels.some(([, value]) => value === `A${i}`) &&
              message.atMs >= (one.falseSinceMs ?? 0),
          );
          if (nowMs > due + SECOND && !told) faults.push(`A${i}: nobody was told that it is over`);
        }
      }
    };
    for (let restart = 0; restart < RESTARTS; restart++) {
      const process = spawn(world, { random: next, source });
      await process.rules.load(groupsOf(text));
      process.rules.start();
      upSinceMs = world.clock.nowMs();
      const lifeMs = random.between(30 * SECOND, 12 * MINUTE);
      for (let passedMs = 0; passedMs < lifeMs && process.isAlive(); passedMs += 5 * SECOND) {
        flip(process.rules);
        await world.clock.advance(5 * SECOND);
        if (process.isAlive()) look(process.rules);
      }
      process.kill();
      await world.clock.advance(random.between(0, 6 * MINUTE));
    }
    expect(faults).toEqual([]);
    expect(world.notified.length).toBeGreaterThan(100);
  });
