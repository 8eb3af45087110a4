/**
 * Recording and alerting rules while the process runs: groups at their times, several at once, state that survives a
 * restart, and reloads that keep what did not change.
 */
import {
  evaluatePromql,
  type LogqlExpr,
  type PromqlExpr,
  type PromqlResult,
  type Row,
  valueAt,
} from "@triptych/lang";
import { type Clock, defaultLimits, TriptychError } from "@triptych/model";
import type { RuleGroupConfig } from "../config/rules/rule-file.ts";
import type { MetricsSource } from "../query/metrics/source.ts";
import { createPacing } from "../query/pacing.ts";
import { promqlSource, rowBytes, runPromql } from "../query/promql/source.ts";
import type { IngestNext } from "../receivers/next.ts";
import { compileRegex } from "../regex/compile.ts";
import type { Log } from "../self/log.ts";
import type { Metrics } from "../self/metrics.ts";
import type { QueryMemory, QueryMemoryBudget } from "../self/query-memory.ts";
import type { SavedState } from "../store/saved-state.ts";
import { createGate, type Gate } from "./gate.ts";
import { createRuleGroup, type GroupEnv, type GroupSettings, type RuleGroup } from "./group.ts";
import type { LogRuleQuery } from "./log-query.ts";
import { observeRules, type RuleMetrics } from "./metrics.ts";
import { createRecentOutput, type RecentOutput } from "./recent-output.ts";
import { batchesOf } from "./sample-output.ts";
import type { AlertMessage, Pairs, RuleSample, VectorSample } from "./sample.ts";
import type { SavedRule } from "./saved-alerts.ts";
import { type Schedule, startSchedule } from "./schedule.ts";
import { slotOffsetMs } from "./slot.ts";
import type { RuleGroupView } from "./view.ts";

export interface RulesDeps {
  readonly clock: Clock;
  readonly source: MetricsSource;
  /** The step of subqueries that name none: `global.evaluation_interval`. A minute unless given. */
  readonly subqueryIntervalMs?: (() => number) | undefined;
  /** Evaluates rules over logs; without it they fail. */
  readonly logs?: LogRuleQuery | undefined;
  /** What queries of rules hold is counted here. */
  readonly memory?: QueryMemoryBudget | undefined;
  readonly next: Pick<IngestNext, "accept">;
  readonly saved: SavedState<SavedRule>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly externalLabels: Pairs;
  /** Where people reach this server, without a slash at its end. */
  readonly externalUrl: string;
  /** Takes alerts that fire or are over; must not throw and must not wait. */
  readonly notify: (alerts: readonly AlertMessage[]) => void;
  readonly defaultIntervalMs?: number | undefined;
  readonly defaultQueryOffsetMs?: number | undefined;
  readonly resendDelayMs?: number | undefined;
  readonly queryTimeoutMs?: number | undefined;
  /** Groups that are evaluated at the same time. */
  readonly concurrency?: number | undefined;
}

/** What a reload may change besides the groups. */
export interface RulesSettings {
  readonly externalLabels?: Pairs | undefined;
  readonly externalUrl?: string | undefined;
  readonly defaultIntervalMs?: number | undefined;
  readonly defaultQueryOffsetMs?: number | undefined;
}

export interface Rules {
  /** Takes over these groups; those that did not change go on undisturbed. May be called before `start`. */
  load(groups: readonly RuleGroupConfig[], settings?: RulesSettings): Promise<void>;
  /** Reads the saved state, then evaluates. Resolves at once; what fails is tried again. */
  start(): void;
  view(): readonly RuleGroupView[];
  /** Waits for what runs. Safe to call twice. */
  close(): Promise<void>;
}

/** Prometheus's defaults. */
const INTERVAL_MS = 60_000;
const RESEND_DELAY_MS = 60_000;
/** The store has several readers; queries of people need some of them. */
const CONCURRENCY = 4;
const LOAD_RETRY_MS = 2_000;
/** Series of a group that is gone end after this many of its intervals: another may have taken them over. */
const ENDED_AFTER_INTERVALS = 2;

export function createRules(deps: RulesDeps): Rules {
  return new Manager(deps);
}

interface Settings {
  readonly externalLabels: Pairs;
  readonly externalUrl: string;
  readonly defaultIntervalMs: number;
  readonly defaultQueryOffsetMs: number;
}

interface Running {
  readonly group: RuleGroup;
  /** Equal text: nothing changed. */
  readonly text: string;
  schedule: Schedule | undefined;
}

class Manager implements Rules {
  private readonly deps: RulesDeps;
  private readonly metrics: RuleMetrics;
  private readonly gate: Gate;
  private readonly abort = new AbortController();
  private readonly later = new Set<() => void>();
  private running = new Map<string, Running>();
  private settings: Settings;
  private saved: Map<string, SavedRule> | undefined;
  private version = 0;
  private started = false;
  private loading: Promise<void> = Promise.resolve();

