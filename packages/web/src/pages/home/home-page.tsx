/** Home: what is wrong now, how the services do, and what needs a person. */
import type { AlertsAnswer, Incident } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { formatDuration, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Badge, StateMark } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { Teach } from "../../components/teach.tsx";
import { spanText } from "../../state/clock-text.ts";
import { severityOf, sinceMs, summaryOf } from "../alerts/alert-words.ts";
import { ServiceFinding } from "../services/service-finding.tsx";
import { countsOf } from "../services/service-health.ts";
import { ServiceTable } from "../services/service-table.tsx";
import { type Services, useServices } from "../services/use-services.ts";
import { firingAlerts, homeFinding } from "./home-finding.ts";
import { ServiceCharts } from "./service-charts.tsx";

const everyMs = 10_000;
const alertsShown = 6;

export function HomePage() {
  const services = useServices();
  const incidents = useAnswer<readonly Incident[]>("/incidents", {}, { everyMs });
  const alerts = useAnswer<AlertsAnswer>("/alerts", {}, { everyMs });
  const { answer, rows } = services;
  const firing = firingAlerts(alerts.data?.alerts ?? []);
  const open = (incidents.data ?? []).filter(({ resolved_at }) => resolved_at === undefined);
  if (rows?.length === 0 && !answer.stale && firing.length === 0 && open.length === 0)
    return <Teach signal="traces" />;
  return (
    <>
      <PageHead
        title="Home"
        info={answer.data}
        stale={answer.stale}
        finding={
          rows === undefined ? (
            answer.failure ? (
              <>The services could not be read.</>
            ) : undefined
          ) : (
            <Finding services={services} incidents={open} alerts={alerts.data} />
          )
        }
      >
        {open.length > 0 && <span>{plural(open.length, "open incident")}</span>}
        {alerts.data !== undefined && alerts.data.counts.firing > 0 && (
          <span>{plural(alerts.data.counts.firing, "alert")} firing</span>
        )}
        {rows !== undefined && countsOf(rows).map((words) => <span key={words}>{words}</span>)}
        {services.hasUsual && (
          <span className="faint">compared with the {spanText(services.usualMs)} before</span>
        )}
      </PageHead>
      {rows !== undefined && <ServiceCharts rows={rows} red={services.red} />}
      <div className="split side">
        <section aria-labelledby="home-services">
          <div className="bar">
            <h2 id="home-services">Services</h2>
            <span className="muted">{rows?.length ?? ""}</span>
            <span className="grow" />
            <PageLink to="/services" params={{ view: "map" }} className="link">
              Map
            </PageLink>
          </div>
          <Answered answer={answer} what="services" skeleton={<BoneRows rows={8} height={44} />}>
            {() => <ServiceTable rows={rows ?? []} seconds={services.seconds} />}
          </Answered>
        </section>
        <aside className="drawer" aria-label="What needs you">
          <Incidents open={open} />
          <section>
            <div className="row">
              <h2 className="grow">Alerts firing</h2>
              <PageLink to="/alerts" className="link">
                All alerts
              </PageLink>
            </div>
            <Answered answer={alerts} what="alerts" skeleton={<BoneRows rows={3} height={28} />}>
              {() => <Firing alerts={firing} />}
            </Answered>
          </section>
        </aside>
      </div>
    </>
  );
}

function Finding(props: {
  readonly services: Services;
  readonly incidents: readonly Incident[];
  readonly alerts: AlertsAnswer | undefined;
}) {
  const { services } = props;
  const rows = services.rows ?? [];
  const alerts = props.alerts?.alerts ?? [];
  const found = homeFinding({ incidents: props.incidents, alerts, rows });
  switch (found.kind) {
    case "incident": {
      const { incident } = found;
      return (
        <>
          <PageLink to={`/incidents/${incident.id}`}>{incident.service}</PageLink> p95 reached{" "}
          <em>{formatDuration(incident.latency_p95_peak * 1e9)}</em>, above{" "}
          {formatDuration(incident.threshold * 1e9, "axis")}, for{" "}
          {spanText(Date.now() - Date.parse(incident.detected_at))}.
        </>
      );
    }
    case "alert": {
      const { alert } = found;
      return (
        <>
          <PageLink to="/alerts" params={{ open: alert.id }}>
            {alert.name}
          </PageLink>{" "}
          <em className={severityOf(alert.labels).state === "critical" ? "" : "w"}>fires</em> for{" "}
          {spanText(Date.now() - sinceMs(alert))}: {summaryOf(alert)}.
        </>
      );
    }
    case "service":
    case "calm":
      return <ServiceFinding rows={rows} seconds={services.seconds} />;
  }
}

function Incidents(props: { readonly open: readonly Incident[] }) {
  return (
    <section>
      <div className="row">
        <h2 className="grow">Incidents</h2>
        <PageLink to="/incidents" className="link">
          All incidents
        </PageLink>
      </div>
      {props.open.length === 0 && <p className="muted">None is open.</p>}
      {props.open.map((incident) => (
        <div key={incident.id} className="needs">
          <div className="row">
            <Badge state="critical">Open</Badge>
            <span className="mono muted grow">{incident.id}</span>
            <span className="muted small">
              for {spanText(Date.now() - Date.parse(incident.detected_at))}
            </span>
          </div>
          <PageLink to={`/incidents/${incident.id}`} className="strong">
            {incident.service}: p95 reached {formatDuration(incident.latency_p95_peak * 1e9)}
          </PageLink>
          <div className="row wrap">
            <PageLink to={`/incidents/${incident.id}`} className="btn primary">
              Open incident
            </PageLink>
            {incident.slow_traces[0] !== undefined && (
              <PageLink to={`/traces/${incident.slow_traces[0].trace_id}`} className="btn">
                A slow trace
              </PageLink>
            )}
          </div>
        </div>
      ))}
    </section>
  );
}

function Firing(props: { readonly alerts: ReturnType<typeof firingAlerts> }) {
  if (props.alerts.length === 0) return <p className="muted">None.</p>;
  return (
    <ul className="firing-list">
      {props.alerts.slice(0, alertsShown).map((alert) => {
        const severity = severityOf(alert.labels);
        return (
          <li key={alert.id}>
            <span className="row">
              <StateMark state={severity.state} word={severity.word} quiet />
              <PageLink to="/alerts" params={{ open: alert.id }} className="ell grow">
                {alert.name}
              </PageLink>
              <span className="muted small">{spanText(Date.now() - sinceMs(alert))}</span>
            </span>
            <span className="muted small ell">{summaryOf(alert)}</span>
          </li>
        );
      })}
      {props.alerts.length > alertsShown && (
        <li>
          <PageLink to="/alerts" className="link">
            {props.alerts.length - alertsShown} more
          </PageLink>
        </li>
      )}
    </ul>
  );
}
