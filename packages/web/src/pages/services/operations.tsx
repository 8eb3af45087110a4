/** The operations of a service: the busiest first, each with its shape over time. */
import type { RedAnswer, RedSeries } from "@triptych/contract";
import { formatCount, formatDuration, formatShare, threeDigits } from "../../charts/format.ts";
import { figuresOf, type Values } from "../../charts/series.ts";
import { Spark } from "../../charts/spark.tsx";
import { PageLink } from "../../components/page-link.tsx";

export function Operations(props: {
  readonly service: string;
  readonly answer: RedAnswer;
  readonly seconds: number;
}) {
  const { service } = props;
  if (props.answer.series.length === 0)
    return <p className="pad muted quiet">None in this time.</p>;
  return (
    <div className="scrollx">
      <table className="sv ops">
        <caption className="vh">Operations of {service}, the busiest first</caption>
        <thead>
          <tr>
            <th>Operation</th>
            <th>Requests</th>
            <th>Errors</th>
            <th>p95, worst step</th>
            <th className="num c-x">Count</th>
          </tr>
        </thead>
        <tbody>
          {props.answer.series.map((one) => (
            <tr key={one.operation}>
              <td>
                <PageLink
                  to="/traces"
                  params={{ service, operation: one.operation }}
                  className="mono link"
                >
                  {one.operation === "" ? "(no name)" : one.operation}
                </PageLink>
              </td>
              <Cell values={one.rate}>{threeDigits(one.requests / props.seconds)}/s</Cell>
              <Cell values={one.errorRatio} hot={one.errors > 0}>
                {one.errors === 0 ? "0\u00a0%" : formatShare(one.errors / one.requests)}
              </Cell>
              <Cell values={one.p95Ns}>{worst(one)}</Cell>
              <td className="num mono c-x">{formatCount(one.requests)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const worst = (one: RedSeries): string => {
  const figures = figuresOf(one.p95Ns);
  return figures === undefined ? "no data" : formatDuration(figures.max);
};

function Cell(props: {
  readonly values: Values;
  readonly hot?: boolean;
  readonly children: React.ReactNode;
}) {
  return (
    <td>
      <div className="sig">
        <Spark values={props.values} colour={props.hot ? "var(--critical)" : "var(--muted)"} />
        <b>{props.children}</b>
      </div>
    </td>
  );
}
