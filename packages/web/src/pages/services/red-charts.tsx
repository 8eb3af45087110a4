/** Requests, errors and durations of a service side by side. */
import type { RedAnswer, RedSeries } from "@triptych/contract";
import { seriesOf } from "../../charts/colour.ts";
import { percent, type RedChart, RedStrip } from "./red-strip.tsx";

const height = 190;
/** From light to dark in both themes, and apart for every eye. */
const quantileColours = { p50: 2, p95: 1, p99: 9 } as const;

export function RedCharts(props: { readonly answer: RedAnswer; readonly series: RedSeries }) {
  const { answer, series } = props;
  const own = seriesOf(series.service);
  const charts: readonly RedChart[] = [
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
    <RedStrip
      answer={answer}
      charts={charts}
      of={series.service}
      height={height}
      className="strip"
    />
  );
}
