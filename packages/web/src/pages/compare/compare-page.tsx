/** One trace beside another, or beside what is usual for its root operation: where they differ, matched by path. */
import type { ComparedRow, ComparedSide, TraceComparisonAnswer } from "@triptych/contract";
import { useParams as useRouteParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Badge } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { useGo } from "../../state/go.ts";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { type CompareFinding, differingRows, findingOf, gapOf } from "./compare-finding.ts";

/** Rows at once; the rest on request. */
const pageRows = 300;
const traceIdPattern = /^[0-9a-f]{1,32}$/i;

export function ComparePage() {
  const { traceId = "" } = useRouteParams({ strict: false }) as { traceId?: string };
  const params = useParams();
  const other = one(params, "with") ?? "usual";
  const answer = useAnswer<TraceComparisonAnswer>(
    `/traces/${encodeURIComponent(traceId)}/compare`,
    { with: other },
    { keep: false },
  );
  const { data } = answer;
  return (
    <>
      <PageHead
        title="Compare traces"
        finding={
          data !== undefined ? (
            <Sentence answer={data} />
          ) : answer.failure !== undefined ? (
            <>The traces could not be compared.</>
          ) : undefined
        }
        info={data}
      >
        <PageLink to={`/traces/${traceId}`} className="link mono">
          {traceId}
        </PageLink>
        <span>beside</span>
        {other === "usual" ? (
          <span>
            {data === undefined
              ? "the usual"
              : `${plural(data.there.traces, "trace")} of the day before`}
          </span>
        ) : (
          <PageLink to={`/traces/${other}`} className="link mono">
            {other}
          </PageLink>
        )}
        <span className="grow" />
        <OtherTrace traceId={traceId} other={other} />
      </PageHead>
      <Answered
        answer={answer}
        what="the comparison"
        className="results sect"
        skeleton={<BoneRows rows={14} height={30} />}
      >
        {(found) => <Rows answer={found} />}
      </Answered>
    </>
  );
}

function OtherTrace(props: { readonly traceId: string; readonly other: string }) {
  const go = useGo();
  const [text, setText] = useState("");
  const path = `/traces/${props.traceId}/compare`;
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (traceIdPattern.test(text.trim())) go(path, { with: text.trim() });
      }}
    >
      {props.other !== "usual" && (
        <PageLink to={path} className="link" params={{ with: undefined }}>
          With the usual
        </PageLink>
      )}
      <label className="find">
        <input
          type="search"
          placeholder="With another trace id"
          aria-label="Compare with another trace id"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
    </form>
  );
}

function Sentence(props: { readonly answer: TraceComparisonAnswer }) {
  const { here, there } = props.answer;
  if (there.traces === 0)
    return (
      <>
        Nothing to compare with: no other trace of {here.name} in {here.service} in the day before.
      </>
    );
  const finding = findingOf(props.answer);
  const than =
    there.traceId === ""
      ? `the usual ${formatDuration(there.durationNs)}`
      : `the other (${formatDuration(there.durationNs)})`;
  const { row } = finding;
  return (
    <>
      {finding.speed === "about" ? (
        <>
          {formatDuration(here.durationNs)}, about as long as {than}
        </>
      ) : (
        <>
          {finding.speed === "slower" ? (
            <em className="w">{formatDuration(finding.differenceNs)} slower</em>
          ) : (
            `${formatDuration(finding.differenceNs)} faster`
          )}{" "}
          than {than}
        </>
      )}
      {row !== undefined && (
        <>
          ; {formatDuration(Math.abs(finding.rowNs))} {finding.rowNs >= 0 ? "more" : "less"} in{" "}
          <span className="nb">{row.service}</span> {row.name}
          {reason(finding, row, there.traceId === "")}
        </>
      )}
      .
    </>
  );
}

function reason({ because }: CompareFinding, row: ComparedRow, usual: boolean): string {
  switch (because) {
    case "new":
      return usual ? ", which is not usual" : ", which the other does not have";
    case "missing":
      return ", which is missing here";
    case "failed":
      return ", which failed";
    case "calls":
      return `: ${plural(row.here?.spans ?? 0, "call")} instead of ${formatCount(row.there?.spans ?? 0)}`;
    case "longer":
    case "shorter":
      return "";
  }
}

