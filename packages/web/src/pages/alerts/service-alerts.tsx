/** The alerts that fire for one service, as a line each; nothing when none does. */
import type { AlertsAnswer } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { StateMark } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { spanText } from "../../state/clock-text.ts";
import { serviceOf, severityOf, sinceMs, summaryOf } from "./alert-words.ts";

const shownMax = 5;

export function ServiceAlerts(props: { readonly service: string }) {
  const answer = useAnswer<AlertsAnswer>("/alerts");
  const own =
    answer.data?.alerts.filter(
      ({ labels, state }) => state === "firing" && serviceOf(labels) === props.service,
    ) ?? [];
  if (own.length === 0) return null;
  return (
    <ul className="own-alerts" aria-label="Alerts that fire">
      {own.slice(0, shownMax).map((alert) => {
        const severity = severityOf(alert.labels);
        return (
          <li key={alert.id}>
            <StateMark state={severity.state} word={severity.word} />
            <PageLink to="/alerts" params={{ open: alert.id }} className="strong">
              {alert.name}
            </PageLink>
            <span className="ell grow">{summaryOf(alert)}</span>
            <span className="muted">for {spanText(Date.now() - sinceMs(alert))}</span>
          </li>
        );
      })}
      {own.length > shownMax && (
        <li>
          <PageLink to="/alerts" className="link">
            {own.length - shownMax} more
          </PageLink>
        </li>
      )}
    </ul>
  );
}
