/** The list of traces: rows are drawn only where they are seen. */
import type { TraceSummary, TracesAnswer } from "@triptych/contract";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { seriesVariable } from "../../charts/colour.ts";
import { formatCount, formatDuration, formatShare } from "../../charts/format.ts";
import { Honest, Shape } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { clockText, dateTimeText, nsToMs } from "../../state/clock-text.ts";
import { useGo } from "../../state/go.ts";
import { useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";

const rowHeight = 32;

export function TraceTable(props: {
  readonly answer: TracesAnswer;
  readonly sort: "time" | "duration";
  readonly more: () => void;
}) {
  const { traces, total } = props.answer;
  const params = useParams();
  const setParams = useSetParams();
  const go = useGo();
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  useEffect(() => {
    const main = document.getElementById("main");
    const first = body.current;
    if (first === null || main === null) return;
    const measure = () =>
      setMargin(
        Math.round(
          first.getBoundingClientRect().top - main.getBoundingClientRect().top + main.scrollTop,
        ),
      );
    measure();
    // What stands above the list grows and shrinks with its own answers.
    const observer = new ResizeObserver(measure);
    for (const part of main.children) observer.observe(part);
    return () => observer.disconnect();
  }, []);
  const rows = useVirtualizer({
    count: traces.length,
    getScrollElement: () => document.getElementById("main"),
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollMargin: margin,
    getItemKey: (i) => traces[i]?.traceId ?? i,
  });
  const selected = one(params, "sel");
  const index = useMemo(
    () => traces.findIndex((trace) => trace.traceId === selected),
    [traces, selected],
  );
  useListKeys({
    count: traces.length,
    index,
    select: (next) => {
      setParams({ sel: traces[next]?.traceId }, { replace: true });
      rows.scrollToIndex(next, { align: "auto" });
    },
    open: (at) => go(`/traces/${traces[at]?.traceId ?? ""}`),
  });
  const longest = Math.max(1, ...traces.map((trace) => trace.durationNs));
  const items = rows.getVirtualItems();
  const before = (items[0]?.start ?? margin) - margin;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? margin) + margin;
  return (
    <>
      <div className="scrollx">
        <table className="res dense" aria-rowcount={traces.length}>
          <caption className="vh">
            Traces, {props.sort === "time" ? "newest first" : "longest first"}
          </caption>
          <thead>
            <tr>
              <SortHead name="Started" value="time" sort={props.sort} className="t" />
              <th>Root</th>
              <SortHead name="Duration" value="duration" sort={props.sort} className="num d" />
              <th className="c-2 w">Where the time went</th>
              <th className="num c-1 s">Spans</th>
              <th className="e">Errors</th>
              <th className="c-1 id">Trace</th>
            </tr>
          </thead>
          <tbody ref={body}>
            {before > 0 && <tr className="gap" style={{ height: before }} aria-hidden="true" />}
            {items.map((item) => {
              const trace = traces[item.index];
              return trace === undefined ? null : (
                <TraceRow
                  key={item.key}
                  trace={trace}
                  index={item.index}
                  selected={item.index === index}
                  longest={longest}
                  open={() => go(`/traces/${trace.traceId}`)}
                />
              );
            })}
            {after > 0 && <tr className="gap" style={{ height: after }} aria-hidden="true" />}
          </tbody>
        </table>
      </div>
      {traces.length < total && (
        <div className="bar">
          <span className="muted">
            The {props.sort === "time" ? "newest" : "longest"} {formatCount(traces.length)} of{" "}
            {formatCount(total)}.
          </span>
          <button type="button" className="btn" onClick={props.more}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}

function SortHead(props: {
  readonly name: string;
  readonly value: string;
  readonly sort: string;
  readonly className: string;
}) {
  const setParams = useSetParams();
  const on = props.sort === props.value;
  return (
    <th className={`${props.className} ${on ? "sort" : ""}`} aria-sort={on ? "descending" : "none"}>
      <button
        type="button"
        onClick={() => setParams({ sort: props.value === "time" ? undefined : props.value })}
      >
        {props.name}
      </button>
    </th>
  );
}

function TraceRow(props: {
  readonly trace: TraceSummary;
  readonly index: number;
  readonly selected: boolean;
  readonly longest: number;
  readonly open: () => void;
}) {
  const { trace } = props;
  const [zone] = usePreference("zone", zones);
  const at = nsToMs(trace.startNs);
  return (
    <tr aria-selected={props.selected} aria-rowindex={props.index + 1} onClick={props.open}>
      <td className="mono muted t" title={dateTimeText(at, zone, "ms")}>
        {clockText(at, zone, "ms")}
      </td>
      <td className="root">
        <span className="row">
          <ServiceName name={trace.rootService} />
          <span className="ell" title={trace.rootName}>
            {trace.rootName === "" ? (
              <span className="muted">(root not received)</span>
            ) : (
              trace.rootName
            )}
          </span>
          {trace.rootMissing && (
            <Honest
              warn
              why="No span without a parent has been received yet: this is the earliest span of the trace."
            >
              root missing
            </Honest>
          )}
        </span>
      </td>
      <td className="d">
        <div className="dur">
          <span className="bar2" aria-hidden="true">
            <i style={{ width: `${(trace.durationNs / props.longest) * 100}%` }} />
          </span>
          <span className="mono" title={`${formatCount(trace.durationNs)} ns`}>
            {formatDuration(trace.durationNs)}
          </span>
        </div>
      </td>
      <td className="c-2 w">
        <WhereTimeWent trace={trace} />
      </td>
      <td className="num mono c-1">{formatCount(trace.spans)}</td>
      <td className="e">
        {trace.errors > 0 && (
          <span className="row">
            <span className="st critical">
              <Shape state="critical" />
              {formatCount(trace.errors)}
              <span className="vh">failed spans</span>
            </span>
            <span className="muted small ell c-1" title={trace.errorMessage}>
              {trace.errorMessage}
            </span>
          </span>
        )}
      </td>
      <td className="c-1 mono id">
        <PageLink
          to={`/traces/${trace.traceId}`}
          className="link"
          label={`Open trace ${trace.traceId}`}
        >
          {trace.traceId.slice(0, 8)}
        </PageLink>
      </td>
    </tr>
  );
}

function WhereTimeWent(props: { readonly trace: TraceSummary }) {
  const { selfTime } = props.trace;
  const sum = Math.max(
    1,
    selfTime.reduce((total, part) => total + part.selfNs, 0),
  );
  const words = selfTime
    .map((part) => `${part.service} ${formatShare(part.selfNs / sum)}`)
    .join(", ");
  return (
    <span className="went" role="img" aria-label={words} data-tip={words}>
      {selfTime.map((part) => (
        <i
          key={part.service}
          style={{ flexGrow: part.selfNs / sum, background: seriesVariable(part.service) }}
        />
      ))}
    </span>
  );
}
