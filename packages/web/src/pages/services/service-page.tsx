/** One service: rate, errors and durations over time, by operation, and its neighbours. */
import type { DependenciesAnswer, RedAnswer, RedSeries } from "@triptych/contract";
import { useParams as useRouteParams } from "@tanstack/react-router";
import { useAnswer } from "../../api/answer.ts";
import { formatDuration, plural, threeDigits } from "../../charts/format.ts";
import { Answered, BoneChart, BoneRows } from "../../components/answered.tsx";
import { StateMark } from "../../components/icon.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { NothingMatches } from "../../components/teach.tsx";
import { spanText } from "../../state/clock-text.ts";
import { useGo } from "../../state/go.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { ServiceAlerts } from "../alerts/service-alerts.tsx";
import { edgeFigures, figureWords, graphOf } from "./map-graph.ts";
import { Operations } from "./operations.tsx";
import { RedCharts } from "./red-charts.tsx";
import { Saturation } from "./saturation.tsx";
import { type ServiceRow, useServices } from "./use-services.ts";

const operationsMax = 50;

export function ServicePage() {
  const { service = "" } = useRouteParams({ strict: false }) as { readonly service?: string };
  const { range } = useRange();
  const services = useServices();
  const row = services.rows?.find(({ name }) => name === service);
  const own = { ...rangeParams(range), service };
  const red = useAnswer<RedAnswer>("/red", own, { keep: false });
  const operations = useAnswer<RedAnswer>(
    "/red",
    { ...own, by: "operation", limit: String(operationsMax) },
    { keep: false },
  );
  const series = red.data?.series[0];
  return (
    <>
      <PageHead
        title={service}
        info={red.data}
        stale={red.stale}
        finding={
          services.rows === undefined || red.data === undefined ? (
            red.failure ? (
              <>{service} could not be read.</>
            ) : undefined
          ) : (
            <Finding
              service={service}
              row={row}
              worst={worstOperation(operations.data?.series ?? [])}
            />
          )
        }
      >
        {row !== undefined && <StateMark state={row.health.state} word={row.health.word} />}
        {row !== undefined && (
          <span>
            {plural(row.now.requests, "request")},{" "}
            {threeDigits(row.now.requests / services.seconds)}/s
          </span>
        )}
        {services.rows !== undefined && (
          <span className="faint">
            {services.hasUsual
              ? `compared with the ${spanText(services.usualMs)} before`
              : "nothing earlier to compare with yet"}
          </span>
        )}
      </PageHead>
      <Links service={service} />
      <ServiceAlerts service={service} />
      <Answered answer={red} what={service} skeleton={<BoneChart height={190} />}>
        {(data) =>
          series === undefined ? (
            <NothingMatches what={`request of ${service}`} />
          ) : (
            <RedCharts answer={data} series={series} />
          )
        }
      </Answered>
      <Saturation service={service} />
      <div className="bar sect">
        <h2>Operations</h2>
        <span className="muted">{operations.data?.series.length ?? ""}</span>
      </div>
      <Answered
        answer={operations}
        what={`the operations of ${service}`}
        skeleton={<BoneRows rows={5} height={36} />}
      >
        {(data) => <Operations service={service} answer={data} seconds={services.seconds} />}
      </Answered>
      <Neighbours service={service} seconds={services.seconds} rows={services.rows ?? []} />
    </>
  );
}

/** The operation with the largest share of its requests failing, when it is telling. */
function worstOperation(all: readonly RedSeries[]): RedSeries | undefined {
  const [worst] = all
    .filter(({ errors }) => errors > 2)
    .sort((a, b) => b.errors / b.requests - a.errors / a.requests);
  return all.length > 1 ? worst : undefined;
}

function Finding(props: {
  readonly service: string;
  readonly row: ServiceRow | undefined;
  readonly worst: RedSeries | undefined;
}) {
  const { row, service, worst } = props;
  if (row === undefined) return <>{service} took no requests in this time.</>;
  const { health, now } = row;
  const failed = now.errors === 0 ? "no errors" : plural(now.errors, "error");
  const figures = `p95 ${formatDuration(now.p95Ns)}, ${failed}`;
  if (health.word === "Changed")
    return (
      <>
        {service} takes {health.why}; {figures}.
      </>
    );
  if (health.badness <= 10)
    return (
      <>
        {service} {health.word === "Fine" ? "answers" : "does as usual"}: {figures}.
      </>
    );
  return (
    <>
      {service}: <em className={health.state === "critical" ? "" : "w"}>{health.why}</em>
      {worst !== undefined && health.why.includes("fail") && <>, most of them {worst.operation}</>}.
    </>
  );
}

function Links(props: { readonly service: string }) {
  const { service } = props;
  const go = useGo();
  return (
    <div className="bar">
      <PageLink to="/traces" params={{ service }} className="btn">
        Traces
      </PageLink>
      <PageLink to="/traces" params={{ service, status: "error" }} className="btn">
        Failed ones
      </PageLink>
      <PageLink to="/logs" params={{ service }} className="btn">
        Logs
      </PageLink>
      <PageLink
        to="/metrics"
        params={{ name: "traces_spanmetrics_calls_total", match: [`service=${service}`] }}
        className="btn"
      >
        Metrics
      </PageLink>
      <button
        type="button"
        className="btn ghost"
        onClick={() => go("/services", { view: "map", node: service })}
      >
        Show on the map
      </button>
    </div>
  );
}

function Neighbours(props: {
  readonly service: string;
  readonly seconds: number;
  readonly rows: readonly ServiceRow[];
}) {
  const { range } = useRange();
  const answer = useAnswer<DependenciesAnswer>(
    "/dependencies",
    { ...rangeParams(range), service: props.service },
    { keep: false },
  );
  return (
    <Answered
      answer={answer}
      what="its neighbours"
      className="sect"
      skeleton={<BoneRows rows={2} height={36} />}
    >
      {(data) => {
        const { edges } = graphOf(data.edges, props.rows);
        const lists = [
          ["Called by", edges.filter(({ edge }) => edge.server === props.service), "client"],
          ["Calls", edges.filter(({ edge }) => edge.client === props.service), "server"],
        ] as const;
        return (
          <div className="neighbours">
            {lists.map(([title, list, side]) => (
              <section key={title} aria-label={title}>
                <h2>
                  {title} <span className="muted">{list.length}</span>
                </h2>
                {list.length === 0 && <p className="muted">Nobody in this time.</p>}
                <ul className="conn">
                  {list.map(({ edge, state, word }) => (
                    <li key={`${edge[side]} ${edge.connectionType}`}>
                      <span className="row">
                        <StateMark state={state} word={word} quiet />
                        <PageLink
                          to="/services"
                          params={{ view: "map", edge: [edge.client, edge.server] }}
                        >
                          <ServiceName name={edge[side]} />
                        </PageLink>
                      </span>
                      <span className="muted small">
                        {figureWords(edgeFigures(edge), props.seconds)}
                      </span>
                    </li>
                  ))}
                </ul>
              </section>
            ))}
          </div>
        );
      }}
    </Answered>
  );
}
