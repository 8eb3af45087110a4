/** Charts of requests, errors and durations side by side: what the pages of services and of one service draw. */
import type { RedAnswer } from "@triptych/contract";
import { type ChartSeries, LineChart } from "../../charts/line-chart.tsx";
import type { Values } from "../../charts/series.ts";
import { useGo } from "../../state/go.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useRange } from "../../state/range-context.tsx";

export interface RedChart {
  readonly title: string;
  readonly hint: string;
  readonly unit: string;
  readonly series: readonly ChartSeries[];
}

export function RedStrip(props: {
  readonly answer: Pick<RedAnswer, "from" | "stepMs">;
  readonly charts: readonly RedChart[];
  /** Whose they are, for the title that is read aloud. */
  readonly of: string;
  readonly height: number;
  readonly className: string;
}) {
  const { answer } = props;
  const range = useRange();
  const [zone] = usePreference("zone", zones);
  const go = useGo();
  return (
    <div className={props.className}>
      {props.charts.map((chart) => (
        <section key={chart.title} aria-label={chart.title}>
          <h2>
            {chart.title} <span className="muted">{chart.hint}</span>
          </h2>
          <LineChart
            title={`${chart.title} of ${props.of}, ${chart.hint}`}
            series={chart.series}
            from={answer.from}
            stepMs={answer.stepMs}
            unit={chart.unit}
            range={range.range}
            zone={zone}
            height={props.height}
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

export const percent = (values: Values): (number | null)[] =>
  values.map((value) => (value === null ? null : value * 100));
