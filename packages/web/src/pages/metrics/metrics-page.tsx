/** Metrics: browse at the left; at the right what moved, the chart, the series behind it. */
import type {
  MetricChartAnswer,
  MetricFamily,
  MetricLabelsAnswer,
  MetricsAnswer,
} from "@triptych/contract";
import { useMemo, useState } from "react";
import { type Answer, useAnswer } from "../../api/answer.ts";
import { distinctSeries } from "../../charts/colour.ts";
import {
  formatCount,
  formatDuration,
  formatValue,
  plural,
  threeDigits,
} from "../../charts/format.ts";
import { LineChart } from "../../charts/line-chart.tsx";
import { biggestMove, figuresOf, gapsOf } from "../../charts/series.ts";
import { Answered, BoneChart, BoneRows } from "../../components/answered.tsx";
import { Badge, Honest } from "../../components/icon.tsx";
import { FindingBone, PageHead } from "../../components/page-head.tsx";
import { Teach } from "../../components/teach.tsx";
import { clockText } from "../../state/clock-text.ts";
import { useGo } from "../../state/go.ts";
import { many, one } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { Browse } from "./browse.tsx";
import { firstFamily, seriesNames, viewsOf, viewWords } from "./metric-names.ts";
import { MetricFilters } from "./metric-filters.tsx";
import { SeriesTable } from "./series-table.tsx";

const chartHeight = 388;
const chartHeightNarrow = 260;
const points = 240;

export function MetricsPage() {
  const params = useParams();
  const { range } = useRange();
  const search = one(params, "find") ?? "";
  const families = useAnswer<MetricsAnswer>("/metrics", { ...rangeParams(range), search });
  const chosen = one(params, "name") ?? firstFamily(families.data?.metrics ?? [])?.name;
  const family = families.data?.metrics.find((entry) => entry.name === chosen);
  const by = many(params, "by");
  const chart = useAnswer<MetricChartAnswer>(
    "/metrics/chart",
    {
      ...rangeParams(range),
      name: chosen,
      points: String(points),
      by,
      match: many(params, "match"),
      view: one(params, "view") ?? "auto",
    },
    { enabled: chosen !== undefined },
  );
  const labels = useAnswer<MetricLabelsAnswer>(
    "/metrics/labels",
    { ...rangeParams(range), name: chosen },
    { enabled: chosen !== undefined },
  );
  const none =
    families.data !== undefined &&
    !families.stale &&
    families.data.metrics.length === 0 &&
    search === "" &&
    chosen === undefined;
  if (none) return <Teach signal="metrics" />;
  return (
    <>
      <PageHead
        title={chosen ?? "Metrics"}
        finding={<Finding chart={chart} name={chosen} families={families} />}
        info={chart.data}
      >
        {chosen !== undefined && <span className="mono strong">{chosen}</span>}
        {family !== undefined && (
          <Badge>{family.unit === "" ? family.type : `${family.type}, ${family.unit}`}</Badge>
        )}
        {family !== undefined && family.help !== "" && <span>{family.help}</span>}
      </PageHead>
      <div className="split metrics">
        <Browse families={families} chosen={chosen} />
        <section className="metric" aria-label={chosen ?? "Metric"}>
          {chosen !== undefined && <MetricBody {...{ chart, labels, family, name: chosen, by }} />}
          {chosen === undefined &&
            families.data === undefined &&
            families.failure === undefined && <BoneChart height={chartHeight} />}
          {chosen === undefined && families.data !== undefined && (
            <p className="muted none">No metric contains “{search}”.</p>
          )}
        </section>
      </div>
    </>
  );
}

interface BodyProps {
  readonly chart: Answer<MetricChartAnswer>;
  readonly labels: Answer<MetricLabelsAnswer>;
  readonly family: MetricFamily | undefined;
  readonly name: string;
  readonly by: readonly string[];
}

