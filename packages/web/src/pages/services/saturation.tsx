/** How full a service is: what its process, runtime or container say of themselves, and what nothing says. */
import type { SaturationAnswer, SaturationMeasure } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { plural } from "../../charts/format.ts";
import { Answered, BoneChart } from "../../components/answered.tsx";
import { Icon } from "../../components/icon.tsx";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { percent, type RedChart, RedStrip } from "./red-strip.tsx";

const height = 120;
/** Apart from the colours of services and of durations. */
const colours = { cpu: 3, memory: 4, files: 5, runtime: 6, "in-flight": 7 } as const;
const units = { share: "%", cores: "cores", bytes: "By", count: "1" } as const;

function chartOf({ resource, title, unit, values, instances }: SaturationMeasure): RedChart {
  const shown = unit === "share" ? percent(values) : values;
  return {
    title,
    hint: instances === 1 ? "" : `fullest of ${plural(instances, "series", "series")}`,
    unit: units[unit],
    series: [{ name: title, colour: colours[resource], values: shown }],
  };
}

export function Saturation(props: { readonly service: string }) {
  const { service } = props;
  const { range } = useRange();
  const answer = useAnswer<SaturationAnswer>(
    "/saturation",
    { ...rangeParams(range), service },
    { keep: false },
  );
  return (
    <section aria-label="Saturation">
      <div className="bar sect">
        <h2>Saturation</h2>
      </div>
      <Answered
        answer={answer}
        what={`how full ${service} is`}
        skeleton={<BoneChart height={height} />}
      >
        {(data) => (
          <>
            {data.measures.length > 0 && (
              <RedStrip
                answer={data}
                charts={data.measures.map(chartOf)}
                of={service}
                height={height}
                className="strip"
              />
            )}
            <Sources data={data} />
          </>
        )}
      </Answered>
    </section>
  );
}

/** What the figures are taken from, and which metrics would give those that are missing. */
function Sources({ data }: { readonly data: SaturationAnswer }) {
  const { measures, missing } = data;
  const isEmpty = measures.length === 0;
  return (
    <details className="pad small muted sources">
      <summary className="gh">
        <Icon name="right" />
        {isEmpty
          ? "No metric says how full it is: which would?"
          : `From ${plural(measures.length, "metric", "metrics")}${missing.length > 0 ? `; not known: ${missing.map(({ resource }) => resource).join(", ")}` : ""}`}
      </summary>
      <ul>
        {measures.map(({ resource, metrics, by }) => (
          <li key={resource}>
            {resource}: {metrics.join(" / ")} of {by.slice(0, 3).join(", ")}
            {by.length > 3 && ` and ${by.length - 3} more`}
          </li>
        ))}
        {missing.map(({ resource, metrics }) => (
          <li key={resource}>
            {resource} would come from {metrics.join(", ")}
          </li>
        ))}
      </ul>
      {missing.length > 0 && (
        <p>The metric needs a label service_name, job, pod or instance that names this service.</p>
      )}
    </details>
  );
}
