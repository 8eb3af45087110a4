/** Requests, errors and durations of the services side by side, each service in its colour. */
import type { RedAnswer, RedSeries } from "@triptych/contract";
import { distinctSeries } from "../../charts/colour.ts";
import type { Values } from "../../charts/series.ts";
import { percent, RedStrip } from "../services/red-strip.tsx";
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
    of: ({ errorRatio }) => percent(errorRatio),
  },
  { title: "Duration", hint: "p95", unit: "ns", of: ({ p95Ns }) => p95Ns },
];

export function ServiceCharts(props: {
  readonly rows: readonly ServiceRow[];
  readonly red: RedAnswer | undefined;
}) {
  const { red } = props;
  const shown = props.rows
    .flatMap((row) => (row.red === undefined ? [] : [row.red]))
    .slice(0, linesMax);
  if (red === undefined) return <div className="strip home waits" />;
  const colours = distinctSeries(shown.map(({ service }) => service));
  const drawn = charts.map(({ of, ...chart }) => ({
    ...chart,
    series: shown.map((one, i) => ({
      name: one.service,
      colour: colours[i] ?? 1,
      values: of(one),
    })),
  }));
  return (
    <RedStrip answer={red} charts={drawn} of="services" height={height} className="strip home" />
  );
}
