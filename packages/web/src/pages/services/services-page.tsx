/** Services: what is wrong first, and the map of who calls whom. */
import { plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { Teach } from "../../components/teach.tsx";
import { spanText } from "../../state/clock-text.ts";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { MapView } from "./map-view.tsx";
import { ServiceFinding } from "./service-finding.tsx";
import { countsOf } from "./service-health.ts";
import { ServiceTable } from "./service-table.tsx";
import { useServices } from "./use-services.ts";

export function ServicesPage() {
  const params = useParams();
  const setParams = useSetParams();
  const services = useServices();
  const { answer, rows } = services;
  const isMap = one(params, "view") === "map";
  if (rows?.length === 0 && !answer.stale) return <Teach signal="traces" />;
  return (
    <>
      <PageHead
        title="Services"
        info={answer.data}
        stale={answer.stale}
        finding={
          rows === undefined ? (
            answer.failure ? (
              <>The services could not be read.</>
            ) : undefined
          ) : (
            <ServiceFinding rows={rows} seconds={services.seconds} />
          )
        }
      >
        {rows !== undefined && countsOf(rows).map((words) => <span key={words}>{words}</span>)}
        {rows !== undefined && (
          <span className="faint">
            {services.hasUsual
              ? `compared with the ${spanText(services.usualMs)} before`
              : "nothing earlier to compare with yet"}
          </span>
        )}
      </PageHead>
      <div className="bar sect">
        <h2>Services</h2>
        <span className="muted">
          {rows === undefined ? "" : plural(rows.length, "service").replace(/\D+$/, "")}
        </span>
        <span className="grow" />
        <span className="seg" role="group" aria-label="Show as">
          <button
            type="button"
            aria-pressed={!isMap}
            onClick={() => setParams({ view: undefined, node: undefined, edge: undefined })}
          >
            Worst first
          </button>
          <button type="button" aria-pressed={isMap} onClick={() => setParams({ view: "map" })}>
            Map
          </button>
        </span>
      </div>
      {isMap ? (
        <MapView services={rows} seconds={services.seconds} />
      ) : (
        <Answered answer={answer} what="services" skeleton={<BoneRows rows={8} height={44} />}>
          {() => <ServiceTable rows={rows ?? []} seconds={services.seconds} />}
        </Answered>
      )}
    </>
  );
}
