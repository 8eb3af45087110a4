/** Alerts: what fires now and why, when it did, the rules behind, and who is told. */
import type { AlertsAnswer } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { spanText } from "../../state/clock-text.ts";
import { one } from "../../state/params.ts";
import { useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { AlertList } from "./alert-list.tsx";
import { severityOf, sinceMs, summaryOf } from "./alert-words.ts";
import { Alertmanagers } from "./alertmanagers.tsx";
import { NoRules } from "./no-rules.tsx";
import { RulesView } from "./rules-view.tsx";

const everyMs = 10_000;

export function AlertsPage() {
  const params = useParams();
  const setParams = useSetParams();
  const tab = one(params, "tab") ?? "alerts";
  const answer = useAnswer<AlertsAnswer>("/alerts", {}, { everyMs });
  const { data } = answer;
  const rules =
    data === undefined ? undefined : data.ruleCounts.alerting + data.ruleCounts.recording;
  const broken = data?.alertmanagers.filter(({ lastError }) => lastError !== "").length ?? 0;
  return (
    <>
      <PageHead
        title="Alerts"
        stale={answer.stale}
        finding={
          data === undefined ? (
            answer.failure ? (
              <>The alerts could not be read.</>
            ) : undefined
          ) : (
            <Finding answer={data} />
          )
        }
      >
        {data !== undefined && rules !== 0 && (
          <>
            <span>{data.counts.firing} firing</span>
            <span>{data.counts.pending} pending</span>
            <span>{plural(data.ruleCounts.alerting, "alerting rule")}</span>
            {data.ruleCounts.failing > 0 && (
              <span className="c-warn">
                {plural(data.ruleCounts.failing, "rule")} cannot be evaluated
              </span>
            )}
            {broken > 0 && (
              <span className="c-warn">{plural(broken, "Alertmanager")} cannot be told</span>
            )}
          </>
        )}
      </PageHead>
      <Tabs
        label="Alerts and rules"
        chosen={tab}
        choose={(id) => setParams({ tab: id === "alerts" ? undefined : id, open: undefined })}
        tabs={[
          {
            id: "alerts",
            name: "Alerts",
            count: data === undefined ? undefined : data.counts.firing + data.counts.pending,
          },
          { id: "rules", name: "Rules", count: rules },
          { id: "receivers", name: "Alertmanagers", count: data?.alertmanagers.length },
        ]}
      />
      {tab === "rules" ? (
        <RulesView />
      ) : (
        <Answered answer={answer} what="alerts" skeleton={<BoneRows rows={8} height={44} />}>
          {(found) =>
            tab === "receivers" ? (
              <Alertmanagers list={found.alertmanagers} />
            ) : rules === 0 ? (
              <NoRules />
            ) : (
              <AlertList answer={found} />
            )
          }
        </Answered>
      )}
    </>
  );
}

function Finding(props: { readonly answer: AlertsAnswer }) {
  const { alerts, counts, ruleCounts } = props.answer;
  const { nowMs } = useRange();
  const firing = alerts.filter(({ state }) => state === "firing");
  const [worst] = [...firing].sort(
    (a, b) => severityOf(a.labels).rank - severityOf(b.labels).rank || sinceMs(b) - sinceMs(a),
  );
  if (ruleCounts.alerting + ruleCounts.recording === 0) return <>No rules, so no alerts.</>;
  if (worst === undefined)
    return counts.pending > 0 ? (
      <>
        Nothing fires; <em className="w">{plural(counts.pending, "alert")}</em>{" "}
        {counts.pending === 1 ? "is" : "are"} pending.
      </>
    ) : (
      <>Nothing fires.</>
    );
  const since = spanText(Math.max(nowMs, Date.now()) - sinceMs(worst));
  return (
    <>
      {counts.firing > 1 && <>{plural(counts.firing, "alert")} fire: </>}
      <em className={severityOf(worst.labels).state === "critical" ? "" : "w"}>{worst.name}</em>
      {summaryOf(worst) !== "" && <>, {summaryOf(worst)},</>} for {since}.
    </>
  );
}
