/** What is read out of alerts and rules for people: how bad, of which service, grouped, and in sentences. */
import type { Alert, Labels, Rule } from "@triptych/contract";
import { formatCount } from "../../charts/format.ts";
import type { State } from "../../components/icon.tsx";

export interface Severity {
  readonly state: State;
  readonly word: string;
  /** Smaller is worse. */
  readonly rank: number;
}

/** The words that are in use for the label `severity`, worst first. */
const severities: readonly (readonly [State, readonly string[]])[] = [
  [
    "critical",
    ["critical", "page", "disaster", "emergency", "fatal", "error", "high", "p1", "sev1"],
  ],
  ["warn", ["warning", "warn", "average", "medium", "ticket", "p2", "sev2"]],
  ["info", ["info", "information", "notice", "low", "none", "p3", "sev3", "p4"]],
];

export function severityOf(labels: Labels): Severity {
  const given = labels["severity"] ?? labels["priority"] ?? "";
  const rank = severities.findIndex(([, words]) => words.includes(given.toLowerCase()));
  const [state] = severities[rank] ?? ["warn" as const];
  // Without a word nobody said that it is harmless: it stands after the warnings.
  return given === ""
    ? { state: "warn", word: "no severity", rank: 1.5 }
    : { state, word: given, rank: rank < 0 ? 1.4 : rank };
}

/** Severity for what fires; the others are quiet, whatever they would be. */
export function markOf(alert: Alert): { readonly state: State; readonly word: string } {
  const severity = severityOf(alert.labels);
  if (alert.state === "pending") return { state: "none", word: "pending" };
  if (alert.state === "resolved") return { state: "ok", word: "over" };
  return severity;
}

const serviceLabels = ["service_name", "service", "app", "application", "job"] as const;

/** The service that an alert is about, as traces and logs know it; undefined when no label says. */
export function serviceOf(labels: Labels): string | undefined {
  for (const name of serviceLabels) {
    const value = labels[name];
    if (value === undefined || value === "") continue;
    // OpenTelemetry's job is `namespace/name`.
    return name === "job" ? value.slice(value.lastIndexOf("/") + 1) : value;
  }
  return undefined;
}

const summaryKeys = ["summary", "message", "title", "description"] as const;

/** What the alert says first: its summary, else another text, else what tells it apart. */
export function summaryOf(alert: Alert): string {
  for (const key of summaryKeys) {
    const text = alert.annotations[key];
    if (text !== undefined && text.trim() !== "") return text;
  }
  return labelWords(alert.labels);
}

/** Labels without what stands elsewhere: `job=node, zone=eu-1`. */
export function labelWords(labels: Labels, without: readonly string[] = []): string {
  return Object.entries(labels)
    .filter(([name]) => name !== "alertname" && name !== "severity" && !without.includes(name))
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

const runbookKeys = ["runbook_url", "runbook"] as const;
export function runbookOf(annotations: Labels): string | undefined {
  return runbookKeys.map((key) => annotations[key]).find((text) => (text ?? "") !== "");
}

export interface AlertGroup {
  readonly name: string;
  readonly severity: Severity;
  readonly alerts: readonly Alert[];
}

/** One group a name and severity; the worst first, then the one that began last. */
export function groupAlerts(alerts: readonly Alert[]): AlertGroup[] {
  const groups = new Map<string, { name: string; severity: Severity; alerts: Alert[] }>();
  for (const alert of alerts) {
    const severity = severityOf(alert.labels);
    const key = JSON.stringify([severity.word, alert.name]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { name: alert.name, severity, alerts: [alert] });
    else known.alerts.push(alert);
  }
  const newest = (group: AlertGroup): number =>
    Math.max(...group.alerts.map(({ activeAtMs }) => activeAtMs));
  return [...groups.values()].sort(
    (a, b) =>
      a.severity.rank - b.severity.rank || newest(b) - newest(a) || (a.name < b.name ? -1 : 1),
  );
}

/** Since when an alert is in its state. */
export function sinceMs(alert: Alert): number {
  if (alert.state === "resolved") return alert.resolvedAtMs ?? alert.activeAtMs;
  return alert.state === "firing" ? (alert.firedAtMs ?? alert.activeAtMs) : alert.activeAtMs;
}

export const shownValue = (alert: Alert): string =>
  alert.value === null ? alert.valueText : formatCount(alert.value);

/** How long a pending alert still waits, in milliseconds; 0 when it is due. */
export function firesInMs(alert: Alert, rule: Rule | undefined, nowMs: number): number {
  return Math.max(0, alert.activeAtMs + (rule?.forSeconds ?? 0) * 1000 - nowMs);
}

const keywords = new Set([
  ..."and or unless on ignoring by without group_left group_right bool offset atan2".split(" "),
  ..."start end inf nan step range fill fill_left fill_right anchored smoothed".split(" "),
]);

/** The first metric of a query, for the jump to its chart; undefined when none is named. */
export function metricIn(query: string): string | undefined {
  const token =
    /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^}]*\}|\[[^\]]*\]|#[^\n]*|[a-zA-Z_:][\w:]*\s*\(?|\d[\w.]*|\S/g;
  let skipping = false;
  for (const [text] of query.matchAll(token)) {
    // The labels of `by (…)` are no metrics.
    if (skipping) {
      if (text === ")") skipping = false;
      continue;
    }
    if (!/^[a-zA-Z_:]/.test(text)) continue;
    const isCall = text.endsWith("(");
    const name = text.replace(/\s*\($/, "").trim();
    if (isCall && /^(by|without|on|ignoring|group_left|group_right)$/i.test(name)) skipping = true;
    if (!isCall && !keywords.has(name.toLowerCase()) && !isAggregation(name)) return name;
  }
  return undefined;
}