  constructor(deps: RulesDeps) {
    this.deps = deps;
    this.metrics = observeRules(deps.metrics, () => this.view());
    this.gate = createGate(deps.concurrency ?? CONCURRENCY);
    this.settings = {
      externalLabels: deps.externalLabels,
      externalUrl: deps.externalUrl,
      defaultIntervalMs: deps.defaultIntervalMs ?? INTERVAL_MS,
      defaultQueryOffsetMs: deps.defaultQueryOffsetMs ?? 0,
    };
  }

  view(): readonly RuleGroupView[] {
    return [...this.running.values()].map(({ group }) => group.view());
  }

  /** Reloads run one after the other. */
  load(groups: readonly RuleGroupConfig[], settings: RulesSettings = {}): Promise<void> {
    const run = this.loading.then(() => this.replace(groups, settings));
    this.loading = run.catch(() => {});
    return run;
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    void this.restore();
  }

  private async restore(): Promise<void> {
    try {
      const all = await this.deps.saved.load();
      if (this.abort.signal.aborted) return;
      this.saved = new Map(all.map((one) => [one.key, one]));
      this.version = all.reduce((most, { version }) => Math.max(most, version), 0);
      for (const { group } of this.running.values())
        group.restore(this.saved, this.deps.clock.nowMs());
      for (const running of this.running.values()) this.begin(running);
    } catch (error) {
      this.deps.log("warn", "the state of alerts cannot be read", { error: String(error) });
      this.afterMs(LOAD_RETRY_MS, () => void this.restore());
    }
  }

  private afterMs(delayMs: number, run: () => void): void {
    const cancel = this.deps.clock.after(delayMs, () => {
      this.later.delete(cancel);
      run();
    });
    this.later.add(cancel);
  }

  private async replace(
    groups: readonly RuleGroupConfig[],
    settings: RulesSettings,
  ): Promise<void> {
    this.settings = { ...this.settings, ...defined(settings) };
    const before = this.running;
    const after = new Map<string, Running>();
    for (const config of groups) {
      const key = JSON.stringify([config.file, config.name]);
      const text = JSON.stringify([
        config.rules.map(withoutTree),
        { ...config, rules: [] },
        this.settings,
      ]);
      const known = before.get(key);
      if (known?.text === text) after.set(key, known);
      else after.set(key, { group: this.group(config), text, schedule: undefined });
    }
    const gone = [...before].filter(([key, running]) => after.get(key) !== running);
    await Promise.all(gone.map(([, { schedule }]) => schedule?.stop()));
    for (const [key, old] of gone) {
      const follower = after.get(key)?.group;
      if (follower === undefined) this.end(old.group);
      else follower.inherit(old.group);
    }
    this.running = after;
    if (this.saved === undefined) return;
    for (const [key, running] of after) {
      if (running.schedule !== undefined) continue;
      if (!before.has(key)) running.group.restore(this.saved, this.deps.clock.nowMs());
      this.begin(running);
    }
  }

  /** A group is gone: its alerts are forgotten, and its series end unless another group writes them. */
  private end(group: RuleGroup): void {
    for (const key of group.keys()) {
      this.saved?.delete(key);
      const empty = { key, savedAtMs: this.deps.clock.nowMs(), alerts: [] };
      void this.save(empty).catch((error: unknown) =>
        this.deps.log("warn", "the state of a removed alert stays", { error: String(error) }),
      );
    }
    this.afterMs(ENDED_AFTER_INTERVALS * group.settings.intervalMs, () => {
      const others = new Set(
        [...this.running.values()].flatMap((one) => [...one.group.series().keys()]),
      );
      const timeMs = this.deps.clock.nowMs();
      const ended = [...group.series().values()].filter(({ key }) => !others.has(key));
      const samples = ended.map((labels) => ({ labels, timeMs, value: "stale" as const }));
      void this.accept(samples).catch((error: unknown) =>
        this.deps.log("warn", "series of a removed group are not ended", { error: String(error) }),
      );
    });
  }

  private begin(running: Running): void {
    const { group } = running;
    const { file, name } = group.config;
    const { intervalMs } = group.settings;
    const label = `${file};${name}`;
    running.schedule = startSchedule({
      clock: this.deps.clock,
      intervalMs,
      offsetMs: slotOffsetMs(file, name, intervalMs),
      run: (atMs) =>
        this.gate.run(async () => {
          if (this.abort.signal.aborted) return;
          await group.evaluate(atMs);
          this.metrics.iterations.add(1, label);
        }),
      missed: (count) => {
        this.metrics.missed.add(count, label);
        this.metrics.iterations.add(count, label);
        this.deps.log("warn", "a group of rules was not evaluated in time", {
          group: label,
          missed: count,
        });
      },
      stepped: (byMs) => group.shift(byMs),
    });
  }

  private group(config: RuleGroupConfig): RuleGroup {
    const settings: GroupSettings = {
      intervalMs: config.intervalMs ?? this.settings.defaultIntervalMs,
      queryOffsetMs: config.queryOffsetMs ?? this.settings.defaultQueryOffsetMs,
    };
    const env = this.envOf(`${config.file};${config.name}`);
    return createRuleGroup(config, { env, settings });
  }