function Rows(props: { readonly answer: TraceComparisonAnswer }) {
  const { answer } = props;
  const params = useParams();
  const setParams = useSetParams();
  const [shown, setShown] = useState(pageRows);
  const everything = one(params, "show") === "all";
  const differing = useMemo(() => differingRows(answer), [answer]);
  const indices = useMemo(
    () => [...answer.rows.keys()].filter((i) => everything || differing.has(i)),
    [answer, differing, everything],
  );
  const most = Math.max(1, ...answer.rows.map((row) => Math.abs(gapOf(row))));
  const usual = answer.there.traceId === "";
  return (
    <>
      <div className="tools">
        <span className="seg" role="group" aria-label="Show">
          <button
            type="button"
            aria-pressed={!everything}
            onClick={() => setParams({ show: undefined })}
          >
            What differs
          </button>
          <button
            type="button"
            aria-pressed={everything}
            onClick={() => setParams({ show: "all" })}
          >
            All
          </button>
        </span>
        <span className="muted small hide-s">
          Spans are matched by service, operation and place. The bars add up to the difference of
          the two.
        </span>
      </div>
      {indices.length === 0 ? (
        <p className="muted pad">Nothing differs by more than one percent of the duration.</p>
      ) : (
        <div className="scrollx">
          <table className="res dense cmp">
            <caption className="vh">Operations of both sides and how they differ</caption>
            <thead>
              <tr>
                <th>Service and operation</th>
                <th className="num d">Here</th>
                <th className="num d">{usual ? "Usual" : "Other"}</th>
                <th className="g">On the critical path</th>
                <th className="num d c-1">Self</th>
                <th className="num d c-1">{usual ? "Usual self" : "Other self"}</th>
                <th className="num s c-1">Calls</th>
                <th className="b">Finding</th>
              </tr>
            </thead>
            <tbody>
              {indices.slice(0, shown).map((i) => {
                const row = answer.rows[i];
                return row === undefined ? null : (
                  <Row key={i} row={row} answer={answer} most={most} found={i === answer.finding} />
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {indices.length > shown && (
        <div className="bar">
          <span className="muted">
            {formatCount(shown)} of {formatCount(indices.length)} rows.
          </span>
          <button type="button" className="btn" onClick={() => setShown(shown + pageRows)}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}

function Row(props: {
  readonly row: ComparedRow;
  readonly answer: TraceComparisonAnswer;
  readonly most: number;
  readonly found: boolean;
}) {
  const { row, answer } = props;
  const gap = gapOf(row);
  const width = `${(Math.abs(gap) / props.most) * 50}%`;
  return (
    <tr className={props.found ? "found" : ""}>
      <td>
        <span
          className="row op"
          style={{ "--depth": Math.min(row.depth, 16) } as React.CSSProperties}
        >
          <ServiceName name={row.service} />
          <SpanLink row={row} answer={answer} />
          {row.position > 0 && <span className="faint">#{row.position}</span>}
        </span>
      </td>
      <td className="num">{durationOf(row.here)}</td>
      <td className="num muted">{durationOf(row.there)}</td>
      <td className="g">
        <span className="gap" aria-hidden="true">
          <i
            className={gap > 0 ? "more" : "less"}
            style={gap > 0 ? { left: "50%", width } : { right: "50%", width }}
          />
        </span>
        <span className="num">
          {gap === 0 ? "0" : `${gap > 0 ? "+" : "\u2212"}${formatDuration(Math.abs(gap))}`}
        </span>
      </td>
      <td className="num c-1">{row.here === undefined ? "" : formatDuration(row.here.selfNs)}</td>
      <td className="num muted c-1">
        {row.there === undefined ? "" : formatDuration(row.there.selfNs)}
      </td>
      <td className="num c-1">{calls(row)}</td>
      <td>
        <Marks row={row} traces={answer.there.traces} />
      </td>
    </tr>
  );
}

function SpanLink(props: { readonly row: ComparedRow; readonly answer: TraceComparisonAnswer }) {
  const { row, answer } = props;
  const name = row.name === "" ? "(no name)" : row.name;
  const [traceId, spanId] =
    row.here !== undefined
      ? [answer.here.traceId, row.here.spanId]
      : [answer.there.traceId, row.there?.spanId ?? ""];
  if (traceId === "" || spanId === "") return <span className="ell">{name}</span>;
  return (
    <PageLink to={`/traces/${traceId}`} params={{ span: spanId }} className="link ell">
      {name}
    </PageLink>
  );
}

function durationOf(side: ComparedSide | undefined): string {
  return side === undefined ? "\u2013" : formatDuration(side.durationNs);
}

/** Here and there; one figure where they are alike or only one side has any. */
function calls({ here, there }: ComparedRow): string {
  const own = here?.spans ?? there?.spans ?? 0;
  const other = there?.spans ?? own;
  return own === other ? formatCount(own) : `${formatCount(own)} / ${formatCount(other)}`;
}

function Marks(props: { readonly row: ComparedRow; readonly traces: number }) {
  const { here, there } = props.row;
  return (
    <span className="row">
      {there === undefined && <Badge state="warn">New here</Badge>}
      {here === undefined && <Badge state="info">Missing here</Badge>}
      {(here?.failed ?? 0) > (there?.failed ?? 0) && <Badge state="critical">Failed here</Badge>}
      {(here?.failed ?? 0) < (there?.failed ?? 0) && <Badge state="info">Failed there</Badge>}
      {there !== undefined && there.traces < props.traces && (
        <span className="faint small nowrap">
          in {formatCount(there.traces)} of {formatCount(props.traces)}
        </span>
      )}
    </span>
  );
}
