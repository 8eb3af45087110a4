/** The series behind the chart in figures, and the traces kept with them. */
import type { MetricChartAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { formatValue } from "../../charts/format.ts";
import type { ChartSeries, Exemplar } from "../../charts/line-chart.tsx";
import { figuresOf } from "../../charts/series.ts";
import { Spark } from "../../charts/spark.tsx";
import { type MenuItem, useCopy } from "../../components/floats.tsx";
import { Icon } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { Value } from "../../components/value.tsx";
import { dateTimeText } from "../../state/clock-text.ts";
import { many } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { tellingLabels } from "./metric-names.ts";

type LabelledSeries = ChartSeries & {
  readonly labels: MetricChartAnswer["series"][number]["labels"];
};

const exemplarsMax = 50;

export function SeriesTable(props: {
  readonly series: readonly LabelledSeries[];
  readonly unit: string;
  readonly stress: (index: number) => void;
  readonly exemplars: readonly Exemplar[];
}) {
  const { unit } = props;
  const telling = useMemo(
    () => tellingLabels(props.series.map((one) => one.labels)),
    [props.series],
  );
  return (
    <>
      <div className="scrollx sect">
        <table className="ser dense">
          <caption className="vh">Series, largest last value first</caption>
          <thead>
            <tr>
              <th>Series</th>
              <th className="num c-x">Min</th>
              <th className="num c-x">Mean</th>
              <th className="num">Max</th>
              <th className="num sort" aria-sort="descending">
                Last
              </th>
              <th className="c-x spark">Shape</th>
            </tr>
          </thead>
          <tbody onPointerLeave={() => props.stress(-1)}>
            {props.series.map((one, i) => {
              const figures = figuresOf(one.values);
              return (
                <tr
                  key={one.name}
                  style={{ "--c": `var(--series-${one.colour})` } as React.CSSProperties}
                  onPointerEnter={() => props.stress(i)}
                >
                  <td className="lb">
                    <span className="sw" aria-hidden="true" />
                    <SeriesLabels series={one} telling={telling} />
                  </td>
                  <Cell value={figures?.min} unit={unit} extra />
                  <Cell value={figures?.mean} unit={unit} extra />
                  <Cell value={figures?.max} unit={unit} />
                  <Cell value={figures?.last} unit={unit} />
                  <td className="c-x spark">
                    <Spark values={one.values} colour={`var(--series-${one.colour})`} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {props.exemplars.length > 0 && <Exemplars exemplars={props.exemplars} unit={unit} />}
    </>
  );
}

function Cell(props: {
  readonly value: number | undefined;
  readonly unit: string;
  readonly extra?: boolean;
}) {
  return (
    <td
      className={`num mono ${props.extra ? "c-x" : ""}`}
      title={props.value === undefined ? undefined : String(props.value)}
    >
      {formatValue(props.value, props.unit)}
    </td>
  );
}

function SeriesLabels(props: {
  readonly series: LabelledSeries;
  /** Labels in which the series differ: they come first. */
  readonly telling: readonly string[];
}) {
  const menu = useLabelMenu();
  const rank = (name: string) => (props.telling.includes(name) ? 0 : 1);
  const entries = Object.entries(props.series.labels).sort(([a], [b]) => rank(a) - rank(b));
  if (entries.length === 0) return <>{props.series.name}</>;
  return (
    <>
      {"{"}
      {entries.map(([name, value], i) => (
        <span key={name}>
          {i > 0 && ", "}
          <Value title={`${name} = ${value}`} items={() => menu(name, value)}>
            {name}="{value}"
          </Value>
        </span>
      ))}
      {"}"}
    </>
  );
}

function useLabelMenu(): (name: string, value: string) => readonly MenuItem[] {
  const params = useParams();
  const setParams = useSetParams();
  const copy = useCopy();
  const matches = many(params, "match");
  const by = many(params, "by");
  return (name, value) => [
    {
      icon: "plus",
      label: "Filter for",
      run: () => setParams({ match: [...matches, `${name}=${value}`] }),
    },
    {
      icon: "minus",
      label: "Filter out",
      run: () => setParams({ match: [...matches, `${name}!=${value}`] }),
    },
    {
      icon: "group",
      label: by.includes(name) ? "Do not group by" : "Group by",
      run: () =>
        setParams({ by: by.includes(name) ? by.filter((item) => item !== name) : [...by, name] }),
    },
    { icon: "copy", label: "Copy value", run: () => copy(value, "the value") },
  ];
}

function Exemplars(props: { readonly exemplars: readonly Exemplar[]; readonly unit: string }) {
  const [zone] = usePreference("zone", zones);
  const largest = useMemo(
    () => [...props.exemplars].sort((a, b) => b.value - a.value).slice(0, exemplarsMax),
    [props.exemplars],
  );
  return (
    <details className="exemplars">
      <summary className="gh">
        <Icon name="right" />
        Traces kept with the samples, largest first
        <span className="faint">{props.exemplars.length}</span>
      </summary>
      <ul>
        {largest.map((exemplar) => (
          <li key={`${exemplar.traceId}${exemplar.timeMs}`} className="row">
            <span className="mono num">{formatValue(exemplar.value, props.unit)}</span>
            <span className="mono muted">{dateTimeText(exemplar.timeMs, zone, "ms")}</span>
            <PageLink to={`/traces/${exemplar.traceId}`} className="link mono">
              {exemplar.traceId}
            </PageLink>
          </li>
        ))}
      </ul>
    </details>
  );
}
