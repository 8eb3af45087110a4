/**
 * A group of rules: evaluated one after the other, never twice at the same time. What it reads and writes goes
 * through `env`, so that the server and `triptych test rules` run the same code.
 */
import { tableLink, type TemplateSample } from "@triptych/lang";
import { printRuleExpr, readRuleExpr, type RuleLanguage } from "../config/rules/rule-expr.ts";
import type { RuleConfig, RuleGroupConfig } from "../config/rules/rule-file.ts";
import {
  type ActiveAlert,
  type Alerts,
  hasChanged,
  isActive,
  mustSend,
  shifted,
} from "./alert-state.ts";
import { createPacing } from "../query/pacing.ts";
import {
  activeCount,
  type AlertTemplates,
  alertSamples,
  evaluateAlerting,
  evaluateRecording,
  histogramValue,
  parseAlertTemplates,
  type RuleContext,
} from "./rule.ts";
import type { AlertMessage, Pairs, RuleQuery, RuleSample } from "./sample.ts";
import { fromSaved, HEARTBEAT_MS, type SavedRule, toSaved } from "./saved-alerts.ts";
import type { RuleGroupView, RuleView } from "./view.ts";

export interface GroupEnv {
  readonly query: RuleQuery;
  /** Takes samples of one rule; the rules after it see them. */
  readonly write: (samples: readonly RuleSample[]) => void;
  /** Makes durable what was written since the last call. */
  readonly flush: () => Promise<void>;
  /** Resolves when it will survive a crash. */
  readonly save: (rule: Omit<SavedRule, "version">) => Promise<void>;
  readonly notify: (alerts: readonly AlertMessage[]) => void;
  readonly externalLabels: Pairs;
  readonly externalUrl: string;
  readonly resendDelayMs: number;
  /** Seconds that only go forward, for durations. */
  readonly monotonicMs: () => number;
  readonly warn: (message: string) => void;
  /** Told of each evaluation of a rule. */
  readonly evaluated: (failed: boolean) => void;
}

export interface GroupSettings {
  readonly intervalMs: number;
  readonly queryOffsetMs: number;
}

/** A rule with what it knows. */
interface RuleState {
  readonly config: RuleConfig;
  readonly key: string;
  readonly query: string;
  readonly templates: AlertTemplates;
  health: "unknown" | "ok" | "err";
  lastError: string;
  evaluationSeconds: number;
  lastEvaluationMs: number;
  alerts: Alerts;
  /** Saved alerts differ from those in memory. */
  dirty: boolean;
  savedAtMs: number;
  /** Series of the last result, for markers of their end. */
  series: ReadonlyMap<string, RuleSample["labels"]>;
}

export interface RuleGroup {
  readonly config: RuleGroupConfig;
  readonly settings: GroupSettings;
  /** Runs all rules for the time `atMs`. Never rejects; must not be called while it runs. */
  evaluate(atMs: number): Promise<void>;
  /** Takes over what the group's earlier form knows. */
  inherit(from: RuleGroup): void;
  restore(saved: ReadonlyMap<string, SavedRule>, nowMs: number): void;
  /** The wall clock was set forward by so much. */
  shift(byMs: number): void;
  /** Keys of its alerting rules in the saved state. */
  keys(): readonly string[];
  /** All series that it wrote last. */
  series(): ReadonlyMap<string, RuleSample["labels"]>;
  view(): RuleGroupView;
  /** For another form of the same group. */
  readonly states: readonly RuleState[];
}

export function createRuleGroup(
  config: RuleGroupConfig,
  { env, settings }: { readonly env: GroupEnv; readonly settings: GroupSettings },
): RuleGroup {
  return new Group(config, env, settings);
}

class Group implements RuleGroup {
  readonly config: RuleGroupConfig;
  readonly settings: GroupSettings;
  readonly states: readonly RuleState[];
  private readonly env: GroupEnv;
  /** Series of rules that are no longer there; their end is told with the next evaluation. */
  private ended = new Map<string, RuleSample["labels"]>();
  private lastEvaluationMs = 0;
  private evaluationSeconds = 0;

  constructor(config: RuleGroupConfig, env: GroupEnv, settings: GroupSettings) {
    this.config = config;
    this.env = env;
    this.settings = settings;
    const count = new Map<string, number>();
    this.states = config.rules.map((rule) => {
      const name = identity(rule);
      const nth = count.get(name) ?? 0;
      count.set(name, nth + 1);
      return newState(rule, JSON.stringify([config.file, config.name, name, nth]));
    });
  }