/** `sum by (a) (…)` has words between the name and its bracket. */
const isAggregation = (name: string): boolean =>
  /^(sum|avg|min|max|count|group|stddev|stdvar|topk|bottomk|quantile|count_values|limitk|limit_ratio)$/i.test(
    name,
  );

/** The lines that a query over logs looks at, as far as the Logs page can say it: equal labels, and the first text. */
export function linesIn(query: string): {
  readonly attr: readonly string[];
  readonly text?: string;
} {
  const quoted = String.raw`"(?:[^"\\]|\\.)*"|` + "`[^`]*`";
  const selector = new RegExp(`\\{((?:${quoted}|[^}"\`])*)\\}`).exec(query);
  const attr = [
    ...(selector?.[1] ?? "").matchAll(new RegExp(`([a-zA-Z_]\\w*)\\s*=\\s*(${quoted})`, "g")),
  ].map(([, name = "", value = ""]) => `any.${name}=${unquoted(value)}`);
  const after = query.slice((selector?.index ?? 0) + (selector?.[0].length ?? 0));
  const text = new RegExp(`^\\s*\\|=\\s*(${quoted})`).exec(after)?.[1];
  return text === undefined ? { attr } : { attr, text: unquoted(text) };
}

function unquoted(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

export interface RuleTrouble {
  readonly message: string;
  /** Where in the query it is, from 0; undefined when nobody said. */
  readonly offset?: number;
}

/** An error of a rule with its place in the query: `1:5: parse error: …`, `… (1:5)`, `… at character 12`. */
export function troubleOf(lastError: string, query: string): RuleTrouble {
  const front = /^(\d+):(\d+): /.exec(lastError);
  const back = /\s*\((\d+):(\d+)\)$/.exec(lastError);
  const found = front ?? back;
  const [line, column] = [Number(found?.[1] ?? Number.NaN), Number(found?.[2] ?? Number.NaN)];
  const message = lastError.replace(front?.[0] ?? "", "").replace(back?.[0] ?? "", "");
  const before = query.split("\n").slice(0, line - 1);
  const offset = before.reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  return found !== null && offset >= 0 && offset < query.length ? { message, offset } : { message };
}

/** What could be done about an evaluation that fails; undefined when there is no advice. */
export function wayOut(lastError: string): string | undefined {
  return advice.find(([pattern]) => pattern.test(lastError))?.[1];
}

const advice: readonly (readonly [RegExp, string])[] = [
  [
    /many-to-many|duplicate series|found duplicate/i,
    "Several series match one another: name more labels in on(…), or say which side has many with group_left.",
  ],
  [
    /same labelset/i,
    "Two results would get the same labels: keep the label that tells them apart, or aggregate.",
  ],
  [
    /timed out|timeout|query_timeout/i,
    "It takes too long: shorten the range, or record a part of it.",
  ],
  [
    /too many samples|query_limit|exceed/i,
    "It reads too much: narrow the selector, or record a part of it.",
  ],
  [/limit/i, "It gives more series or alerts than the group's limit allows."],
];
