/** Requests, errors and durations of the services side by side, each service in its colour. */
import type { RedAnswer, RedSeries } from "@triptych/contract";
import { distinctSeries } from "../../charts/colour.ts";
import { LineChart } from "../../charts/line-chart.tsx";
import type { Values } from "../../charts/series.ts";
import { useGo } from "../../state/go.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useRange } from "../../state/range-context.tsx";
import type { ServiceRow } from "../services/use-services.ts";

const height = 152;
/** More lines than this cannot be told apart; the worst and then the busiest are drawn. */
const linesMax = 8;

const charts: readonly {
  readonly title: string;
  readonly hint: string;
  readonly unit: string;
  readonly of: (series: RedSeries) => Values;
}[] = [
  { title: "Requests", hint: "per second", unit: "1/s", of: ({ rate }) => rate },
  {
    title: "Errors",
    hint: "share of requests",
    unit: "%",
    of: ({ errorRatio }) => errorRatio.map((value) => (value === null ? null : value * 100)),
  },
  { title: "Duration", hint: "p95", unit: "ns", of: ({ p95Ns }) => p95Ns },
];

export function ServiceCharts(props: {
  readonly rows: readonly ServiceRow[];
  readonly red: RedAnswer | undefined;
}) {
  const { red } = props;
  const range = useRange();
  const [zone] = usePreference("zone", zones);
  const go = useGo();
  const shown = props.rows
    .flatMap((row) => (row.red === undefined ? [] : [row.red]))
    .slice(0, linesMax);
  if (red === undefined) return <div className="strip home waits" />;
  const colours = distinctSeries(shown.map(({ service }) => service));
  return (
    <div className="strip home">
      {charts.map((chart) => (
        <section key={chart.title} aria-label={chart.title}>
          <h2>
            {chart.title} <span className="muted">{chart.hint}</span>
          </h2>
          <LineChart
            title={`${chart.title} of services, ${chart.hint}`}
            series={shown.map((one, i) => ({
              name: one.service,
              colour: colours[i] ?? 1,
              values: chart.of(one),
            }))}
            from={red.from}
            stepMs={red.stepMs}
            unit={chart.unit}
            range={range.range}
            zone={zone}
            height={height}
            exemplars={[]}
            stressed={-1}
            onZoom={(to) => range.set({ kind: "absolute", ...to })}
            onTrace={(id) => go(`/traces/${id}`)}
          />
        </section>
      ))}
    </div>
  );
}