  async evaluate(atMs: number): Promise<void> {
    const startMs = this.env.monotonicMs();
    const sampleMs = atMs - this.settings.queryOffsetMs;
    const written: { state: RuleState; samples: readonly RuleSample[] }[] = [];
    for (const state of this.states) {
      const samples = await this.rule(state, { atMs, sampleMs });
      if (samples !== undefined) written.push({ state, samples });
    }
    const produced = new Set(this.states.flatMap(({ series }) => [...series.keys()]));
    const gone = [...this.ended.values()].filter(({ key }) => !produced.has(key));
    this.env.write(gone.map((labels) => ({ labels, timeMs: sampleMs, value: "stale" })));
    await this.flush(written);
    this.lastEvaluationMs = atMs;
    this.evaluationSeconds = (this.env.monotonicMs() - startMs) / 1000;
  }

  private async flush(
    written: readonly { state: RuleState; samples: readonly RuleSample[] }[],
  ): Promise<void> {
    try {
      await this.env.flush();
      this.ended = new Map();
    } catch (error) {
      for (const { state, samples } of written) {
        if (samples.length === 0) continue;
        state.health = "err";
        state.lastError = (error as Error).message;
      }
    }
  }

  /** Nothing when the rule failed: then what it wrote before still stands. */
  private async rule(
    state: RuleState,
    { atMs, sampleMs }: { readonly atMs: number; readonly sampleMs: number },
  ): Promise<readonly RuleSample[] | undefined> {
    const startMs = this.env.monotonicMs();
    state.lastEvaluationMs = atMs;
    try {
      const result = await this.env.query(state.config, sampleMs);
      const context = this.contextAt({ atMs, sampleMs, result }, state.config.language);
      const isAlert = state.config.kind === "alert";
      const samples = isAlert
        ? await this.alert(state, context)
        : await evaluateRecording(state.config, context);
      this.write(state, samples, sampleMs);
      state.health = "ok";
      state.lastError = "";
      this.env.evaluated(false);
      return samples;
    } catch (error) {
      state.health = "err";
      state.lastError = error instanceof Error ? error.message : String(error);
      this.env.evaluated(true);
      return undefined;
    } finally {
      state.evaluationSeconds = (this.env.monotonicMs() - startMs) / 1000;
    }
  }

  private contextAt(
    given: Pick<RuleContext, "atMs" | "sampleMs" | "result">,
    language: RuleLanguage,
  ): RuleContext {
    const { env } = this;
    const { pause } = createPacing(undefined, "rules");
    return {
      ...given,
      limit: this.config.limit,
      externalLabels: env.externalLabels,
      externalUrl: env.externalUrl,
      query: (text) => templateQuery(env.query, { text, language }, given.atMs),
      pause,
      warn: env.warn,
    };
  }

  private write(state: RuleState, samples: readonly RuleSample[], sampleMs: number): void {
    const series = new Map(samples.map(({ labels }) => [labels.key, labels]));
    const out = [...samples];
    for (const [key, labels] of state.series)
      if (!series.has(key)) out.push({ labels, timeMs: sampleMs, value: "stale" });
    state.series = series;
    this.env.write(out);
  }

  private async alert(state: RuleState, context: RuleContext): Promise<readonly RuleSample[]> {
    const { config } = state;
    const before = state.alerts;
    const after = await evaluateAlerting(
      config,
      { templates: state.templates, active: before },
      context,
    );
    const { limit, atMs } = context;
    const count = activeCount(after);
    if (limit > 0 && count > limit) {
      state.dirty ||= before.size > 0;
      state.alerts = new Map();
      throw new Error(`exceeded limit of ${limit} with ${count} alerts`);
    }
    state.dirty ||= hasChanged(before, after);
    const heartbeat = after.size > 0 && atMs - state.savedAtMs >= HEARTBEAT_MS;
    // An alert must be told even when its state cannot be kept; it is tried again with the next evaluation.
    if (state.dirty || heartbeat) await this.save(state, after, atMs);
    state.alerts = after;
    this.send(state, atMs);
    return alertSamples(config, state.alerts, context.sampleMs);
  }

  private async save(state: RuleState, alerts: Alerts, atMs: number): Promise<void> {
    try {
      await this.env.save({ key: state.key, savedAtMs: atMs, alerts: toSaved(alerts) });
      state.dirty = false;
      state.savedAtMs = atMs;
    } catch (error) {
      this.env.warn(
        `the state of the alert ${state.config.name} cannot be saved: ${(error as Error).message}`,
      );
    }
  }

