/** A world for tests of rules: a clock that is stepped, samples in memory, and state that outlives the manager. */
import { type LabelPair, labelsFrom, TestStore } from "@triptych/lang";
import { type Batch, TriptychError } from "@triptych/model";
import { createSimClock } from "@triptych/testkit";
import { parseRuleFile, type RuleGroupConfig } from "../config/rules/rule-file.ts";
import type { RuleLanguage } from "../config/rules/rule-expr.ts";
import type { MetricsSource } from "../query/metrics/source.ts";
import { compileRegex } from "../regex/compile.ts";
import { createMetrics } from "../self/metrics.ts";
import type { SavedState } from "../store/saved-state.ts";
import { createRules, type Rules, type RulesDeps } from "./rules.ts";
import type { AlertMessage } from "./sample.ts";
import type { SavedRule } from "./saved-alerts.ts";

export interface Written {
  readonly series: string;
  readonly timeMs: number;
  readonly value: number | "stale";
}

export type World = ReturnType<typeof createWorld>;

export function createWorld(startMs = 1_700_000_000_000) {
  const clock = createSimClock(startMs);
  const store = new TestStore(compileRegex);
  const saved = new Map<string, SavedRule>();
  const fails = { load: false, save: false, accept: false, query: false };
  const world = {
    clock,
    fails,
    saved,
    written: [] as Written[],
    notified: [] as (AlertMessage & { readonly atMs: number })[],
    warnings: [] as string[],
    saves: 0,
    /** Accepted samples are seen at once unless this is false. */
    visible: true,
    metrics: createMetrics(),
    /** Puts samples where rules read. */
    put(pairs: readonly LabelPair[], value: number, timeMs = clock.nowMs()): void {
      store.add(labelsFrom(pairs), [{ timeMs, startMs: 0, value }]);
    },
    get deps(): RulesDeps {
      return {
        clock,
        source: memorySource(store, fails),
        next: { accept: async (batch) => accept(batch) },
        saved: state,
        log: (_level, message, fields) =>
          void world.warnings.push(`${message} ${JSON.stringify(fields)}`),
        metrics: createMetrics(),
        externalLabels: [["cluster", "test"]],
        externalUrl: "http://here",
        notify: (alerts) =>
          void world.notified.push(...alerts.map((one) => ({ ...one, atMs: clock.nowMs() }))),
      };
    },
    rules: (more: Partial<RulesDeps> = {}): Rules => createRules({ ...world.deps, ...more }),
    /** What was written of a metric. */
    of: (name: string): Written[] =>
      world.written.filter(({ series }) => series.startsWith(`${name}{`)),
  };
  const fail = (when: boolean, what: string): void => {
    if (when) throw new TriptychError("store_unavailable", what);
  };
  const state: SavedState<SavedRule> = {
    async load() {
      fail(fails.load, "load");
      return [...saved.values()].map((one) => JSON.parse(JSON.stringify(one)) as SavedRule);
    },
    async save({ key, version, value }) {
      fail(fails.save, "save");
      world.saves++;
      if (version > (saved.get(key)?.version ?? 0)) saved.set(key, value);
    },
  };
  const accept = (batch: Batch): void => {
    fail(fails.accept, "accept");
    if (batch.signal !== "samples") return;
    const { samples, series } = batch;
    const words = new Uint32Array(samples.value.buffer);
    for (let row = 0; row < samples.rows; row++) {
      const pairs = series.labels(samples.series[row] as number);
      const labels = labelsFrom(pairs);
      const isStale = words[row * 2] === 2 && words[row * 2 + 1] === 0x7ff00000;
      const timeMs = samples.timeMs[row] as number;
      const value = samples.value[row] as number;
      const [name, ...rest] = [...pairs].sort(
        ([a], [b]) => Number(b === "__name__") - Number(a === "__name__"),
      );
      const text = rest.map(([key, of]) => `${key}="${of}"`).join(",");
      world.written.push({
        series: `${name?.[1]}{${text}}`,
        timeMs,
        value: isStale ? "stale" : value,
      });
      if (world.visible) store.add(labels, [{ timeMs, startMs: 0, value }]);
    }
  };
  return world;
}

function memorySource(store: TestStore, fails: { readonly query: boolean }): MetricsSource {
  const none = async (): Promise<never> => {
    throw new Error("not part of this test");
  };
  return {
    ...{ selectSeries: none, readSamples: none, readHistograms: none, newestHistograms: none },
    ...{ readExemplars: none, labelNames: none, labelValues: none, metadata: none },
    ...{ metricNames: none, metricLabels: none },
    async read(matchers, { afterMs, toMs }) {
      if (fails.query) throw new TriptychError("store_unavailable", "the store is away");
      return store.select(matchers, { afterMs, toMs });
    },
  };
}

export const groupsOfLogs = (text: string): readonly RuleGroupConfig[] =>
  groupsOf(text, "rules.yml", "logql");

export function groupsOf(
  text: string,
  file = "rules.yml",
  language: RuleLanguage = "promql",
): readonly RuleGroupConfig[] {
  const { groups, problems } = parseRuleFile(text, file, { language });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return groups;
}
