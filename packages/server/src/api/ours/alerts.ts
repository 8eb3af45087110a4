/** Alerts of our own HTTP API: what fires now with the rule behind it, who is told, and when it fired in a range. */
import type {
  Alert,
  AlertmanagerState,
  AlertsAnswer,
  AlertTimelineAnswer,
} from "@triptych/contract";
import { formatG, parsePromql } from "@triptych/lang";
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { alertPieces } from "../../query/alerts/alert-pieces.ts";
import type { MetricsSource } from "../../query/metrics/source.ts";
import { runPromql } from "../../query/promql/source.ts";
import type { ActiveAlert } from "../../rules/alert-state.ts";
import type { RuleGroupView } from "../../rules/view.ts";
import { answerInfo } from "./answer-info.ts";
import { clientGone } from "./client-gone.ts";
import { queryParams } from "./params.ts";
import { labelJson, ruleId, ruleJson } from "./rules.ts";
import { shortId } from "./short-id.ts";

export interface OwnAlertsDeps {
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
  readonly groups: () => readonly RuleGroupView[];
  readonly alertmanagers: () => readonly AlertmanagerState[];
  /** Where the `ALERTS` series are. */
  readonly source: MetricsSource;
}

const limits = {
  alerts: { standard: 500, max: 10_000 },
  rows: { standard: 100, max: 1_000 },
  /** Steps of the timeline: about one a pixel or two. */
  steps: 480,
  /** Rules are rarely evaluated more often. */
  stepMsMin: 5_000,
} as const;

export function registerOwnAlerts(app: FastifyInstance, deps: OwnAlertsDeps): void {
  const { clock, prefix, source } = deps;
  app.get(`${prefix}/alerts`, (request): AlertsAnswer => {
    const limit = queryParams(request.query).limit("limit", limits.alerts);
    const info = answerInfo(clock, { rowsRead: 0, bytesRead: 0 });
    const groups = deps.groups();
    const all = groups.flatMap(alertsOf).sort(urgentFirst);
    const alerts = all.slice(0, limit);
    const marks =
      all.length > limit ? [`Only ${limit} of ${all.length} alerts are listed, firing first.`] : [];
    const count = (state: Alert["state"]): number =>
      all.reduce((sum, alert) => sum + (alert.state === state ? 1 : 0), 0);
    const behind = new Set(alerts.map(({ rule }) => rule));
    return {
      ...info(marks),
      alerts,
      counts: {
        firing: count("firing"),
        pending: count("pending"),
        resolved: count("resolved"),
      },
      rules: groups.flatMap((group) =>
        group.rules.flatMap((_, i) => (behind.has(ruleId(group, i)) ? [ruleJson(group, i)] : [])),
      ),
      ruleCounts: ruleCounts(groups),
      alertmanagers: deps.alertmanagers(),
    };
  });
  app.get(`${prefix}/alerts/timeline`, async (request, reply): Promise<AlertTimelineAnswer> => {
    const params = queryParams(request.query);
    const { from, to } = params.range(clock);
    const limit = params.limit("limit", limits.rows);
    const name = params.text("name");
    const ask = { signal: clientGone(reply), cost: { rowsRead: 0, bytesRead: 0 } };
    const info = answerInfo(clock, ask.cost);
    const stepMs = Math.max(limits.stepMsMin, Math.ceil((to - from) / limits.steps));
    const expr = parsePromql(
      name === undefined ? "ALERTS" : `ALERTS{alertname=${JSON.stringify(name)}}`,
    );
    const times = { startMs: from, endMs: to, stepMs };
    const { value } = await runPromql(source, expr, { times, ask });
    const rows = value.kind === "range" ? alertPieces(value.rows, { from, to, stepMs }) : [];
    return { ...info(), from, to, stepMs, rows: rows.slice(0, limit), total: rows.length };
  });
}

function ruleCounts(groups: readonly RuleGroupView[]): AlertsAnswer["ruleCounts"] {
  const counts = { alerting: 0, recording: 0, failing: 0 };
  for (const { kind, health } of groups.flatMap(({ rules }) => rules)) {
    counts[kind === "alert" ? "alerting" : "recording"]++;
    if (health === "err") counts.failing++;
  }
  return counts;
}

function alertsOf(group: RuleGroupView): Alert[] {
  return group.rules.flatMap((rule, i) =>
    rule.alerts.map((alert) => alertJson(alert, { name: rule.name, rule: ruleId(group, i) })),
  );
}

function alertJson(
  alert: ActiveAlert,
  { name, rule }: { readonly name: string; readonly rule: string },
): Alert {
  const { firedAtMs, resolvedAtMs, keepFiringSinceMs, value } = alert;
  return {
    id: shortId([rule, alert.labels.key]),
    name,
    state: alert.state === "inactive" ? "resolved" : alert.state,
    labels: labelJson(alert.labels.pairs),
    annotations: labelJson(alert.annotations),
    value: Number.isFinite(value) ? value : null,
    valueText: formatG(value),
    activeAtMs: alert.activeAtMs,
    ...(firedAtMs === undefined ? {} : { firedAtMs }),
    ...(resolvedAtMs === undefined ? {} : { resolvedAtMs }),
    ...(keepFiringSinceMs === undefined ? {} : { keptSinceMs: keepFiringSinceMs }),
    rule,
  };
}

const urgency = { firing: 0, pending: 1, resolved: 2 } as const;

function urgentFirst(a: Alert, b: Alert): number {
  return urgency[a.state] - urgency[b.state] || b.activeAtMs - a.activeAtMs;
}