function MetricBody(props: BodyProps) {
  const { chart, name, by } = props;
  const { range, set } = useRange();
  const setParams = useSetParams();
  const go = useGo();
  const [zone] = usePreference("zone", zones);
  const [stressed, setStressed] = useState(-1);
  const { data } = chart;
  const series = useMemo(() => {
    // The name of the metric stands above already; a lone line is named for what it shows.
    const lone = data === undefined || data.view === "value" ? name : viewWords[data.view];
    const names = seriesNames(
      (data?.series ?? []).map((entry) => entry.labels),
      lone,
    );
    const colours = distinctSeries(names);
    return (data?.series ?? []).map((entry, i) => ({
      name: names[i] ?? name,
      colour: colours[i] ?? 1,
      values: entry.values,
      labels: entry.labels,
    }));
  }, [data, name]);
  const gaps = useMemo(() => gapsOf(series.map((entry) => entry.values)), [series]);
  const height = innerWidth > 760 ? chartHeight : chartHeightNarrow;
  return (
    <>
      <MetricFilters labels={props.labels} by={by} />
      <div className="bar views">
        <span className="seg" role="group" aria-label="What to show">
          {viewsOf(props.family?.type).map((view) => (
            <button
              key={view}
              type="button"
              aria-pressed={data?.view === view}
              onClick={() => setParams({ view })}
            >
              {viewWords[view]}
            </button>
          ))}
        </span>
        {data !== undefined && (
          <span className="muted small">
            {plural(data.seriesTotal, "series", "series")},{" "}
            {formatDuration(data.stepMs * 1e6, "axis")} step
          </span>
        )}
        <span className="grow" />
        {data !== undefined && data.exemplars.length > 0 && (
          <Honest why="Dots are single traces kept with the samples. Click one to open it.">{`${data.exemplars.length} ${data.exemplars.length === 1 ? "exemplar" : "exemplars"}`}</Honest>
        )}
        {gaps.length > 0 && data !== undefined && (
          <Honest
            warn
            why="No series has a value there. The lines are broken; nothing is interpolated."
          >
            {gaps.length === 1
              ? `1 gap, ${clockText(data.from + (gaps[0]?.[0] ?? 0) * data.stepMs, zone)} to ${clockText(data.from + ((gaps[0]?.[1] ?? 0) + 1) * data.stepMs, zone)}`
              : `${gaps.length} gaps`}
          </Honest>
        )}
        {data !== undefined && data.seriesTotal > data.series.length && (
          <Honest>{`top ${data.series.length} of ${formatCount(data.seriesTotal)} series`}</Honest>
        )}
      </div>
      <Answered
        answer={chart}
        what={name}
        skeleton={
          <>
            <BoneChart height={height} />
            <BoneRows rows={4} height={28} />
          </>
        }
      >
        {(answer) =>
          answer.series.length === 0 ? (
            <div className="nothing pad">
              <p>No series of {name} matches in this range.</p>
              <p className="muted">
                It may have been sent before or after, or a filter leaves nothing.
              </p>
              <div className="row wrap">
                <button
                  type="button"
                  className="btn"
                  onClick={() => setParams({ match: undefined })}
                >
                  Remove all filters
                </button>
              </div>
            </div>
          ) : (
            <>
              <div className="chartbox">
                <LineChart
                  title={`${viewWords[answer.view]} of ${name}`}
                  series={series}
                  from={answer.from}
                  stepMs={answer.stepMs}
                  unit={answer.unit}
                  range={range}
                  zone={zone}
                  height={height}
                  exemplars={answer.exemplars}
                  stressed={stressed}
                  onZoom={(next) => set({ kind: "absolute", ...next })}
                  onTrace={(traceId) => go(`/traces/${traceId}`)}
                />
              </div>
              <SeriesTable
                series={series}
                unit={answer.unit}
                stress={setStressed}
                exemplars={answer.exemplars}
              />
            </>
          )
        }
      </Answered>
    </>
  );
}

function Finding(props: {
  readonly chart: Answer<MetricChartAnswer>;
  readonly name: string | undefined;
  readonly families: Answer<MetricsAnswer>;
}) {
  const [zone] = usePreference("zone", zones);
  const { chart, name } = props;
  if (name === undefined) {
    if (props.families.failure !== undefined) return <>Metrics could not be read.</>;
    return props.families.data === undefined ? (
      <FindingBone />
    ) : (
      <>{plural(props.families.data.metrics.length, "metric")} match.</>
    );
  }
  if (chart.data === undefined)
    return chart.failure === undefined ? <FindingBone /> : <>{name} could not be read.</>;
  const { data } = chart;
  const move = biggestMove(data.series.map((entry) => entry.values));
  const what =
    data.view === "value" || data.view === "count"
      ? ""
      : data.view === "rate"
        ? "rate "
        : `${data.view} `;
  if (data.series.length === 0) return <>No data for {name} here.</>;
  if (move === undefined) {
    const names = seriesNames(
      data.series.map((entry) => entry.labels),
      "",
    );
    const last = figuresOf(data.series[0]?.values ?? [])?.last;
    return (
      <>
        {names[0] !== "" && `${names[0]}: `}
        {what === "" ? name : what}
        {names[0] === "" && what !== "" && `of ${name}`} is {formatValue(last, data.unit)}
        {data.series.length > 1 && ", the largest"}; nothing moved much in this range.
      </>
    );
  }
  const whose =
    seriesNames(
      data.series.map((entry) => entry.labels),
      "",
    )[move.series] ?? "";
  const since = data.from + move.since * data.stepMs;
  return (
    <>
      {whose !== "" ? `${whose}: ` : ""}
      {what}
      {move.ratio > 1 ? "rose" : "fell"} to{" "}
      <em className="w">{formatValue(move.last, data.unit)}</em>,{" "}
      {move.ratio > 1 ? `${threeDigits(move.ratio)}×` : `1/${threeDigits(1 / move.ratio)}`} of
      before ({formatValue(move.before, data.unit)}), since {clockText(since, zone)}.
    </>
  );
}
