/** All services in figures and shapes, worst first. */
import type { ReactNode } from "react";
import { formatDuration, formatShare, threeDigits } from "../../charts/format.ts";
import { Spark } from "../../charts/spark.tsx";
import type { Values } from "../../charts/series.ts";
import { StateMark } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { Value } from "../../components/value.tsx";
import { useGo } from "../../state/go.ts";
import { useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { useServiceMenu } from "./service-menu.ts";
import type { ServiceRow } from "./use-services.ts";

export function ServiceTable(props: {
  readonly rows: readonly ServiceRow[];
  readonly seconds: number;
}) {
  const { rows } = props;
  const go = useGo();
  const params = useParams();
  const setParams = useSetParams();
  const selected = one(params, "sel");
  const index = rows.findIndex(({ name }) => name === selected);
  const open = (name: string) => go(`/services/${encodeURIComponent(name)}`);
  useListKeys({
    count: rows.length,
    index,
    select: (at) => setParams({ sel: rows[at]?.name }, { replace: true }),
    open: (at) => open(rows[at]?.name ?? ""),
  });
  return (
    <div className="scrollx">
      <table className="sv">
        <caption className="vh">Services, worst first</caption>
        <thead>
          <tr>
            <th>Service</th>
            <th className="c-rate">Requests</th>
            <th>Errors</th>
            <th className="num c-x">p50</th>
            <th>p95</th>
            <th className="num c-x">p99</th>
            <th className="c-why">What is different</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <Row
              key={row.name}
              row={row}
              seconds={props.seconds}
              selected={i === index}
              open={() => open(row.name)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row(props: {
  readonly row: ServiceRow;
  readonly seconds: number;
  readonly selected: boolean;
  readonly open: () => void;
}) {
  const { row, seconds } = props;
  const { health, now, red } = row;
  const menu = useServiceMenu();
  const isBad = health.badness > 10;
  const hot = health.state === "critical" ? "var(--critical)" : "var(--warn)";
  const has = now.requests > 0;
  const figure = (text: string, what: string, filter: Parameters<typeof menu>[1] = {}) =>
    has ? (
      <Value title={`${row.name} ${what}`} items={() => menu(row.name, filter)}>
        {text}
      </Value>
    ) : (
      <span className="faint">no data</span>
    );
  const errorShare = has ? now.errors / now.requests : Number.NaN;
  return (
    <tr className={isBad ? "bad" : ""} aria-selected={props.selected} onClick={props.open}>
      <td>
        <span className="row">
          <StateMark state={health.state} word={health.word} quiet />
          <PageLink to={`/services/${encodeURIComponent(row.name)}`}>
            <ServiceName name={row.name} />
          </PageLink>
        </span>
      </td>
      <td className="c-rate">
        <Signal values={red?.rate} colour="var(--muted)">
          {figure(`${threeDigits(now.requests / seconds)}/s`, "requests")}
        </Signal>
      </td>
      <td>
        <Signal
          values={red?.errorRatio}
          colour={isBad && health.why.includes("fail") ? hot : "var(--muted)"}
        >
          {figure(
            now.errors === 0 ? "0\u00a0%" : formatShare(errorShare),
            "errors",
            now.errors === 0 ? {} : { status: "error" },
          )}
        </Signal>
      </td>
      <td className="num mono c-x">{has ? formatDuration(row.p50Ns) : ""}</td>
      <td>
        <Signal
          values={red?.p95Ns}
          colour={isBad && health.why.includes("p95") ? hot : "var(--muted)"}
        >
          {figure(formatDuration(now.p95Ns), "p95", {
            sort: "duration",
            min: `${Math.floor(now.p95Ns / 1e6)}ms`,
          })}
        </Signal>
      </td>
      <td className="num mono c-x">{has ? formatDuration(row.p99Ns) : ""}</td>
      <td className="c-why">
        <div className="why">
          {health.why === "" ? (
            <span className="faint">{health.word === "Usual" ? "as usual" : "no trouble"}</span>
          ) : (
            health.why
          )}
        </div>
      </td>
    </tr>
  );
}

function Signal(props: {
  readonly values: Values | undefined;
  readonly colour: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="sig">
      {props.values !== undefined && <Spark values={props.values} colour={props.colour} />}
      <b>{props.children}</b>
    </div>
  );
}
