/** Answers about alerts, the rules behind them, and those who are told. */
import type { AnswerInfo } from "./answer-info.ts";

export interface Labels {
  readonly [name: string]: string;
}

export interface Alert {
  /** Stays the same while the alert is active, and when it comes back. */
  readonly id: string;
  readonly name: string;
  /** `resolved`: over since a few minutes, and still told to Alertmanagers. */
  readonly state: "firing" | "pending" | "resolved";
  /** With `alertname`. */
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Null when it is no finite number; `valueText` has it always. */
  readonly value: number | null;
  readonly valueText: string;
  /** Milliseconds since 1970, here and below. */
  readonly activeAtMs: number;
  readonly firedAtMs?: number;
  readonly resolvedAtMs?: number;
  /** Since when it fires only because of `keep_firing_for`. */
  readonly keptSinceMs?: number;
  /** The `id` of its rule. */
  readonly rule: string;
}

export interface RuleLint {
  readonly name: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface Rule {
  readonly id: string;
  readonly kind: "record" | "alert";
  /** What the query is written in: over metrics, or over logs. */
  readonly language: "promql" | "logql";
  /** Of the alert, or of the series that is recorded. */
  readonly name: string;
  readonly group: string;
  readonly file: string;
  readonly query: string;
  readonly labels: Labels;
  /** Templates, as they stand in the file. */
  readonly annotations: Labels;
  readonly forSeconds: number;
  readonly keepFiringForSeconds: number;
  readonly intervalSeconds: number;
  readonly health: "unknown" | "ok" | "err";
  /** "" when the last evaluation went well. */
  readonly lastError: string;
  readonly evaluationSeconds: number;
  /** 0 before the first. */
  readonly lastEvaluationMs: number;
  readonly firing: number;
  readonly pending: number;
  readonly lints: readonly RuleLint[];
}

/** One Alertmanager that alerts are sent to. The counts are since the process started. */
export interface AlertmanagerState {
  readonly url: string;
  readonly sent: number;
  readonly failed: number;
  readonly waiting: number;
  /** What went wrong last, "" when the last attempt went well or there was none. */
  readonly lastError: string;
  /** When an attempt last went well; 0 before the first. */
  readonly lastSentMs: number;
}

// GET /alerts
export interface AlertsAnswer extends AnswerInfo {
  /** Firing ones first, then pending, then resolved; the newest of each first. */
  readonly alerts: readonly Alert[];
  /** Those beyond the listed ones are counted, too. */
  readonly counts: {
    readonly firing: number;
    readonly pending: number;
    readonly resolved: number;
  };
  /** The rules behind the alerts that are listed. */
  readonly rules: readonly Rule[];
  readonly ruleCounts: {
    readonly alerting: number;
    readonly recording: number;
    readonly failing: number;
  };
  readonly alertmanagers: readonly AlertmanagerState[];
}

/** GET /alerts/timeline?from&to&name&limit: when alerts were pending and firing, from the `ALERTS` series. */
export interface AlertTimelineAnswer extends AnswerInfo {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
  /** The longest firing first. */
  readonly rows: readonly {
    readonly name: string;
    /** Without `alertname` and `alertstate`. */
    readonly labels: Labels;
    /** In order of time; none overlap. */
    readonly pieces: readonly {
      readonly state: "pending" | "firing";
      readonly from: number;
      readonly to: number;
    }[];
  }[];
  /** Alerts in the range, also those beyond `limit`. */
  readonly total: number;
}

export interface RuleGroup {
  readonly file: string;
  readonly name: string;
  readonly intervalSeconds: number;
  /** 0: none. */
  readonly limit: number;
  /** 0 before the first. */
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
  readonly rules: readonly Rule[];
}

/** GET /rules: all groups, by file and name. */
export interface RulesAnswer extends AnswerInfo {
  readonly groups: readonly RuleGroup[];
}
