/** One incident: what, since when, how bad; the picture of durations against its threshold; slow traces; logs; timeline. */
import type { DifferenceAnswer, Incident, TraceHeatAnswer } from "@triptych/contract";
import { useParams as useRouteParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import {
  formatCount,
  formatDuration,
  formatShare,
  plural,
  threeDigits,
} from "../../charts/format.ts";
import { HeatMap } from "../../charts/heat-map.tsx";
import { Answered, BoneChart, BoneRows } from "../../components/answered.tsx";
import { useCopy } from "../../components/floats.tsx";
import { Badge, Icon, type State, StateMark } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { clockText, dateTimeText, spanText } from "../../state/clock-text.ts";
import { scopedKey } from "../../state/filters.ts";
import { useGo } from "../../state/go.ts";
import { useListKeys } from "../../state/keyboard.tsx";
import type { ParamsChange } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { writeRange } from "../../state/time-range.ts";
import { isTelling } from "../traces/slow-part.ts";
import { incidentSpan, incidentView } from "./incident-span.ts";

const everyMs = 10_000;
const heatColumns = innerWidth > 760 ? 80 : 44;
const heatHeight = 230;
const endlessMs = 86_400_000;
/** The picture of an open incident moves on in these steps, not with every answer. */
const pictureStepMs = 15_000;

export function IncidentPage() {
  const { incidentId = "" } = useRouteParams({ strict: false }) as { incidentId?: string };
  const answer = useAnswer<Incident>(
    `/incidents/${encodeURIComponent(incidentId)}`,
    {},
    { everyMs, keep: false },
  );
  if (answer.data === undefined) {
    return (
      <>
        <PageHead
          title={incidentId}
          finding={
            answer.failure === undefined ? undefined : (
              <>
                {incidentId} {answer.failure.status === 404 ? "is not here" : "could not be read"}.
              </>
            )
          }
        />
        <div className="pad">
          <Answered
            answer={answer}
            what={incidentId}
            skeleton={
              <>
                <BoneRows rows={2} height={40} />
                <BoneChart height={heatHeight} />
              </>
            }
          >
            {() => null}
          </Answered>
        </div>
      </>
    );
  }
  return <LoadedIncident incident={answer.data} />;
}

function LoadedIncident(props: { readonly incident: Incident }) {
  const { incident } = props;
  const now = Math.ceil(Date.now() / pictureStepMs) * pictureStepMs;
  const span = incidentSpan(incident, now);
  const view = useMemo(() => incidentView(incidentSpan(incident, now), now), [incident, now]);
  const copy = useCopy();
  const range = writeRange({ kind: "absolute", ...view });
  const lasted = spanText((span.open ? Date.now() : span.to) - span.from);
  return (
    <>
      <PageHead
        title={`${incident.id} ${incident.service}`}
        finding={<Sentence incident={incident} />}
      >
        {span.open ? <Badge state="critical">Open</Badge> : <Badge state="ok">Resolved</Badge>}
        <span className="mono">{incident.id}</span>
        <span>{incident.type}</span>
        <span>{span.open ? `open for ${lasted}` : `lasted ${lasted}`}</span>
        <span className="grow" />
        <PageLink
          to="/traces"
          params={{
            service: incident.service,
            min: `${incident.threshold}s`,
            sort: "duration",
            ...range,
          }}
          className="btn primary"
        >
          <Icon name="traces" />
          Slow traces
        </PageLink>
        <PageLink to="/logs" params={{ service: [incident.service], ...range }} className="btn">
          <Icon name="logs" />
          Its logs
        </PageLink>
        <button type="button" className="btn" onClick={() => copy(location.href, "the link")}>
          <Icon name="share" />
          Share
        </button>
      </PageHead>
      <Impact incident={incident} />
      <div className="split incident">
        <div className="left">
          <Picture incident={incident} view={view} />
          <SlowTraces incident={incident} range={range} />
        </div>
        <aside className="drawer" aria-label="Timeline">
          <Timeline incident={incident} />
        </aside>
      </div>
    </>
  );
}

function Sentence(props: { readonly incident: Incident }) {
  const { incident } = props;
  const [zone] = usePreference("zone", zones);
  const open = incident.resolved_at === undefined;
  const peak = formatDuration(incident.latency_p95_peak * 1e9);
  const since = clockText(Date.parse(incident.detected_at), zone);
  const until = open ? "" : clockText(Date.parse(incident.resolved_at ?? ""), zone);
  const times = incident.threshold > 0 ? incident.latency_p95_peak / incident.threshold : 0;
  return (
    <>
      {open ? `Since ${since} ` : `From ${since} to ${until} `}
      <span className="nb">{incident.service}</span> {open ? "is" : "was"} slow: p95 reached{" "}
      {open ? <em>{peak}</em> : peak}
      {times > 0 && `, ${threeDigits(times)}× its threshold`}
      {incident.errors > 0 && `; ${plural(incident.errors, "request")} failed in its worst minute`}.
    </>
  );
}

function Impact(props: { readonly incident: Incident }) {
  const { incident } = props;
  const share = incident.requests > 0 ? incident.errors / incident.requests : 0;
  const times = incident.threshold > 0 ? incident.latency_p95_peak / incident.threshold : 0;
  const facts = [
    {
      name: "Worst p95",
      value: formatDuration(incident.latency_p95_peak * 1e9),
      more: times > 0 ? `${threeDigits(times)}× the threshold` : "",
      bad: true,
    },
    {
      name: "p95 when detected",
      value: formatDuration(incident.latency_p95 * 1e9),
      more: `threshold ${formatDuration(incident.threshold * 1e9, "axis")}`,
      bad: false,
    },
    {
      name: "Requests",
      value: formatCount(incident.requests),
      more: "in its worst minute",
      bad: false,
    },
    {
      name: "Errors",
      value: formatCount(incident.errors),
      more: `${formatShare(share)} of requests`,
      bad: incident.errors > 0,
    },
  ];
  return (
    <dl className="impact">
      {facts.map((fact) => (
        <div key={fact.name}>
          <dt>{fact.name}</dt>
          <dd className={fact.bad && incident.resolved_at === undefined ? "c-critical" : ""}>
            {fact.value}
            <span>{fact.more}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Picture(props: {
  readonly incident: Incident;
  readonly view: { readonly from: number; readonly to: number };
}) {
  const { incident, view } = props;
  const [zone] = usePreference("zone", zones);
  const query = { from: String(view.from), to: String(view.to), service: incident.service };
  const heat = useAnswer<TraceHeatAnswer>("/traces/heat", {
    ...query,
    columns: String(heatColumns),
  });
  const difference = useAnswer<DifferenceAnswer>("/traces/difference", {
    ...query,
    boxFrom: String(Date.parse(incident.detected_at) - 60_000),
    boxTo: String(view.to),
    boxMinMs: String(incident.threshold * 1000),
    boxMaxMs: String(endlessMs),
  });
  const limit = useMemo(
    () => ({
      ns: incident.threshold * 1e9,
      label: `threshold ${formatDuration(incident.threshold * 1e9, "axis")}`,
    }),
    [incident.threshold],
  );
  const moments = useMemo(
    () => [
      { at: Date.parse(incident.detected_at), label: "detected" },
      ...(incident.resolved_at === undefined
        ? []
        : [{ at: Date.parse(incident.resolved_at), label: "resolved" }]),
    ],
    [incident.detected_at, incident.resolved_at],
  );
  const telling = difference.data?.values.filter(isTelling).slice(0, 4) ?? [];
  return (
    <>
      <section aria-labelledby="durations-h">
        <div className="row">
          <h2 id="durations-h">Traces through {incident.service} by duration</h2>
          <span className="grow" />
          <span className="muted small hide-s">each cell counts traces; diamonds are errors</span>
        </div>
        <Answered answer={heat} what="durations" skeleton={<BoneChart height={heatHeight} />}>
          {(data) =>
            data.cells.every((column) => column.length === 0) ? (
              <p className="muted no-picture" style={{ minHeight: heatHeight }}>
                No trace of that time is in the store: it was never received, or is older than what
                is kept.
              </p>
            ) : (
              <HeatMap
                heat={data}
                range={view}
                zone={zone}
                height={heatHeight}
                limit={limit}
                moments={moments}
              />
            )
          }
        </Answered>
      </section>
      {telling.length > 0 && (
        <section aria-labelledby="apart-h">
          <h2 id="apart-h">What sets the slow ones apart</h2>
          <ol className="apart">
            {telling.map((value) => (
              <li key={`${value.key}=${value.value}`}>
                <span className="mono ell">
                  <span className="muted">{scopedKey(value.key).key}=</span>
                  {value.value}
                </span>
                <span className="meter" aria-hidden="true">
                  <i style={{ width: `${value.insideShare * 100}%` }} />
                </span>
                <span>
                  <b>{formatShare(value.insideShare)}</b>{" "}
                  <span className="muted">
                    of them, {formatShare(value.outsideShare)} of the others
                  </span>
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

function SlowTraces(props: { readonly incident: Incident; readonly range: ParamsChange }) {
  const { incident } = props;
  const [zone] = usePreference("zone", zones);
  const [index, setIndex] = useState(-1);
  const go = useGo();
  const list = incident.slow_traces;
  useListKeys({
    count: list.length,
    index,
    select: setIndex,
    open: (at) => go(`/traces/${list[at]?.trace_id ?? ""}`),
  });
  const longest = Math.max(0.001, ...list.map((trace) => trace.latency));
  return (
    <section aria-labelledby="slow-h">
      <div className="row">
        <h2 id="slow-h">Slow traces</h2>
        <span className="muted hide-s">
          above {formatDuration(incident.threshold * 1e9, "axis")} in the same window
        </span>
        <span className="grow" />
        <PageLink
          to="/traces"
          params={{
            service: incident.service,
            min: `${incident.threshold}s`,
            sort: "duration",
            ...props.range,
          }}
          className="link"
        >
          All of them
        </PageLink>
      </div>
      {incident.trace_status !== "ok" && (
        <p className="unavailable">
          <StateMark state="warn" word="Trace data unavailable" />
          <span className="muted">
            : the traces behind it could not be read while it was watched. Its figures were measured
            without them.
          </span>
        </p>
      )}
      {list.length === 0 && incident.trace_status === "ok" && (
        <p className="muted">None was recorded.</p>
      )}
      {list.length > 0 && (
        <div className="scrollx">
          <table className="dense slowt">
            <thead>
              <tr>
                <th>Started</th>
                <th>Endpoint</th>
                <th className="num">Latency</th>
                <th>Trace</th>
              </tr>
            </thead>
            <tbody>
              {list.map((trace, i) => (
                <tr
                  key={trace.trace_id}
                  aria-selected={i === index}
                  onClick={() => go(`/traces/${trace.trace_id}`)}
                >
                  <td className="mono muted">{clockText(Date.parse(trace.ts), zone, "ms")}</td>
                  <td>{trace.endpoint}</td>
                  <td>
                    <div className="dur">
                      <span className="meter" aria-hidden="true">
                        <i
                          className="base"
                          style={{ width: `${(trace.latency / longest) * 100}%` }}
                        />
                      </span>
                      <span className="mono">{formatDuration(trace.latency * 1e9)}</span>
                    </div>
                  </td>
                  <td className="mono">
                    <PageLink
                      to={`/traces/${trace.trace_id}`}
                      className="link"
                      label={`Open trace ${trace.trace_id}`}
                    >
                      {trace.trace_id.slice(0, 8)}
                    </PageLink>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

interface Moment {
  readonly at: number;
  readonly state: State;
  readonly words: string;
  readonly more: string;
}

function momentsOf(incident: Incident): Moment[] {
  const traces = [...incident.slow_traces].sort((a, b) => Date.parse(a.ts) - Date.parse(b.ts));
  const first = traces[0];
  const slowest = [...traces].sort((a, b) => b.latency - a.latency)[0];
  const moments: Moment[] = [
    {
      at: Date.parse(incident.detected_at),
      state: "critical",
      words: "Detected",
      more: `p95 above ${formatDuration(incident.threshold * 1e9, "axis")}`,
    },
  ];
  if (first !== undefined)
    moments.push({
      at: Date.parse(first.ts),
      state: "warn",
      words: "First slow trace recorded",
      more: `${first.endpoint}, ${formatDuration(first.latency * 1e9)}`,
    });
  if (slowest !== undefined && slowest !== first)
    moments.push({
      at: Date.parse(slowest.ts),
      state: "warn",
      words: "Slowest trace recorded",
      more: `${slowest.endpoint}, ${formatDuration(slowest.latency * 1e9)}`,
    });
  if (incident.resolved_at !== undefined)
    moments.push({
      at: Date.parse(incident.resolved_at),
      state: "ok",
      words: "Resolved",
      more: "p95 below the threshold again",
    });
  return moments.sort((a, b) => a.at - b.at);
}

function Timeline(props: { readonly incident: Incident }) {
  const { incident } = props;
  const [zone] = usePreference("zone", zones);
  return (
    <>
      <div className="bar">
        <h2>Timeline</h2>
        <span className="grow" />
        <ServiceName name={incident.service} />
      </div>
      <ol className="tl">
        {momentsOf(incident).map((moment) => (
          <li key={`${moment.words}${moment.at}`}>
            <span className="mono" title={dateTimeText(moment.at, zone)}>
              {clockText(moment.at, zone, "second")}
            </span>
            <span className="m">
              <StateMark state={moment.state} word={moment.state} quiet />
            </span>
            <div>
              {moment.words}
              <div className="muted">{moment.more}</div>
            </div>
          </li>
        ))}
        {incident.resolved_at === undefined && (
          <li>
            <span className="mono">now</span>
            <span className="m">
              <StateMark state="critical" word="open" quiet />
            </span>
            <div>
              Still open
              <div className="muted">it closes by itself once p95 is below the threshold</div>
            </div>
          </li>
        )}
      </ol>
    </>
  );
}
