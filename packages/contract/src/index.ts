/**
 * The types of Triptych's own HTTP API under `/api/triptych`: all that the web interface knows of the server.
 * Times in query strings and bodies are milliseconds since 1970 (numbers); instants that need nanoseconds are
 * decimal strings named `…Ns`; durations in nanoseconds are numbers named `durationNs` (exact below 104 days).
 * Lists of filters travel as repeated `attr` parameters, see `AttributeFilter`.
 */

import type { LogLevel } from "./log-level.ts";
import type { MetricSuggestions } from "./metric-suggestions.ts";
import type { LogPatterns, Suggestions } from "./search.ts";
import type { AnswerInfo } from "./answer-info.ts";
import type { Saturation } from "./saturation.ts";
import type { DependencyEdges, RedTable } from "./service-map.ts";
import type { CriticalPath, Differences, TraceComparison } from "./trace-intelligence.ts";

export type {
  Alert,
  AlertmanagerState,
  AlertsAnswer,
  AlertTimelineAnswer,
  Labels,
  Rule,
  RuleGroup,
  RuleLint,
  RulesAnswer,
} from "./alerts.ts";
export type { AnswerInfo } from "./answer-info.ts";
export type { Incident, SlowTrace } from "./incidents.ts";
export type { LogLevel } from "./log-level.ts";
export type { Saturation, SaturationMeasure, SaturationResource } from "./saturation.ts";
export type { MetricSuggestion, MetricSuggestions } from "./metric-suggestions.ts";
export type { LogPattern, LogPatterns, Suggestions } from "./search.ts";
export type {
  ConnectionType,
  DependencyEdge,
  DependencyEdges,
  EdgeDurations,
  RedSeries,
  RedTable,
} from "./service-map.ts";
export type { ScrapePool, ScrapeTarget, TargetHealth, TargetsAnswer } from "./targets.ts";
export type {
  ComparedRow,
  ComparedSide,
  ComparedTrace,
  CriticalPath,
  DifferenceScope,
  Differences,
  DifferentNumbers,
  DifferentValue,
  LeftOutKey,
  TraceComparison,
} from "./trace-intelligence.ts";

/** The body of every answer that is not 2xx. */
export interface ApiError {
  readonly error: {
    /** A code of the catalogue, e.g. `query_invalid`. */
    readonly code: string;
    readonly message: string;
    /** Character offset in the parameter or query that is wrong. */
    readonly offset?: number;
  };
}

/** Time range that every list takes: `from` inclusive, `to` exclusive, milliseconds. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * `attr=<scope>.<key><op><value>` with scope `resource`, `span`, `log` or `any`; op one of `=`, `!=`, `=~`, `!~`.
 * In the URL it is one percent-encoded string, e.g. `attr=span.card.issuer%3Dacme`.
 */
