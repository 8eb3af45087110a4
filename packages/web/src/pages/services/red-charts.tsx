/** Requests, errors and durations of a service side by side. */
import type { RedAnswer, RedSeries } from "@triptych/contract";
import { seriesOf } from "../../charts/colour.ts";
import { type ChartSeries, LineChart } from "../../charts/line-chart.tsx";
import type { Values } from "../../charts/series.ts";
import { useGo } from "../../state/go.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useRange } from "../../state/range-context.tsx";

const height = 190;
/** From light to dark in both themes, and apart for every eye. */
const quantileColours = { p50: 2, p95: 1, p99: 9 } as const;

export function RedCharts(props: { readonly answer: RedAnswer; readonly series: RedSeries }) {
  const { answer, series } = props;
  const range = useRange();
  const [zone] = usePreference("zone", zones);
  const go = useGo();
  const own = seriesOf(series.service);
  const charts: readonly {
    readonly title: string;
    readonly hint: string;
    readonly unit: string;
    readonly series: readonly ChartSeries[];
  }[] = [
    {
      title: "Requests",
      hint: "per second",
      unit: "1/s",
      series: [{ name: "requests", colour: own, values: series.rate }],
    },
    {
      title: "Errors",
      hint: "share of requests",
      unit: "%",
      series: [{ name: "errors", colour: own, values: percent(series.errorRatio) }],
    },
    {
      title: "Duration",
      hint: "of requests",
      unit: "ns",
      series: (["p50", "p95", "p99"] as const).map((name) => ({
        name,
        colour: quantileColours[name],
        values: series[`${name}Ns`],
      })),
    },
  ];
  return (
    <div className="strip">
      {charts.map((chart) => (
        <section key={chart.title} aria-label={chart.title}>
          <h2>
            {chart.title} <span className="muted">{chart.hint}</span>
          </h2>
          <LineChart
            title={`${chart.title} of ${series.service}, ${chart.hint}`}
            series={chart.series}
            from={answer.from}
            stepMs={answer.stepMs}
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

const percent = (values: Values): (number | null)[] =>
  values.map((value) => (value === null ? null : value * 100));
