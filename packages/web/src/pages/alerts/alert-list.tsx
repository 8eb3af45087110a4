/** Alerts by severity and name, those that are pending or over apart, the timeline above, details beside. */
import type { Alert, AlertsAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { formatCount, plural } from "../../charts/format.ts";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { Honest, StateMark } from "../../components/icon.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { spanText } from "../../state/clock-text.ts";
import { useKeys, useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { AlertDetails } from "./alert-details.tsx";
import { AlertTimeline } from "./alert-timeline.tsx";
import {
  groupAlerts,
  labelWords,
  markOf,
  serviceOf,
  shownValue,
  sinceMs,
  summaryOf,
} from "./alert-words.ts";

const sections = [
  ["firing", "Firing"],
  ["pending", "Pending"],
  ["resolved", "Over since a few minutes"],
] as const;

export function AlertList(props: { readonly answer: AlertsAnswer }) {
  const { answer } = props;
  const params = useParams();
  const setParams = useSetParams();
  const [width, setWidth] = useDrawerWidth("alert", 420);
  const groups = useMemo(
    () =>
      sections.map(([state, name]) => ({
        state,
        name,
        groups: groupAlerts(answer.alerts.filter((alert) => alert.state === state)),
      })),
    [answer.alerts],
  );
  const inOrder = useMemo(
    () => groups.flatMap((section) => section.groups.flatMap(({ alerts }) => alerts)),
    [groups],
  );
  const open = one(params, "open");
  const chosen = inOrder.find(({ id }) => id === open);
  const show = (id: string | undefined, replace = false) => setParams({ open: id }, { replace });
  useListKeys({
    count: inOrder.length,
    index: inOrder.findIndex(({ id }) => id === open),
    select: (at) => show(inOrder[at]?.id, open !== undefined),
    open: (at) => show(inOrder[at]?.id),
  });
  useKeys(open === undefined ? {} : { Escape: () => show(undefined) });
  return (
    <div
      className={`split ${open === undefined ? "whole" : ""}`}
      style={{ "--drawer": `${width}px` } as React.CSSProperties}
    >
      <div>
        <AlertTimeline />
        {answer.marks.map((mark) => (
          <div key={mark} className="bar">
            <Honest warn>{mark}</Honest>
          </div>
        ))}
        {inOrder.length === 0 && (
          <div className="pad nothing">
            <p>
              No alert is firing or pending. {plural(answer.ruleCounts.alerting, "rule")}{" "}
              {answer.ruleCounts.alerting === 1 ? "watches" : "watch"}.
            </p>
          </div>
        )}
        {groups
          .filter((section) => section.groups.length > 0)
          .map((section) => (
            <section key={section.state} aria-labelledby={`al-${section.state}`}>
              <div className="bar sect">
                <h2 id={`al-${section.state}`}>{section.name}</h2>
                <span className="muted">{formatCount(answer.counts[section.state])}</span>
              </div>
              <AlertTable groups={section.groups} open={open} show={show} />
            </section>
          ))}
      </div>
      {open !== undefined && (
        <Drawer label="Alert" width={width} setWidth={setWidth}>
          <AlertDetails
            alert={chosen}
            rule={answer.rules.find(({ id }) => id === chosen?.rule)}
            close={() => show(undefined)}
          />
        </Drawer>
      )}
    </div>
  );
}

function AlertTable(props: {
  readonly groups: ReturnType<typeof groupAlerts>;
  readonly open: string | undefined;
  readonly show: (id: string | undefined) => void;
}) {
  return (
    <div className="scrollx">
      <table className="als">
        <thead>
          <tr>
            <th>Alert</th>
            <th className="c-what">What</th>
            <th className="c-1">Service</th>
            <th className="num c-2">Value</th>
            <th className="num">For</th>
          </tr>
        </thead>
        {props.groups.map((group) => (
          <tbody key={`${group.severity.word} ${group.name}`}>
            {group.alerts.map((alert, i) => (
              <AlertRow
                key={alert.id}
                alert={alert}
                first={i === 0}
                count={group.alerts.length}
                selected={alert.id === props.open}
                show={props.show}
              />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function AlertRow(props: {
  readonly alert: Alert;
  readonly first: boolean;
  readonly count: number;
  readonly selected: boolean;
  readonly show: (id: string | undefined) => void;
}) {
  const { alert } = props;
  const mark = markOf(alert);
  const service = serviceOf(alert.labels);
  const summary = summaryOf(alert);
  const labels = labelWords(alert.labels);
  const press = () => props.show(props.selected ? undefined : alert.id);
  return (
    <tr aria-selected={props.selected} onClick={press}>
      <td>
        <span className="row">
          <StateMark state={mark.state} word={mark.word} />
          <button
            type="button"
            className={`value ${props.first ? "strong" : "muted"}`}
            onClick={(event) => {
              event.stopPropagation();
              press();
            }}
          >
            {alert.name}
          </button>
          {props.first && props.count > 1 && <span className="badge">{String(props.count)}</span>}
        </span>
      </td>
      <td className="c-what">
        <div className="ell">{summary}</div>
        {labels !== summary && <div className="ell muted small mono">{labels}</div>}
      </td>
      <td className="c-1">{service !== undefined && <ServiceName name={service} />}</td>
      <td className="num mono c-2">{shownValue(alert)}</td>
      <td className="num" data-tip={new Date(sinceMs(alert)).toLocaleString()}>
        {spanText(Date.now() - sinceMs(alert))}
      </td>
    </tr>
  );
}
