/**
 * What the API shows of parts that may be there or not: rules, targets, configuration, notifications. Each view gives
 * the `data` of an answer; without it the answer is the empty form.
 */

export interface RulesView {
  /** `{ groups: […] }`; `params` are those of the request. Throws `query_invalid` when one of them is wrong. */
  rules(params: URLSearchParams): unknown;
  /** `{ alerts: […] }`. */
  alerts(): unknown;
  /** `{ activeAlertmanagers: […], droppedAlertmanagers: […] }`. */
  alertmanagers(): unknown;
}

export interface TargetMetadata {
  readonly target: { readonly [name: string]: string };
  readonly metric?: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

export interface TargetsView {
  /** `{ activeTargets: […], droppedTargets: […], droppedTargetCounts: {…} }`. */
  targets(params: URLSearchParams): unknown;
  /** `[{ target, metric, type, help, unit }]`; without `metric` where the parameter names one. */
  metadata(params: URLSearchParams): readonly TargetMetadata[];
  /** `{ scrapePools: […] }`. */
  scrapePools(): unknown;
  /** `{ yaml }` of the pool that `scrapePool` names. Throws `query_invalid` when there is none. */
  scrapePoolConfig?: ((params: URLSearchParams) => unknown) | undefined;
  /** `{ steps: […] }`: what each rule makes of the given labels. Throws as above. */
  relabelSteps?: ((params: URLSearchParams) => unknown) | undefined;
}

export interface StatusView {
  /** The loaded configuration as YAML, with secrets as `<secret>`. */
  configText(): string;
  /** Flags as Prometheus names them. */
  flags(): Readonly<Record<string, string>>;
  readonly startedMs: number;
  /** When a configuration was last read, and whether that went well. */
  reload(): { readonly ok: boolean; readonly atMs: number };
  /** Such as `15d` or `90d or 10GiB`. */
  retention(): string;
  readonly memoryBytesMax: number;
  /** What `/metrics` shows. */
  readonly metrics?: (() => string) | undefined;
}

export interface Notification {
  readonly text: string;
  /** ISO 8601. */
  readonly date: string;
  readonly active: boolean;
}

export interface NotificationsView {
  /** Those that are active now. */
  list(): readonly Notification[];
  /** Told of each that begins or ends from now on; the returned function ends that. */
  subscribe(tell: (notification: Notification) => void): () => void;
}

export interface AdminView {
  /** As `--web.enable-admin-api` of Prometheus. */
  readonly enabled: boolean;
  /** Resolves when all that was acknowledged until now is in the store: what is deleted must not come back. */
  readonly settled?: (() => Promise<void>) | undefined;
  /** From now on labels are written with the first sample of each series again: deleted series are listed no more. */
  readonly writeLabelsAgain?: (() => void) | undefined;
  /** Told of what was deleted, so that samples in memory go, too. */
  readonly forget?:
    | ((ids: readonly bigint[], range: { readonly fromMs: number; readonly toMs: number }) => void)
    | undefined;
}

export interface LifecycleView {
  /** What is missing until questions can be answered; `undefined` when nothing is. */
  notReady(): string | undefined;
  /** Reads the configuration again; absent when that is not allowed over HTTP. */
  readonly reload?: (() => Promise<void>) | undefined;
}

export interface PrometheusViews {
  readonly rules?: RulesView | undefined;
  readonly targets?: TargetsView | undefined;
  readonly status?: StatusView | undefined;
  readonly notifications?: NotificationsView | undefined;
  readonly admin?: AdminView | undefined;
  readonly lifecycle?: LifecycleView | undefined;
}
