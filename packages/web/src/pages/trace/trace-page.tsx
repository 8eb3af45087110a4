/** One trace: where its time went, the waterfall, and the span one reads beside it. */
import type { LogLevelsAnswer, TraceAnswer, TraceOutline, UsualAnswer } from "@triptych/contract";
import { useParams as useRouteParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatDuration, formatShare, plural, threeDigits } from "../../charts/format.ts";
import { Answered, Bone, BoneRows } from "../../components/answered.tsx";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { useCopy } from "../../components/floats.tsx";
import { Honest, Icon, Shape } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { dateTimeText, nsToMs } from "../../state/clock-text.ts";
import { one } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { writeRange } from "../../state/time-range.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { asSent, hasSkew } from "./as-sent.ts";
import { type TraceFinding, findWhereTimeWent } from "./finding.ts";
import { Minimap } from "./minimap.tsx";
import { type ShownTrace, shownTrace } from "./shown-trace.ts";
import { storableRange } from "./storable-range.ts";
import { SpanDrawer } from "./span-drawer.tsx";
import { selfTimeByService } from "./trace-tree.ts";
import { type Show, type TraceView, useTraceView } from "./use-trace-view.ts";
import { Waterfall } from "./waterfall.tsx";

const servicesShown = 4;
const dayMs = 86_400_000;
const minuteMs = 60_000;

export function TracePage() {
  const { traceId = "" } = useRouteParams({ strict: false }) as { traceId?: string };
  const answer = useAnswer<TraceAnswer | TraceOutline>(
    `/traces/${encodeURIComponent(traceId)}`,
    { details: "small" },
    { keep: false },
  );
  if (answer.data === undefined) {
    const missing = answer.failure?.status === 404;
    return (
      <>
        <PageHead
          title="Trace"
          finding={
            missing ? (
              <>This trace is not here.</>
            ) : answer.failure ? (
              <>The trace could not be read.</>
            ) : undefined
          }
        >
          <span className="mono">{traceId}</span>
        </PageHead>
        <div className="pad">
          <Answered answer={answer} what="the trace" skeleton={<TraceBones />}>
            {() => null}
          </Answered>
        </div>
      </>
    );
  }
  return <TimedTrace key={answer.data.traceId} answer={answer.data} />;
}

/** With clocks corrected, or with the times as they were sent. */
function TimedTrace(props: { readonly answer: TraceAnswer | TraceOutline }) {
  const answer = useMemo(() => shownTrace(props.answer), [props.answer]);
  const sent = one(useParams(), "clock") === "sent";
  const trace = useMemo(() => (sent ? asSent(answer) : answer), [answer, sent]);
  return <LoadedTrace trace={trace} skewed={hasSkew(answer)} />;
}

function TraceBones() {
  return (
    <div>
      <Bone width="100%" height={58} />
      <BoneRows rows={20} height={24} />
    </div>
  );
}

function LoadedTrace(props: { readonly trace: ShownTrace; readonly skewed: boolean }) {
  const { trace } = props;
  const view = useTraceView(trace);
  const [drawerWidth, setDrawerWidth] = useDrawerWidth("span", 404);
  const finding = useMemo(() => findWhereTimeWent(view.tree, view.parts), [view.tree, view.parts]);
  const span = trace.spans[view.selected];
  return (
    <>
      <TraceHead view={view} finding={finding} skewed={props.skewed} />
      <div
        className={span === undefined ? "split fixed whole" : "split fixed"}
        style={{ "--drawer": `${drawerWidth}px` } as React.CSSProperties}
      >
        <section className="wf" aria-label="Waterfall">
          <div className="mini">
            <SelfTimes view={view} />
            <Minimap view={view} />
          </div>
          <Tools view={view} />
          <Waterfall view={view} />
          <SpanTable view={view} />
        </section>
        {span !== undefined && (
          <Drawer label="Span" width={drawerWidth} setWidth={setDrawerWidth}>
            <SpanDrawer view={view} index={view.selected} key={view.selected} />
          </Drawer>
        )}
      </div>
    </>
  );
}

