/** Incidents: what is open now, what was. */
import type { Incident } from "@triptych/contract";
import { useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Badge } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { dateTimeText, spanText } from "../../state/clock-text.ts";
import { useGo } from "../../state/go.ts";
import { useListKeys } from "../../state/keyboard.tsx";
import { usePreference, zones } from "../../state/preferences.ts";
import { useRange } from "../../state/range-context.tsx";
import { incidentSpan } from "./incident-span.ts";

const everyMs = 10_000;

export function IncidentsPage() {
  const { nowMs } = useRange();
  const incidents = useAnswer<readonly Incident[]>("/incidents", {}, { everyMs });
  const go = useGo();
  const [index, setIndex] = useState(-1);
  const list = incidents.data ?? [];
  const open = list.filter((incident) => incident.resolved_at === undefined);
  useListKeys({
    count: list.length,
    index,
    select: setIndex,
    open: (at) => go(`/incidents/${list[at]?.id ?? ""}`),
  });
  return (
    <>
      <PageHead
        title="Incidents"
        finding={
          incidents.data === undefined ? (
            incidents.failure ? (
              <>Incidents could not be read.</>
            ) : undefined
          ) : (
            <Finding open={open} all={list.length} nowMs={Math.max(nowMs, Date.now())} />
          )
        }
      >
        {incidents.data !== undefined && <span>{plural(list.length, "incident")} in all</span>}
      </PageHead>
      <Answered
        answer={incidents}
        what="incidents"
        className="sect"
        skeleton={<BoneRows rows={6} height={44} />}
      >
        {(data) =>
          data.length === 0 ? (
            <div className="pad nothing">
              <p>Nothing has gone wrong since this store was opened.</p>
              <p className="muted">
                An incident opens by itself when the p95 of a service stays above its threshold, and
                closes when it recovers. This page follows by itself.
              </p>
              <div className="row wrap">
                <PageLink to="/traces" className="btn">
                  Look at traces
                </PageLink>
              </div>
            </div>
          ) : (
            <IncidentTable list={data} index={index} />
          )
        }
      </Answered>
    </>
  );
}

function Finding(props: {
  readonly open: readonly Incident[];
  readonly all: number;
  readonly nowMs: number;
}) {
  const [first] = props.open;
  if (first === undefined) return props.all === 0 ? <>No incidents.</> : <>No incident is open.</>;
  if (props.open.length > 1) {
    return (
      <>
        <em>{plural(props.open.length, "incident")}</em> are open; the newest is {first.service},
        since {spanText(props.nowMs - Date.parse(first.detected_at))}.
      </>
    );
  }
  return (
    <>
      {first.service} p95 reached <em>{formatDuration(first.latency_p95_peak * 1e9)}</em>, above{" "}
      {formatDuration(first.threshold * 1e9, "axis")} for{" "}
      {spanText(props.nowMs - Date.parse(first.detected_at))}.
    </>
  );
}

function IncidentTable(props: { readonly list: readonly Incident[]; readonly index: number }) {
  const [zone] = usePreference("zone", zones);
  const go = useGo();
  return (
    <div className="scrollx">
      <table className="inc">
        <caption className="vh">Incidents, newest first</caption>
        <thead>
          <tr>
            <th>Incident</th>
            <th>State</th>
            <th>Service</th>
            <th className="num">p95 peak</th>
            <th className="num c-1">Threshold</th>
            <th className="num c-1">Requests</th>
            <th className="num c-1">Errors</th>
            <th className="c-1">Detected</th>
            <th className="num">Lasted</th>
          </tr>
        </thead>
        <tbody>
          {props.list.map((incident, i) => {
            const span = incidentSpan(incident, Date.now());
            return (
              <tr
                key={incident.id}
                aria-selected={i === props.index}
                onClick={() => go(`/incidents/${incident.id}`)}
              >
                <td className="mono">
                  <PageLink to={`/incidents/${incident.id}`} className="link">
                    {incident.id}
                  </PageLink>{" "}
                  <span className="muted words">{incident.type}</span>
                </td>
                <td>
                  {incident.resolved_at === undefined ? (
                    <Badge state="critical">Open</Badge>
                  ) : (
                    <Badge state="ok">Resolved</Badge>
                  )}
                </td>
                <td>
                  <ServiceName name={incident.service} />
                </td>
                <td className="num mono">{formatDuration(incident.latency_p95_peak * 1e9)}</td>
                <td className="num mono c-1 muted">{formatDuration(incident.threshold * 1e9)}</td>
                <td className="num mono c-1">{formatCount(incident.requests)}</td>
                <td className="num mono c-1">{formatCount(incident.errors)}</td>
                <td className="mono muted c-1">{dateTimeText(span.from, zone)}</td>
                <td className="num">{spanText(span.to - span.from)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