  private envOf(label: string): GroupEnv {
    const { deps, metrics } = this;
    const recent = createRecentOutput();
    let waiting: RuleSample[] = [];
    recent.begin();
    return {
      query: (rule, atMs) =>
        rule.language === "promql"
          ? this.query(rule.expr, { atMs, recent })
          : this.logQuery(rule.expr, atMs),
      write(samples) {
        recent.add(samples);
        waiting.push(...samples);
      },
      flush: async () => {
        const samples = waiting;
        waiting = [];
        recent.begin();
        await this.accept(samples);
        metrics.samples.add(samples.length, label);
      },
      save: (rule) => this.save(rule),
      notify: (alerts) => deps.notify(alerts),
      externalLabels: this.settings.externalLabels,
      externalUrl: this.settings.externalUrl,
      resendDelayMs: deps.resendDelayMs ?? RESEND_DELAY_MS,
      monotonicMs: () => deps.clock.monotonicMs(),
      warn: (message) => deps.log("warn", message, { group: label }),
      evaluated(failed) {
        metrics.evaluations.add(1, label);
        if (failed) metrics.failures.add(1, label);
      },
    };
  }

  private async accept(samples: readonly RuleSample[]): Promise<void> {
    for (const batch of batchesOf(samples)) await this.deps.next.accept(batch, null);
  }

  private save(rule: Omit<SavedRule, "version">): Promise<void> {
    // The greatest version counts, also when the wall clock goes back.
    this.version = Math.max(this.version + 1, this.deps.clock.nowMs());
    const value = { ...rule, version: this.version };
    return this.deps.saved.save({ key: rule.key, version: this.version, value });
  }

  private async query(
    expr: PromqlExpr,
    given: { readonly atMs: number; readonly recent: RecentOutput },
  ): Promise<readonly VectorSample[]> {
    const memory = this.deps.memory?.open("rules");
    try {
      return await this.evaluate(expr, { ...given, memory });
    } finally {
      memory?.release();
    }
  }

  private async evaluate(
    expr: PromqlExpr,
    given: {
      readonly atMs: number;
      readonly recent: RecentOutput;
      readonly memory: QueryMemory | undefined;
    },
  ): Promise<readonly VectorSample[]> {
    const { atMs, recent, memory } = given;
    const timeoutMs = this.deps.queryTimeoutMs ?? defaultLimits.queryTimeoutMs;
    const ask = { signal: this.abort.signal, timeoutMs, priority: "rules" as const, memory };
    const times = {
      startMs: atMs,
      endMs: atMs,
      subqueryIntervalMs: this.deps.subqueryIntervalMs?.(),
    };
    if (!recent.concerns(expr))
      return samplesOf(await runPromql(this.deps.source, expr, { times, ask }));
    const pacing = createPacing(ask.signal, ask.priority);
    const deadlineMs = performance.now() + timeoutMs;
    const source = recent.over(promqlSource(this.deps.source, ask));
    const pause = (): Promise<void> | undefined => {
      if (performance.now() > deadlineMs)
        throw new TriptychError("query_timeout", "query timed out in expression evaluation");
      return pacing.pause();
    };
    const samplesMax = defaultLimits.querySamplesMax;
    const holds = rowBytes(memory);
    return samplesOf(
      await evaluatePromql(expr, { ...times, samplesMax, compileRegex, holds, pause }, source),
    );
  }

  private async logQuery(expr: LogqlExpr, atMs: number): Promise<readonly VectorSample[]> {
    const { logs } = this.deps;
    if (logs === undefined) throw new Error("rules over logs are not evaluated here");
    const timeoutMs = this.deps.queryTimeoutMs ?? defaultLimits.queryTimeoutMs;
    const memory = this.deps.memory?.open("rules");
    try {
      return await logs(expr, atMs, { signal: this.abort.signal, timeoutMs, memory });
    } finally {
      memory?.release();
    }
  }

  async close(): Promise<void> {
    this.abort.abort();
    for (const cancel of this.later) cancel();
    this.later.clear();
    await this.loading;
    await Promise.all([...this.running.values()].map(({ schedule }) => schedule?.stop()));
  }
}

/** The samples of an instant query. Throws what Prometheus says of other results. */
export function samplesOf({ value }: PromqlResult): VectorSample[] {
  if (value.kind === "scalar") return [{ labels: { pairs: [], key: "" }, value: value.value }];
  if (value.kind !== "vector") throw new Error("rule result is not a vector or scalar");
  return value.rows.flatMap((row: Row) => {
    const found = valueAt(row, 0);
    return found === undefined ? [] : [{ labels: row.labels, value: found }];
  });
}

const withoutTree = ({
  expr: _expr,
  place: _place,
  exprPlace: _exprPlace,
  ...rest
}: RuleGroupConfig["rules"][number]) => rest;

function defined(settings: RulesSettings): Partial<Settings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
