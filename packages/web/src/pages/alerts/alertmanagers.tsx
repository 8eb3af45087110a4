/** The Alertmanagers that alerts are sent to, and whether they take them. */
import type { AlertmanagerState } from "@triptych/contract";
import { formatCount } from "../../charts/format.ts";
import { StateMark } from "../../components/icon.tsx";
import { agoText } from "./rule-facts.tsx";

export function Alertmanagers(props: { readonly list: readonly AlertmanagerState[] }) {
  if (props.list.length === 0)
    return (
      <div className="pad nothing">
        <p>Alerts are sent to no Alertmanager.</p>
        <p className="muted">
          They are listed here all the same. To send them, name yours under{" "}
          <span className="mono">alerting: alertmanagers:</span> in prometheus.yml.
        </p>
      </div>
    );
  return (
    <div className="scrollx">
      <table>
        <caption className="vh">Alertmanagers</caption>
        <thead>
          <tr>
            <th>Alertmanager</th>
            <th>State</th>
            <th className="num">Sent</th>
            <th className="num">Failed requests</th>
            <th className="num">Waiting</th>
            <th className="num c-1">Last taken</th>
          </tr>
        </thead>
        <tbody>
          {props.list.map((one) => (
            <tr key={one.url}>
              <td>
                <div className="mono">{one.url}</div>
                {one.lastError !== "" && (
                  <div className="small c-critical wrapany words">{one.lastError}</div>
                )}
              </td>
              <td>
                <StateMark {...stateOf(one)} />
              </td>
              <td className="num mono">{formatCount(one.sent)}</td>
              <td className="num mono">{formatCount(one.failed)}</td>
              <td className="num mono">{formatCount(one.waiting)}</td>
              <td className="num c-1">{agoText(one.lastSentMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function stateOf(one: AlertmanagerState) {
  if (one.lastError !== "")
    return { state: "critical", word: one.waiting > 0 ? "fails, tried again" : "fails" } as const;
  return one.lastSentMs === 0
    ? ({ state: "none", word: "nothing sent yet" } as const)
    : ({ state: "ok", word: "takes alerts" } as const);
}