  private send(state: RuleState, atMs: number): void {
    const { resendDelayMs } = this.env;
    const alerts = new Map(state.alerts);
    const messages: AlertMessage[] = [];
    const holdsMs = 4 * Math.max(resendDelayMs, this.settings.intervalMs);
    for (const [key, alert] of alerts) {
      if (!mustSend(alert, atMs, resendDelayMs)) continue;
      alerts.set(key, { ...alert, lastSentAtMs: atMs });
      messages.push({
        labels: alert.labels.pairs,
        annotations: alert.annotations,
        startsAtMs: alert.firedAtMs ?? alert.activeAtMs,
        endsAtMs: alert.resolvedAtMs ?? atMs + holdsMs,
        resolved: alert.resolvedAtMs !== undefined,
        generatorPath: pathOf(state),
      });
    }
    if (messages.length === 0) return;
    state.alerts = alerts;
    this.env.notify(messages);
  }

  inherit(from: RuleGroup): void {
    const left = new Map<string, RuleState[]>();
    for (const state of from.states) {
      const name = identity(state.config);
      left.set(name, [...(left.get(name) ?? []), state]);
    }
    for (const state of this.states) {
      const known = left.get(identity(state.config))?.shift();
      if (known === undefined) continue;
      state.series = known.series;
      state.alerts = known.alerts;
      state.savedAtMs = known.savedAtMs;
      state.dirty = known.dirty || (known.key !== state.key && known.alerts.size > 0);
      if (known.query === state.query) {
        state.health = known.health;
        state.lastError = known.lastError;
        state.lastEvaluationMs = known.lastEvaluationMs;
      }
    }
    for (const states of left.values())
      for (const { series } of states)
        for (const [key, labels] of series) this.ended.set(key, labels);
  }

  restore(saved: ReadonlyMap<string, SavedRule>, nowMs: number): void {
    for (const state of this.states) {
      const known = saved.get(state.key);
      if (known === undefined || state.config.kind !== "alert") continue;
      state.alerts = fromSaved(known, nowMs);
      state.savedAtMs = known.savedAtMs;
      // What the last process wrote ends when the alert is not there any more.
      state.series = new Map(
        alertSamples(state.config, state.alerts, nowMs).map(({ labels }) => [labels.key, labels]),
      );
    }
  }

  shift(byMs: number): void {
    for (const state of this.states) {
      if (state.alerts.size === 0) continue;
      state.alerts = shifted(state.alerts, byMs);
      state.dirty = true;
    }
  }

  keys(): readonly string[] {
    return this.states.filter(({ config }) => config.kind === "alert").map(({ key }) => key);
  }

  series(): ReadonlyMap<string, RuleSample["labels"]> {
    const all = new Map(this.ended);
    for (const { series } of this.states) for (const [key, labels] of series) all.set(key, labels);
    return all;
  }

  view(): RuleGroupView {
    const { file, namespace, name, limit } = this.config;
    return {
      file,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      limit,
      intervalMs: this.settings.intervalMs,
      lastEvaluationMs: this.lastEvaluationMs,
      evaluationSeconds: this.evaluationSeconds,
      rules: this.states.map(ruleView),
    };
  }
}

/** What makes a rule the same one after a reload. */
const identity = (rule: RuleConfig): string => JSON.stringify([rule.kind, rule.name, rule.labels]);

function newState(config: RuleConfig, key: string): RuleState {
  return {
    config,
    key,
    query: printRuleExpr(config),
    templates:
      config.kind === "alert" ? parseAlertTemplates(config) : { labels: [], annotations: [] },
    ...{ health: "unknown", lastError: "", evaluationSeconds: 0, lastEvaluationMs: 0 },
    ...{ alerts: new Map<string, ActiveAlert>(), dirty: false, savedAtMs: 0, series: new Map() },
  };
}

/** Where Prometheus, and Grafana for Loki, show a query. */
function pathOf({ config, query }: RuleState): string {
  if (config.language === "promql") return tableLink(query);
  const left = JSON.stringify({ queries: [{ expr: query, queryType: "range" }] });
  return `/explore?${new URLSearchParams({ left })}`;
}

function ruleView(state: RuleState): RuleView {
  const { config } = state;
  return {
    kind: config.kind,
    language: config.language,
    name: config.name,
    query: state.query,
    labels: config.labels,
    annotations: config.annotations,
    forMs: config.forMs,
    keepFiringForMs: config.keepFiringForMs,
    health: state.health,
    lastError: state.lastError,
    evaluationSeconds: state.evaluationSeconds,
    lastEvaluationMs: state.lastEvaluationMs,
    alerts: [...state.alerts.values()].filter(isActive),
  };
}

async function templateQuery(
  query: RuleQuery,
  { text, language }: { readonly text: string; readonly language: RuleLanguage },
  atMs: number,
): Promise<TemplateSample[]> {
  const expr = readRuleExpr(text, language);
  if (typeof expr === "string") throw new Error(expr);
  const samples = await query(expr, atMs);
  return samples.map(({ labels, value }) => ({
    labels: labels.pairs,
    value: typeof value === "number" ? value : histogramValue(value),
  }));
}