function TraceHead(props: {
  readonly view: TraceView;
  readonly finding: TraceFinding | undefined;
  /** Whether clocks disagree, also while times are shown as they were sent. */
  readonly skewed: boolean;
}) {
  const { view, finding } = props;
  const { tree } = view;
  const { trace } = tree;
  const [zone] = usePreference("zone", zones);
  const copy = useCopy();
  const startMs = nsToMs(trace.startNs);
  const endMs = startMs + tree.totalNs / 1e6;
  const root = trace.spans[tree.tops[0] ?? -1];
  const day = storableRange(startMs - dayMs, endMs);
  const usual = useAnswer<UsualAnswer>(
    "/traces/usual",
    {
      service: root?.service,
      operation: root?.name,
      from: String(day.from),
      to: String(day.to),
    },
    { enabled: root !== undefined, keep: false },
  ).data;
  const around = storableRange(startMs - minuteMs, endMs + minuteMs);
  const logs = useAnswer<LogLevelsAnswer>(
    "/logs/levels",
    { traceId: trace.traceId, from: String(around.from), to: String(around.to), columns: "1" },
    { keep: false },
  ).data;
  const failed = finding?.failed.length ?? 0;
  return (
    <PageHead
      title={root === undefined ? "Trace" : `${root.name} · ${root.service}`}
      finding={<Sentence view={view} finding={finding} />}
      info={trace}
    >
      {root !== undefined && <ServiceName name={root.service} />}
      <span className="strong">{root?.name}</span>
      <button
        type="button"
        className="mono value"
        data-tip="Copy the trace id"
        onClick={() => copy(trace.traceId, "the trace id")}
      >
        {trace.traceId}
      </button>
      <span>{dateTimeText(startMs, zone, "ms")}</span>
      <span>{plural(trace.spans.length, "span")}</span>
      {failed > 0 && (
        <span className="st critical">
          <Shape state="critical" />
          {plural(failed, "error")}
        </span>
      )}
      <span>depth {tree.depthMax + 1}</span>
      {usual !== undefined &&
        usual.spans > 1 &&
        usual.p50Ns > 0 &&
        tree.totalNs > 2 * usual.p50Ns && (
          <span>
            {threeDigits(tree.totalNs / usual.p50Ns)}× the usual {formatDuration(usual.p50Ns)}
          </span>
        )}
      <TraceOddities view={view} />
      {props.skewed && <ClockSwitch />}
      <span className="grow" />
      <PageLink to={`/traces/${trace.traceId}/compare`} className="link">
        Compare with the usual
      </PageLink>
      <PageLink
        to="/logs"
        params={{ traceId: trace.traceId, ...writeRange({ kind: "absolute", ...around }) }}
        className="link"
      >
        {logs === undefined
          ? "Log lines"
          : logs.total === 0
            ? "No log lines"
            : `All ${plural(logs.total, "log line")}`}
      </PageLink>
      <button type="button" className="link" onClick={() => copy(location.href, "the link")}>
        Copy link
      </button>
    </PageHead>
  );
}

/** Clocks of hosts disagree: whether times are corrected. The mark of the answer says by how much. */
function ClockSwitch() {
  const setParams = useSetParams();
  const sent = one(useParams(), "clock") === "sent";
  return (
    <>
      {sent && (
        <Honest
          warn
          why="Clocks of hosts disagree. These are the times as they were sent: spans may seem to start before what caused them."
        >
          clocks not corrected
        </Honest>
      )}
      <button
        type="button"
        className="link"
        onClick={() => setParams({ clock: sent ? undefined : "sent" }, { replace: true })}
      >
        {sent ? "Correct the clocks" : "Show times as sent"}
      </button>
    </>
  );
}

/** What is odd about the trace as a whole. */
function TraceOddities(props: { readonly view: TraceView }) {
  const { tree } = props.view;
  const roots = tree.tops.length - tree.orphans.size - tree.circles.size;
  return (
    <>
      {tree.orphans.size > 0 && (
        <Honest
          warn
          why="Their parents have not been received: they may still arrive, were sampled away, or come from a system that does not report here. Such spans stand at the top."
        >
          {`${tree.orphans.size} ${tree.orphans.size === 1 ? "span lacks its parent" : "spans lack their parents"}`}
        </Honest>
      )}
      {roots > 1 && (
        <Honest why="More than one span has no parent. They share the trace id and are shown one below the other.">{`${roots} roots`}</Honest>
      )}
      {roots <= 0 && (
        <Honest warn why="No span without a parent has been received yet.">
          root missing
        </Honest>
      )}
      {tree.circles.size > 0 && (
        <Honest warn why="Spans name each other as parents. The circle was cut where it closes.">
          parents in a circle
        </Honest>
      )}
    </>
  );
}

function Sentence(props: { readonly view: TraceView; readonly finding: TraceFinding | undefined }) {
  const { view, finding } = props;
  const { tree } = view;
  if (finding === undefined)
    return <>{formatDuration(tree.totalNs)}, and no span says where it went.</>;
  const share = finding.criticalNs / tree.totalNs;
  const failed = finding.failed[0] === undefined ? undefined : tree.trace.spans[finding.failed[0]];
  const top = tree.trace.spans[finding.span];
  const time = `${formatDuration(finding.criticalNs)} of ${formatDuration(tree.totalNs)}`;
  return (
    <>
      {failed !== undefined ? <em>{time}</em> : time} in{" "}
      {finding.caller !== undefined && <span className="nb">{finding.caller} → </span>}
      <span className="nb">{finding.service}</span>
      {share < 0.995 && <> ({formatShare(share)})</>}
      {top !== undefined && (
        <>
          , {finding.alike > 1 ? `in ${finding.alike} calls of` : "most in"} {top.name}
        </>
      )}
      {failed !== undefined && (
        <>
          ; {plural(finding.failed.length, "span")} failed
          {failed.statusMessage !== "" && `: ${failed.statusMessage}`}
        </>
      )}
      .
    </>
  );
}

