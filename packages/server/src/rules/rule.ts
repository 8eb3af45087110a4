/** One rule of a group: its evaluation, and what it knows between two of them. */
import {
  alertData,
  alertVariables,
  type GoObject,
  type GoTemplate,
  type Histogram,
  labelsFrom,
  type Labels,
  printHistogram,
  type TemplateSample,
} from "@triptych/lang";
import type { RuleConfig } from "../config/rules/rule-file.ts";
import {
  type ActiveAlert,
  type Alerts,
  type FreshAlert,
  isActive,
  stepAlerts,
} from "./alert-state.ts";
import { type ExpandDeps, expandTemplate, parseRuleTemplate } from "./expand.ts";
import type { Pairs, RuleSample, VectorSample } from "./sample.ts";

/** What an evaluation may use. */
export interface RuleContext {
  readonly atMs: number;
  /** The result of the rule's query. */
  readonly result: readonly VectorSample[];
  /** When the samples are: before `atMs` by the group's offset. */
  readonly sampleMs: number;
  readonly limit: number;
  readonly externalLabels: Pairs;
  readonly externalUrl: string;
  /** A query of a template. */
  readonly query: (text: string) => Promise<readonly TemplateSample[]>;
  /** Called between pieces of work. */
  readonly pause: () => Promise<void> | undefined;
  /** Told of a text that cannot be made. */
  readonly warn: (message: string) => void;
}

const METRIC_NAME = "__name__";

const same = (what: string): Error =>
  new Error(`vector contains metrics with the same labelset after applying ${what} labels`);

/** Samples of a recording rule. */
export async function evaluateRecording(
  rule: RuleConfig,
  context: RuleContext,
): Promise<RuleSample[]> {
  const seen = new Set<string>();
  const out: RuleSample[] = [];
  const own: Pairs = [[METRIC_NAME, rule.name], ...rule.labels];
  for (const { labels, value } of context.result) {
    await context.pause();
    const all = overlaid(labels, own);
    if (seen.has(all.key)) throw same("rule");
    seen.add(all.key);
    out.push({ labels: all, timeMs: context.sampleMs, value });
  }
  const { limit } = context;
  if (limit > 0 && out.length > limit)
    throw new Error(`exceeded limit of ${limit} with ${out.length} series`);
  return out;
}

/** `own` wins; an empty value takes a label away. */
function overlaid(labels: Labels, own: Pairs): Labels {
  return labelsFrom(new Map([...labels.pairs, ...own]));
}

export interface AlertTemplates {
  readonly labels: readonly (readonly [name: string, template: GoTemplate])[];
  readonly annotations: readonly (readonly [name: string, template: GoTemplate])[];
}

export function parseAlertTemplates(rule: RuleConfig): AlertTemplates {
  const parse = (pairs: Pairs) =>
    pairs.map(
      ([name, text]) =>
        [name, parseRuleTemplate(alertVariables + text, `__alert_${rule.name}`)] as const,
    );
  return { labels: parse(rule.labels), annotations: parse(rule.annotations) };
}

/** The alerts after this evaluation. */
export async function evaluateAlerting(
  rule: RuleConfig,
  { templates, active }: { readonly templates: AlertTemplates; readonly active: Alerts },
  context: RuleContext,
): Promise<Alerts> {
  const fresh = new Map<string, FreshAlert>();
  for (const sample of context.result) {
    await context.pause();
    const alert = await freshAlert(rule, { templates, sample }, context);
    if (fresh.has(alert.labels.key)) throw same("alert");
    fresh.set(alert.labels.key, alert);
  }
  const { forMs, keepFiringForMs } = rule;
  return stepAlerts(active, fresh, { atMs: context.atMs, forMs, keepFiringForMs });
}

async function freshAlert(
  rule: RuleConfig,
  { templates, sample }: { readonly templates: AlertTemplates; readonly sample: VectorSample },
  context: RuleContext,
): Promise<FreshAlert> {
  const { labels, value } = sample;
  const data = alertData({
    labels: labels.pairs,
    externalLabels: context.externalLabels,
    externalUrl: context.externalUrl,
    value: typeof value === "number" ? value : histogramValue(value),
  });
  const deps: ExpandDeps = {
    query: context.query,
    nowMs: context.atMs,
    externalUrl: context.externalUrl,
  };
  const expand = async (template: GoTemplate): Promise<string> => {
    try {
      return await expandTemplate(template, data, { deps });
    } catch (error) {
      const reason = `error executing template __alert_${rule.name}: ${(error as Error).message}`;
      context.warn(`a text of the alert ${rule.name} cannot be made: ${reason}`);
      return `<error expanding template: ${reason}>`;
    }
  };
  const own: [string, string][] = [[METRIC_NAME, ""]];
  for (const [name, template] of templates.labels) own.push([name, await expand(template)]);
  own.push(["alertname", rule.name]);
  const annotations: [string, string][] = [];
  for (const [name, template] of templates.annotations)
    annotations.push([name, await expand(template)]);
  return {
    labels: overlaid(labels, own),
    annotations,
    value: typeof value === "number" ? value : 0,
  };
}

/** A native histogram as templates see it: it prints itself. */
export function histogramValue(histogram: Histogram): GoObject {
  return {
    kind: "object",
    type: "*histogram.FloatHistogram",
    fields: new Map<string, number>([
      ["Count", histogram.count],
      ["Sum", histogram.sum],
      ["ZeroCount", histogram.zeroCount],
      ["ZeroThreshold", histogram.zeroThreshold],
    ]),
    methods: new Map(),
    get text() {
      return printHistogram(histogram);
    },
  };
}

/** `ALERTS` and `ALERTS_FOR_STATE` of what is pending or fires. */
export function alertSamples(rule: RuleConfig, alerts: Alerts, timeMs: number): RuleSample[] {
  const out: RuleSample[] = [];
  // A label whose template came to nothing keeps its text here, as in Prometheus.
  const own = rule.labels.filter(([, text]) => text !== "");
  for (const alert of alerts.values()) {
    if (!isActive(alert)) continue;
    const { pairs } = alert.labels;
    const named = (name: string): [string, string] => [METRIC_NAME, name];
    const state: [string, string] = ["alertstate", alert.state];
    out.push(
      { labels: labelsFrom(new Map([...own, ...pairs, named("ALERTS"), state])), timeMs, value: 1 },
      {
        labels: labelsFrom(new Map([...own, ...pairs, named("ALERTS_FOR_STATE")])),
        timeMs,
        value: Math.floor(alert.activeAtMs / 1000),
      },
    );
  }
  return out;
}

/** How many count against a group's limit. */
export const activeCount = (alerts: Alerts): number => [...alerts.values()].filter(isActive).length;

export type { ActiveAlert };
