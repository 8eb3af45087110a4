/** One alert: what it says, where it leads, its labels, and the rule behind it. */
import type { Alert, Rule } from "@triptych/contract";
import { CloseDetails } from "../../components/close-details.tsx";
import { useCopy } from "../../components/floats.tsx";
import { Icon, StateMark } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { safeHref } from "../../components/safe-href.ts";
import { dateTimeText, spanText } from "../../state/clock-text.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { writeRange } from "../../state/time-range.ts";
import {
  firesInMs,
  linesIn,
  markOf,
  metricIn,
  runbookOf,
  serviceOf,
  shownValue,
  sinceMs,
  summaryOf,
} from "./alert-words.ts";
import { RuleFacts } from "./rule-facts.tsx";

/** What led to an alert lies before it. */
const leadMs = 15 * 60_000;

export function AlertDetails(props: {
  /** Undefined when it is over. */
  readonly alert: Alert | undefined;
  readonly rule: Rule | undefined;
  readonly close: () => void;
}) {
  const { alert, rule } = props;
  const close = <CloseDetails close={props.close} />;
  if (alert === undefined)
    return (
      <header>
        <div className="row">
          <h2 className="grow">This alert is over</h2>
          {close}
        </div>
        <p className="muted">It is neither firing nor pending any more.</p>
      </header>
    );
  const mark = markOf(alert);
  const nowMs = Date.now();
  return (
    <>
      <header>
        <div className="row">
          <h2 className="grow">{alert.name}</h2>
          {close}
        </div>
        <div className="row wrap">
          <StateMark state={mark.state} word={mark.word} />
          <span className="muted">
            {alert.state === "resolved" ? "over" : alert.state} for{" "}
            {spanText(nowMs - sinceMs(alert))}
            {alert.state === "pending" &&
              `, fires in ${spanText(firesInMs(alert, rule, nowMs))} if it goes on`}
          </span>
        </div>
        {alert.keptSinceMs !== undefined && (
          <p className="muted">
            Its condition is over for {spanText(nowMs - alert.keptSinceMs)}; the rule keeps it
            firing.
          </p>
        )}
        <p className="wrapany">{summaryOf(alert)}</p>
      </header>
      <AlertJumps alert={alert} rule={rule} />
      <Times alert={alert} />
      <Annotations alert={alert} />
      <h3 className="gh">Labels</h3>
      <dl className="kv">
        {Object.entries(alert.labels).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {rule !== undefined && (
        <>
          <h3 className="gh">The rule behind it</h3>
          <RuleFacts rule={rule} />
        </>
      )}
    </>
  );
}

function AlertJumps(props: { readonly alert: Alert; readonly rule: Rule | undefined }) {
  const { alert, rule } = props;
  const service = serviceOf(alert.labels);
  const isLogs = rule?.language === "logql";
  const metric = isLogs ? undefined : metricIn(rule?.query ?? "");
  const runbook = safeHref(runbookOf(alert.annotations) ?? "");
  const copy = useCopy();
  const around = writeRange({
    kind: "absolute",
    from: alert.activeAtMs - leadMs,
    to: Math.max(alert.activeAtMs + leadMs, alert.resolvedAtMs ?? Date.now()),
  });
  return (
    <div className="row wrap jumps">
      {runbook !== undefined && (
        <a className="btn primary" href={runbook} target="_blank" rel="noreferrer noopener">
          <Icon name="share" />
          Runbook
        </a>
      )}
      {service !== undefined && (
        <>
          <PageLink
            to={`/services/${encodeURIComponent(service)}`}
            params={around}
            className={runbook === undefined ? "btn primary" : "btn"}
          >
            {service}
          </PageLink>
          <PageLink to="/traces" params={{ service, ...around }} className="btn">
            Traces
          </PageLink>
          <PageLink to="/logs" params={{ service, ...around }} className="btn">
            Logs
          </PageLink>
        </>
      )}
      {isLogs && (
        <PageLink to="/logs" params={{ ...linesIn(rule.query), ...around }} className="btn">
          Lines it counts
        </PageLink>
      )}
      {metric !== undefined && (
        <PageLink to="/metrics" params={{ name: metric, ...around }} className="btn">
          Metrics
        </PageLink>
      )}
      {rule !== undefined && (
        <button type="button" className="btn ghost" onClick={() => copy(rule.query, "the query")}>
          Copy query
        </button>
      )}
    </div>
  );
}

function Times(props: { readonly alert: Alert }) {
  const { alert } = props;
  const [zone] = usePreference("zone", zones);
  const times = [
    ["Value", shownValue(alert)],
    ["Active since", dateTimeText(alert.activeAtMs, zone)],
    ...(alert.firedAtMs === undefined
      ? []
      : [["Fires since", dateTimeText(alert.firedAtMs, zone)] as const]),
    ...(alert.resolvedAtMs === undefined
      ? []
      : [["Over since", dateTimeText(alert.resolvedAtMs, zone)] as const]),
  ] as const;
  return (
    <dl className="pairs pad facts-of">
      {times.map(([name, value]) => (
        <div key={name} className="disk">
          <dt>{name}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Annotations(props: { readonly alert: Alert }) {
  const entries = Object.entries(props.alert.annotations);
  if (entries.length === 0) return null;
  return (
    <>
      <h3 className="gh">What it says</h3>
      <dl className="kv">
        {entries.map(([name, value]) => {
          const href = safeHref(value);
          return (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {href === undefined ? (
                  value
                ) : (
                  <a className="link" href={href} target="_blank" rel="noreferrer noopener">
                    {value}
                  </a>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </>
  );
}