function SelfTimes(props: { readonly view: TraceView }) {
  const { tree } = props.view;
  const times = useMemo(() => selfTimeByService(tree), [tree]);
  const sum = Math.max(
    1,
    times.reduce((total, time) => total + time.ns, 0),
  );
  const rest = times.slice(servicesShown);
  return (
    <div className="l">
      <h2 className="faint">Self time by service</h2>
      {times.slice(0, servicesShown).map((time) => (
        <span
          key={time.service}
          className="row"
          data-tip={`${formatDuration(time.ns)} in ${plural(time.spans, "span")}`}
        >
          <ServiceName name={time.service} />
          <span className="faint">{formatShare(time.ns / sum)}</span>
        </span>
      ))}
      {rest.length > 0 && (
        <span
          className="faint"
          data-tip={rest.map((time) => `${time.service} ${formatShare(time.ns / sum)}`).join(", ")}
        >
          and {rest.length} more
        </span>
      )}
    </div>
  );
}

const shows: readonly (readonly [Show, string])[] = [
  ["all", "All"],
  ["critical", "Critical path"],
  ["errors", "Errors"],
];

function Tools(props: { readonly view: TraceView }) {
  const { view } = props;
  const { tree, window } = view;
  const zoomed = window.from > 0 || window.to < tree.totalNs;
  const deep = Math.min(view.choices.depth, tree.depthMax);
  const at = view.hits.indexOf(view.selected);
  return (
    <div className="tools">
      <label className="find grow">
        <Icon name="search" />
        <input
          data-search
          type="search"
          placeholder="Find in this trace"
          aria-label="Find in this trace"
          value={view.find}
          onChange={(event) => view.setFind(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || view.hits.length === 0) return;
            view.select(
              view.hits[(at + (event.shiftKey ? view.hits.length - 1 : 1)) % view.hits.length],
              { replace: true },
            );
          }}
        />
        {view.find === "" ? (
          <kbd>/</kbd>
        ) : (
          <span className="muted small nowrap">
            {view.hits.length === 0
              ? "no span"
              : at < 0
                ? plural(view.hits.length, "span")
                : `${at + 1} of ${view.hits.length}`}
          </span>
        )}
      </label>
      <span className="seg" role="group" aria-label="Show">
        {shows.map(([value, name]) => (
          <button
            key={value}
            type="button"
            aria-pressed={view.choices.show === value}
            onClick={() => view.setShow(value)}
          >
            {name}
          </button>
        ))}
      </span>
      <span className="row depth hide-s">
        <button
          type="button"
          className="btn ghost icon"
          aria-label="Fold one level"
          data-tip="Fold one level   c"
          disabled={deep <= 1}
          onClick={() => view.foldTo(deep - 1)}
        >
          <Icon name="minus" />
        </button>
        <span className="muted nowrap">Depth {deep + 1}</span>
        <button
          type="button"
          className="btn ghost icon"
          aria-label="Unfold one level"
          data-tip="Unfold one level   e"
          disabled={deep >= tree.depthMax}
          onClick={() => view.foldTo(deep + 1)}
        >
          <Icon name="plus" />
        </button>
      </span>
      {zoomed && (
        <button type="button" className="btn" onClick={() => view.setWindow(undefined)}>
          Whole trace
        </button>
      )}
    </div>
  );
}

/** Spans listed as a table for readers without the picture: the longest on the critical path, at most fifty. */
function SpanTable(props: { readonly view: TraceView }) {
  const { tree, criticalNs } = props.view;
  const longest = useMemo(
    () =>
      [...criticalNs.keys()]
        .filter((i) => (criticalNs[i] ?? 0) > 0)
        .sort((a, b) => (criticalNs[b] ?? 0) - (criticalNs[a] ?? 0))
        .slice(0, 50),
    [criticalNs],
  );
  return (
    <div className="vh">
      <table>
        <caption>Spans on the critical path, most time first</caption>
        <thead>
          <tr>
            <th>Service</th>
            <th>Operation</th>
            <th>On the critical path</th>
            <th>Duration</th>
          </tr>
        </thead>
        <tbody>
          {longest.map((i) => (
            <tr key={i}>
              <td>{tree.trace.spans[i]?.service}</td>
              <td>{tree.trace.spans[i]?.name}</td>
              <td>{formatDuration(criticalNs[i] ?? 0)}</td>
              <td>{formatDuration(tree.trace.spans[i]?.durationNs ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
