/** One span in full: figures, how it compares with the usual, attributes, logs, events, links, raw. */
import type { LogsAnswer, Span, TraceAnswer } from "@triptych/contract";
import { type ReactNode, useState } from "react";
import { type Answer, useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { AttributeList } from "../../components/attribute-list.tsx";
import { useCopy } from "../../components/floats.tsx";
import { Badge, Icon, Shape } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { nsToMs } from "../../state/clock-text.ts";
import { one } from "../../state/params.ts";
import { writeRange } from "../../state/time-range.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { groupAttributes } from "./attribute-groups.ts";
import { detailsFrom, ownDetails, type SpanDetails } from "./shown-trace.ts";
import { storableRange } from "./storable-range.ts";
import { oddities } from "./trace-tree.ts";
import { Usual } from "./usual.tsx";
import type { TraceView } from "./use-trace-view.ts";

const logsMax = 200;
const minuteMs = 60_000;
const attributesAtOnce = 200;

export function SpanDrawer(props: { readonly view: TraceView; readonly index: number }) {
  const { view, index } = props;
  const params = useParams();
  const setParams = useSetParams();
  const copy = useCopy();
  const { tree } = view;
  const span = tree.trace.spans[index];
  const startMs = nsToMs(tree.trace.startNs);
  const around = storableRange(startMs - minuteMs, startMs + tree.totalNs / 1e6 + minuteMs);
  const logs = useAnswer<LogsAnswer>(
    "/logs",
    {
      traceId: tree.trace.traceId,
      spanId: span?.spanId,
      from: String(around.from),
      to: String(around.to),
      order: "oldest",
      limit: String(logsMax),
    },
    { keep: false, enabled: span !== undefined },
  );
  const own = span && ownDetails(tree.trace, span);
  const answer = useAnswer<TraceAnswer>(
    `/traces/${tree.trace.traceId}/spans/${encodeURIComponent(span?.spanId ?? "")}`,
    {},
    { keep: false, enabled: span !== undefined && own === undefined },
  );
  if (span === undefined) return null;
  const details = own ?? (answer.data && detailsFrom(answer.data, span));
  const tab = one(params, "tab") ?? "attributes";
  const odd = oddities(tree, index, formatDuration);
  return (
    <>
      <header>
        <div className="row">
          {span.status === "error" && <Badge state="critical">Error</Badge>}
          {span.status === "ok" && <Badge state="ok">Ok</Badge>}
          <ServiceName name={span.service} />
          <span className="muted small">{span.kind}</span>
          <span className="grow" />
          <button
            type="button"
            className="btn ghost icon"
            aria-label="Copy link to this span"
            data-tip="Copy link"
            onClick={() => copy(location.href, "the link to this span")}
          >
            <Icon name="share" />
          </button>
          <button
            type="button"
            className="btn ghost icon"
            aria-label="Close"
            data-tip="Close   Esc"
            onClick={() => view.select(undefined)}
          >
            <Icon name="close" />
          </button>
        </div>
        <h2>{span.name === "" ? "(no name)" : span.name}</h2>
        {span.statusMessage !== "" && <p className="c-critical wrapany">{span.statusMessage}</p>}
        {odd.map((text) => (
          <p key={text} className="row odd small">
            <span className="c-warn">
              <Shape state="warn" />
            </span>
            <span>{text}</span>
          </p>
        ))}
      </header>
      <Facts view={view} index={index} />
      <Usual span={span} startMs={startMs} />
      <Tabs
        label="About this span"
        chosen={tab}
        choose={(id) => setParams({ tab: id === "attributes" ? undefined : id }, { replace: true })}
        tabs={[
          { id: "attributes", name: "Attributes", count: details?.span.attributes.length },
          { id: "logs", name: "Logs", count: logs.data?.lines.length },
          { id: "events", name: "Events", count: details?.span.events.length },
          { id: "links", name: "Links", count: details?.span.links.length },
          { id: "raw", name: "Raw" },
        ]}
      />
      <div role="tabpanel" aria-label={tab}>
        {tab === "attributes" && (
          <>
            <WithDetails details={details} answer={answer}>
              {(whole) => <Attributes span={whole.span} resource={whole.resource} />}
            </WithDetails>
            {logs.data !== undefined && logs.data.lines.length > 0 && (
              <>
                <h3 className="gh">Logs of this span, in time order</h3>
                <SpanLogs answer={logs.data} startMs={startMs + span.offsetNs / 1e6} />
              </>
            )}
          </>
        )}
        {tab === "logs" && (
          <Answered
            answer={logs}
            what="the logs of this span"
            skeleton={<BoneRows rows={4} height={26} />}
          >
            {(data) =>
              data.lines.length === 0 ? (
                <p className="muted none">No log line carries the id of this span.</p>
              ) : (
                <>
                  <SpanLogs answer={data} startMs={startMs + span.offsetNs / 1e6} />
                  <p className="none">
                    <PageLink
                      to="/logs"
                      className="link"
                      params={{
                        traceId: tree.trace.traceId,
                        ...writeRange({ kind: "absolute", ...around }),
                      }}
                    >
                      All lines of the trace
                    </PageLink>
                  </p>
                </>
              )
            }
          </Answered>
        )}
        {tab !== "attributes" && tab !== "logs" && (
          <WithDetails details={details} answer={answer}>
            {(whole) => (
              <>
                {tab === "events" && <Events span={whole.span} />}
                {tab === "links" && <Links span={whole.span} />}
                {tab === "raw" && <Raw span={whole.span} />}
              </>
            )}
          </WithDetails>
        )}
      </div>
    </>
  );
}

/** Details are there at once for spans of a small trace; of a large one they are read. */
function WithDetails(props: {
  readonly details: SpanDetails | undefined;
  readonly answer: Answer<TraceAnswer>;
  readonly children: (details: SpanDetails) => ReactNode;
}) {
  if (props.details !== undefined) return props.children(props.details);
  return (
    <Answered
      answer={props.answer}
      what="the details of this span"
      skeleton={<BoneRows rows={4} height={26} />}
    >
      {() => null}
    </Answered>
  );
}

function Facts(props: { readonly view: TraceView; readonly index: number }) {
  const { tree, criticalNs } = props.view;
  const span = tree.trace.spans[props.index];
  const facts = [
    ["Duration", formatDuration(span?.durationNs ?? 0)],
    ["Self", formatDuration(tree.selfNs[props.index] ?? 0)],
    ["Starts at", `+${formatDuration(span?.offsetNs ?? 0)}`],
    ["On critical path", formatDuration(criticalNs[props.index] ?? 0)],
  ] as const;
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Attributes(props: {
  readonly span: Span;
  readonly resource: Parameters<typeof groupAttributes>[1];
}) {
  const [words, setWords] = useState("");
  const groups = groupAttributes(props.span.attributes, props.resource, words);
  return (
    <>
      <label className="find inset">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Find an attribute"
          aria-label="Find an attribute"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
      </label>
      {groups.length === 0 && (
        <p className="muted none">
          {words === "" ? "This span has no attributes." : "No attribute contains this."}
        </p>
      )}
      {groups.map((group) => (
        <details key={group.name} open>
          <summary className="gh">
            <Icon name="right" />
            {group.name}
            <span className="faint">{group.attributes.length}</span>
          </summary>
          <LongAttributeList scope={group.scope} attributes={group.attributes} />
        </details>
      ))}
    </>
  );
}

/** A span may have ten thousand attributes; drawing all of them would hold the page for seconds. */
function LongAttributeList(props: Parameters<typeof AttributeList>[0]) {
  const { attributes } = props;
  const [shown, setShown] = useState(attributesAtOnce);
  return (
    <>
      <AttributeList scope={props.scope} attributes={attributes.slice(0, shown)} />
      {attributes.length > shown && (
        <p className="none">
          <button type="button" className="btn" onClick={() => setShown(shown + attributesAtOnce)}>
            Show more
          </button>{" "}
          <span className="muted small">
            {formatCount(shown)} of {formatCount(attributes.length)}; finding looks through all.
          </span>
        </p>
      )}
    </>
  );
}

function SpanLogs(props: { readonly answer: LogsAnswer; readonly startMs: number }) {
  return (
    <ul>
      {props.answer.lines.map((line) => {
        const offset = (nsToMs(line.timeNs) - props.startMs) * 1e6;
        const tone =
          line.level === "error" || line.level === "fatal"
            ? "c-critical"
            : line.level === "warn"
              ? "c-warn"
              : "muted";
        return (
          <li key={line.id} className="lg">
            <span>
              {offset < 0 ? "" : "+"}
              {formatDuration(offset)}
            </span>
            <span className={tone}>{line.level}</span>
            <span>{line.body}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Events(props: { readonly span: Span }) {
  const { span } = props;
  if (span.events.length === 0) return <p className="muted none">This span has no events.</p>;
  return (
    <>
      {span.events.map((event, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no id
        <details key={i} open>
          <summary className="gh">
            <Icon name="right" />
            <b className={event.name === "exception" ? "c-critical" : ""}>{event.name}</b>
            <span className="grow" />
            <span className="mono">+{formatDuration(event.offsetNs - span.offsetNs)}</span>
          </summary>
          <AttributeList scope="span" attributes={event.attributes} />
        </details>
      ))}
    </>
  );
}

function Links(props: { readonly span: Span }) {
  const { span } = props;
  if (span.links.length === 0) return <p className="muted none">This span links to no other.</p>;
  return (
    <>
      {span.links.map((link) => (
        <section key={`${link.traceId}${link.spanId}`}>
          <h3 className="gh">
            <Icon name="traces" />
            <PageLink
              to={`/traces/${link.traceId}`}
              params={{ span: link.spanId }}
              className="link mono"
            >
              {link.traceId}
            </PageLink>
          </h3>
          <AttributeList
            scope="span"
            attributes={[["span id", "string", link.spanId], ...link.attributes]}
          />
        </section>
      ))}
    </>
  );
}

function Raw(props: { readonly span: Span }) {
  const copy = useCopy();
  const text = JSON.stringify(props.span, undefined, 2);
  return (
    <div className="none">
      <button type="button" className="btn" onClick={() => copy(text, "the span as JSON")}>
        <Icon name="copy" />
        Copy as JSON
      </button>
      <pre className="code">{text}</pre>
    </div>
  );
}