export interface AttributeFilter {
  readonly scope: "resource" | "span" | "log" | "any";
  readonly key: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** `[key, kind, value]`: the value as text, the kind as in OTLP's AnyValue. */
export type Attribute = readonly [key: string, kind: AttributeKind, value: string];
export type AttributeKind =
  | "string"
  | "boolean"
  | "int"
  | "double"
  | "bytes"
  | "array"
  | "map"
  | "empty";

// GET /services?from&to
export interface ServicesAnswer extends AnswerInfo {
  readonly services: readonly ServiceSummary[];
}
export interface ServiceSummary {
  readonly name: string;
  /** Spans of kind server or consumer, or roots: requests this service handled. */
  readonly requests: number;
  readonly errors: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
}

// GET /operations?from&to&service
export interface OperationsAnswer extends AnswerInfo {
  readonly operations: readonly { readonly name: string; readonly spans: number }[];
}

// GET /dependencies?from&to&service&limit
export interface DependenciesAnswer extends AnswerInfo, DependencyEdges {}

// GET /red?from&to&service&operation&by=service|operation&stepMs&limit
export interface RedAnswer extends AnswerInfo, RedTable {}

/** `/saturation`. Parameters: `service`, and the time range; `stepMs` optional. */
export interface SaturationAnswer extends AnswerInfo, Saturation {}

/**
 * GET /traces?from&to&service&operation&minDurationMs&maxDurationMs&status=error|ok&attr…&search&sort=time|duration&limit
 * Filters on span level: a trace is listed when one of its spans matches all of them.
 */
export interface TracesAnswer extends AnswerInfo {
  readonly traces: readonly TraceSummary[];
  /** Traces that match in the range, also those beyond `limit`. */
  readonly total: number;
}
export interface TraceSummary {
  readonly traceId: string;
  /** Of the earliest span when the root has not arrived. */
  readonly rootService: string;
  readonly rootName: string;
  /** Whether no span without a parent has arrived. */
  readonly rootMissing: boolean;
  readonly startNs: string;
  readonly durationNs: number;
  readonly spans: number;
  readonly errors: number;
  /** First status message of a failed span, if any. */
  readonly errorMessage: string;
  /** Time not covered by child spans, per service, largest first; at most eight. */
  readonly selfTime: readonly { readonly service: string; readonly selfNs: number }[];
}

/** GET /traces/heat?(filters as /traces)&columns: counts of matching traces by start time and duration. */
export interface TraceHeatAnswer extends AnswerInfo {
  readonly from: number;
  readonly stepMs: number;
  /** Ascending lower bounds of the duration rows, nanoseconds; the last row is open-ended. */
  readonly boundsNs: readonly number[];
  /** `cells[column]` is a list of `[row, count, errors]`, empty cells left out. */
  readonly cells: readonly (readonly (readonly [row: number, count: number, errors: number])[])[];
}

/**
 * GET or POST /traces/difference?(filters as /traces)&…: what sets the spans or traces inside a selection apart from
 * the other matching ones. All that is given must hold for the inside:
 * `boxFrom`, `boxTo`, `boxMinMs`, `boxMaxMs`: a box of start times and durations;
 * `pickService`, `pickOperation`, `pickStatus=error|ok`, `pickMinDurationMs`, `pickMaxDurationMs`, `pickAttr…`;
 * `pickQuantile=0.95`: those slower than this share of all;
 * `traceId…`, `spanId…`: a list; in the JSON body of a POST, which takes all parameters, up to 10,000.
 * `unit=spans|traces` is what is counted: traces for boxes and lists of traces, else spans.
 * `baseFrom`, `baseTo`: the outside is what matches in this range, instead of the rest of `from` to `to`.
 */
export interface DifferenceAnswer extends AnswerInfo, Differences {}

/**
 * GET /traces/{id}/compare?with={id}|usual&from&to: a trace beside another one, or beside those of its root operation
 * in the range; the range is the day before the trace when absent.
 */
export interface TraceComparisonAnswer extends AnswerInfo, TraceComparison {}

// GET /traces/{id}/critical-path
export interface CriticalPathAnswer extends AnswerInfo, CriticalPath {}

/**
 * GET /traces/{id}?skew=off: spans of hosts whose clocks disagree are shown shifted, each with its `skewNs`; `skew=off`
 * gives the times as they were sent. What is stored never changes.
 */
export interface TraceAnswer extends AnswerInfo {
  readonly traceId: string;
  readonly startNs: string;
  readonly durationNs: number;
  readonly resources: readonly {
    readonly service: string;
    readonly attributes: readonly Attribute[];
  }[];
  readonly scopes: readonly { readonly name: string; readonly version: string }[];
  /** Whether no span without a parent has arrived. */
  readonly rootMissing: boolean;
  /** Sorted by the start time that was sent. */
  readonly spans: readonly Span[];
}
/**
 * `GET /traces/:id?details=small` for a trace of many spans: only what its waterfall draws, as columns. Item `i` of each
 * column is span `i`, in the order of `TraceAnswer.spans`. Attributes, events and links of a span are read by
 * `GET /traces/:id/spans/:spanId`, a `TraceAnswer` of the spans with that id alone, whose times are as they were sent.
 */
export interface TraceOutline extends AnswerInfo {
  readonly traceId: string;
  readonly startNs: string;
  readonly durationNs: number;
  readonly rootMissing: boolean;
  readonly services: readonly string[];
  readonly names: readonly string[];
  readonly columns: {
    readonly spanId: readonly string[];
    /** Position of the span's parent; -1 for a root and for spans listed in `orphans`. */
    readonly parent: readonly number[];
    /** Positions in `names` and `services`. */
    readonly name: readonly number[];
    readonly service: readonly number[];
    /** One digit a span: the position in `spanKinds` and `spanStatuses`. */
    readonly kind: string;
    readonly status: string;
    readonly offsetNs: readonly number[];
    readonly durationNs: readonly number[];
  };
  /** What few spans have, by position. An orphan names a parent that is not here. */
  readonly orphans: readonly (readonly [span: number, parentSpanId: string])[];
  readonly statusMessages: readonly (readonly [span: number, message: string])[];
  readonly skewNs: readonly (readonly [span: number, ns: number])[];
  readonly dropped: readonly (readonly [span: number, counts: NonNullable<Span["dropped"]>])[];
}
/** By the digits of an outline. */
export const spanKinds = [
  "unspecified",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
] as const;
export const spanStatuses = ["unset", "ok", "error"] as const;

/** `GET /traces/:id/find?text=`: spans with an attribute or an event that contains the text, whatever its case. */
export interface FoundSpans extends AnswerInfo {
  readonly spanIds: readonly string[];
}

export interface Span {
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly kind: "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
  readonly status: "unset" | "ok" | "error";
  readonly statusMessage: string;
  /** Nanoseconds after the trace's `startNs`. */
  readonly offsetNs: number;
  readonly durationNs: number;
  /** What was added to the times of this span and its events because clocks disagree; absent when nothing was. */
  readonly skewNs?: number;
  readonly attributes: readonly Attribute[];
  readonly resource: number;
  readonly scope: number;
  readonly events: readonly {
    readonly name: string;
    readonly offsetNs: number;
    readonly attributes: readonly Attribute[];
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: readonly Attribute[];
  }[];
  /** How many the sender left out, or we did because of a limit; absent when there are none. */
  readonly dropped?: {
    readonly attributes: number;
    readonly events: number;
    readonly links: number;
  };
}

/** GET /traces/usual?service&operation&from&to: how long this operation usually takes. */
export interface UsualAnswer extends AnswerInfo {
  readonly spans: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  /** Ascending lower bounds and their counts. */
  readonly boundsNs: readonly number[];
  readonly counts: readonly number[];
}

/**
 * GET /logs?from&to&service…&level…&text&traceId&spanId&attr…&search&pattern…&notPattern…&limit&order=newest|oldest&cursor
 * `service`, `level`, `pattern` and `notPattern` may repeat. `text` is a case-insensitive substring of the line,
 * `search` is in the manner of Kibana's query language, `pattern` a template as /logs/patterns gives them.
 */
export interface LogsAnswer extends AnswerInfo {
  readonly lines: readonly LogLine[];
  /** Pass as `cursor` for the next page; absent at the end. */
  readonly cursor?: string;
}
export interface LogLine {
  /** Unique within the store and stable: for keys and permalinks. */
  readonly id: string;
  readonly timeNs: string;
  readonly level: LogLevel;
  readonly severityText: string;
  readonly service: string;
  readonly body: string;
  /** "" when the line has none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: readonly Attribute[];
  readonly resource: readonly Attribute[];
  readonly scope: string;
}

/** GET /logs/levels?(filters as /logs)&columns: counts per time step and level. */
export interface LogLevelsAnswer extends AnswerInfo {
  readonly from: number;
  readonly stepMs: number;
  readonly total: number;
  /** Each list has one count per column; levels that never occur are left out. */
  readonly levels: { readonly [level in LogLevel]?: readonly number[] };
  readonly byService: readonly {
    readonly service: string;
    readonly lines: number;
    readonly errors: number;
  }[];
}

/**
 * GET /logs/tail?(filters as /logs without from, to, order): server-sent events. `event: lines` carries
 * `LogLine[]` oldest first, `event: mark` a string (e.g. lines skipped because they came too fast).
 */
export type LogTailLines = readonly LogLine[];

/** GET /logs/patterns?(filters as /logs)&columns&limit */
export interface LogPatternsAnswer extends AnswerInfo, LogPatterns {}

/** GET /logs/suggest?search&at&from&to and GET /traces/suggest?…: `at` is the cursor, characters into `search`. */
export interface SearchSuggestions extends AnswerInfo, Suggestions {}

/**
 * GET /metrics/suggestions?query&at&start&end: `at` is the cursor, characters into `query`, its end when absent. Times are
 * those of Prometheus' API, seconds since 1970 or RFC 3339; the last hour when absent.
 */
export interface MetricSuggestionsAnswer extends AnswerInfo, MetricSuggestions {}

/** GET /metrics?from&to&search: metric families seen in the range. */
export interface MetricsAnswer extends AnswerInfo {
  readonly metrics: readonly MetricFamily[];
}
export interface MetricFamily {
  readonly name: string;
  readonly type:
    | "counter"
    | "gauge"
    | "histogram"
    | "gaugehistogram"
    | "summary"
    | "info"
    | "stateset"
    | "unknown";
  readonly unit: string;
  readonly help: string;
  readonly series: number;
}

/** GET /metrics/labels?name&from&to: label names of a family with their values, most values first. */
export interface MetricLabelsAnswer extends AnswerInfo {
  readonly labels: readonly {
    readonly name: string;
    readonly values: readonly { readonly value: string; readonly series: number }[];
    /** Distinct values, also those beyond the listed 100. */
    readonly distinct: number;
  }[];
}

/**
 * GET /metrics/chart?name&from&to&points&by…&match…&view
 * `view`: `auto` (rate for counters, p95 for histograms, average for gauges), `value`, `rate`, `p50`, `p95`, `p99`, `count`.
 * `match` is `label<op>value` with the four ops; `by` may repeat. At most 50 series, largest last value first.
 */
export interface MetricChartAnswer extends AnswerInfo {
  readonly view: "value" | "rate" | "p50" | "p95" | "p99" | "count";
  readonly unit: string;
  readonly from: number;
  readonly stepMs: number;
  readonly series: readonly {
    readonly labels: { readonly [name: string]: string };
    /** One value per step; null where there is no data. */
    readonly values: readonly (number | null)[];
  }[];
  /** Series that match, also those beyond the 50 shown. */
  readonly seriesTotal: number;
  readonly exemplars: readonly {
    readonly timeMs: number;
    readonly value: number;
    readonly traceId: string;
    readonly labels: { readonly [name: string]: string };
  }[];
}

/**
 * GET /metrics/cardinality?from&to&limit: what the series cost. Series are known by the day, so the range counts as the
 * days it touches; samples are those of the range's last hour, `churn` is exact.
 */
export interface CardinalityAnswer extends AnswerInfo {
  readonly series: number;
  /** Metric names, label names, and distinct pairs of label and value (about). */
  readonly names: number;
  readonly labels: number;
  readonly pairs: number;
  /** Most series first. */
  readonly byName: readonly {
    readonly name: string;
    readonly series: number;
    /** In the range's last hour; 0 also for names that are not among the `limit` with the most samples. */
    readonly samples: number;
    readonly newSeries: number;
  }[];
  /** Most distinct values first. */
  readonly byLabel: readonly {
    readonly name: string;
    readonly values: number;
    readonly series: number;
  }[];
  /** Most series first. */
  readonly byPair: readonly {
    readonly label: string;
    readonly value: string;
    readonly series: number;
  }[];
  /** Series that were not there on the day before. */
  readonly churn: {
    readonly from: number;
    readonly stepMs: number;
    readonly counts: readonly number[];
    readonly total: number;
  };
  /** What the tables of metrics take on disk, exactly. */
  readonly tables: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly rows: number;
  }[];
}

/** GET /status: the health of Triptych itself, for the mark in the top bar and the status page. */
export interface StatusAnswer {
  readonly version: string;
  readonly startedAt: string;
  readonly ready: boolean;
  /** Seconds between acknowledgement and visibility of the newest data. */
  readonly lagSeconds: number;
  readonly residentBytes: number;
  readonly store: { readonly kind: "embedded" | "remote"; readonly bytes: number };
  readonly journal: {
    readonly pendingRecords: number;
    readonly pendingBytes: number;
    readonly bytesMax: number;
    readonly quarantinedRecords: number;
  };
  readonly received: { readonly spans: number; readonly lines: number; readonly samples: number };
  /** Addresses where data can be sent, for empty states: e.g. `http://127.0.0.1:4318`. */
  readonly addresses: {
    readonly otlpHttp: string;
    readonly otlpGrpc: string;
    readonly http: string;
  };
  /** What is wrong right now; empty when all is well. */
  readonly problems: readonly {
    readonly code: string;
    readonly message: string;
    readonly since: string;
  }[];
}
