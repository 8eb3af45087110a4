/** Traces: what stands out, the picture of durations, what sets the slow ones apart, and the list. */
import type { DifferenceAnswer, TraceHeatAnswer, TracesAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { type Answer, useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration, formatShare, plural } from "../../charts/format.ts";
import { HeatMap } from "../../charts/heat-map.tsx";
import { summarise } from "../../charts/heat-scale.ts";
import { Answered, BoneChart, BoneRows } from "../../components/answered.tsx";
import { FindingBone, PageHead } from "../../components/page-head.tsx";
import { NothingMatches, Teach } from "../../components/teach.tsx";
import { clockText } from "../../state/clock-text.ts";
import { scopedKey } from "../../state/filters.ts";
import { one, type Params } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { Difference } from "./difference.tsx";
import { isTelling, parseBox, printBox, type SlowPart, slowPart } from "./slow-part.ts";
import { TraceFilterBar } from "./trace-filter-bar.tsx";
import { hasTraceFilters, traceFilterNames, traceQuery } from "./trace-filters.ts";
import { TraceTable } from "./trace-table.tsx";

const heatColumns = innerWidth > 760 ? 90 : 44;
const heatHeight = 286;
const pageRows = 200;

export function TracesPage() {
  const params = useParams();
  const setParams = useSetParams();
  const { range } = useRange();
  const [zone] = usePreference("zone", zones);
  const sort = one(params, "sort") === "duration" ? "duration" : "time";
  const limit = Math.min(5000, Number(one(params, "rows") ?? pageRows) || pageRows);
  const query = { ...rangeParams(range), ...traceQuery(params) };
  const traces = useAnswer<TracesAnswer>("/traces", { ...query, sort, limit: String(limit) });
  const heat = useAnswer<TraceHeatAnswer>("/traces/heat", {
    ...query,
    columns: String(heatColumns),
  });
  const slow = useMemo(
    () => heat.data && slowPart(heat.data, summarise(heat.data.boundsNs, heat.data.cells)),
    [heat.data],
  );
  const drawn = parseBox(one(params, "box"));
  const box = drawn ?? slow?.box;
  const difference = useAnswer<DifferenceAnswer>(
    "/traces/difference",
    box === undefined
      ? {}
      : {
          ...query,
          boxFrom: String(box.from),
          boxTo: String(box.to),
          boxMinMs: String(box.minMs),
          boxMaxMs: String(box.maxMs),
        },
    { enabled: box !== undefined },
  );
  const nothing = traces.data !== undefined && !traces.stale && traces.data.total === 0;
  if (nothing && !hasTraceFilters(params)) return <Teach signal="traces" />;
  return (
    <>
      <PageHead
        title={titleOf(params)}
        finding={<Finding {...{ heat, slow, difference, drawn: drawn !== undefined }} />}
        info={traces.data}
        stale={traces.stale && traces.failure !== undefined}
      >
        {traces.data !== undefined && <span>{plural(traces.data.total, "trace")} match</span>}
        {slow !== undefined && (
          <span>
            slow: over {formatDuration(slow.boundNs, "axis")}
            {slow.since !== undefined && `, since ${clockText(slow.since, zone)}`}
          </span>
        )}
      </PageHead>
      <TraceFilterBar />
      {nothing ? (
        <NothingMatches
          what="trace"
          remove={() =>
            setParams(Object.fromEntries(traceFilterNames.map((name) => [name, undefined])))
          }
        />
      ) : (
        <>
          <div className="plotrow">
            <section className="sc" aria-labelledby="heat-h">
              <div className="hd">
                <h2 id="heat-h">Duration</h2>
                <span className="muted hide-s">
                  each cell counts traces; diamonds are errors; drag a box to compare
                </span>
              </div>
              <Answered
                answer={heat}
                what="the durations"
                skeleton={<BoneChart height={heatHeight} />}
              >
                {(data) => (
                  <HeatMap
                    heat={data}
                    range={range}
                    zone={zone}
                    height={heatHeight}
                    box={drawn}
                    boxLabel={
                      difference.data === undefined ? "" : plural(difference.data.inside, "trace")
                    }
                    onBox={(next) => setParams({ box: next && printBox(next) })}
                  />
                )}
              </Answered>
            </section>
            <Difference
              answer={difference}
              kind={
                drawn !== undefined
                  ? "box"
                  : slow !== undefined
                    ? "slow"
                    : heat.data !== undefined
                      ? "none"
                      : heat.failure !== undefined
                        ? "unknown"
                        : "waiting"
              }
              clear={() => setParams({ box: undefined })}
            />
          </div>
          <Answered
            answer={traces}
            what="traces"
            className="results sect"
            skeleton={<BoneRows rows={12} height={32} />}
          >
            {(data) => (
              <TraceTable
                answer={data}
                sort={sort}
                more={() => setParams({ rows: String(limit + 300) }, { replace: true })}
              />
            )}
          </Answered>
        </>
      )}
    </>
  );
}

function titleOf(params: Params): string {
  const service = one(params, "service");
  return service === undefined ? "Traces" : `Traces of ${service}`;
}

interface FindingProps {
  readonly heat: Answer<TraceHeatAnswer>;
  readonly slow: SlowPart | undefined;
  readonly difference: Answer<DifferenceAnswer>;
  readonly drawn: boolean;
}

/** The one sentence. It claims only what the answers on screen show. */
function Finding(props: FindingProps) {
  const [zone] = usePreference("zone", zones);
  const { heat, slow, difference } = props;
  if (heat.data === undefined) {
    return heat.failure !== undefined ? <>Traces could not be read.</> : <FindingBone />;
  }
  const telling = difference.stale ? undefined : difference.data?.values.find(isTelling);
  const because = telling !== undefined && (
    <>
      ; {formatShare(telling.insideShare)} have{" "}
      <span className="nb">
        {scopedKey(telling.key).key}={telling.value}
      </span>
      , {formatShare(telling.outsideShare)} of the others
    </>
  );
  if (props.drawn && difference.data !== undefined) {
    return (
      <>
        {plural(difference.data.inside, "trace")} in the box{because}.
      </>
    );
  }
  const summary = summarise(heat.data.boundsNs, heat.data.cells);
  if (summary.total === 0) return <>No trace matches.</>;
  if (slow !== undefined) {
    return (
      <>
        <em className="w">{plural(slow.count, "slow trace")}</em>
        {slow.since !== undefined && ` since ${clockText(slow.since, zone)}`}
        {because}.
      </>
    );
  }
  if (summary.errors > 0) {
    return (
      <>
        <em>
          {formatCount(summary.errors)} of {plural(summary.total, "trace")}
        </em>{" "}
        failed; half took less than {formatDuration(summary.medianNs)}.
      </>
    );
  }
  return (
    <>
      {plural(summary.total, "trace")}, half took less than {formatDuration(summary.medianNs)}; none
      failed, none is unusually slow.
    </>
  );
}
