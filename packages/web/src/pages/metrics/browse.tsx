/** All metrics of the range by name, type and unit. */
import type { MetricFamily, MetricsAnswer } from "@triptych/contract";
import { useMemo } from "react";
import type { Answer } from "../../api/answer.ts";
import { formatCount } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Icon } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { groupFamilies } from "./metric-names.ts";

/** More would not be read but searched. */
const listedMax = 400;
const types: readonly MetricFamily["type"][] = ["counter", "gauge", "histogram", "summary"];

export function Browse(props: {
  readonly families: Answer<MetricsAnswer>;
  readonly chosen: string | undefined;
}) {
  const params = useParams();
  const setParams = useSetParams();
  const find = one(params, "find") ?? "";
  const type = one(params, "type") ?? "";
  const all = props.families.data?.metrics;
  const wanted = useMemo(
    () => (all ?? []).filter((family) => type === "" || family.type === type),
    [all, type],
  );
  const groups = useMemo(() => groupFamilies(wanted.slice(0, listedMax)), [wanted]);
  const flat = groups.flatMap((group) => group.families);
  const choose = (name: string | undefined) => ({
    name,
    by: undefined,
    match: undefined,
    view: undefined,
  });
  useListKeys({
    count: flat.length,
    index: flat.findIndex((family) => family.name === props.chosen),
    select: (next) => {
      setParams(choose(flat[next]?.name), { replace: true });
      document.getElementById(`metric-${next}`)?.scrollIntoView({ block: "nearest" });
    },
    open: () => undefined,
  });
  return (
    <nav className="browse" aria-label="Metrics by name">
      <div className="tools">
        <label className="find grow">
          <Icon name="search" />
          <input
            data-search
            type="search"
            placeholder={all === undefined ? "Find a metric" : `${formatCount(all.length)} metrics`}
            aria-label="Find a metric"
            value={find}
            onChange={(event) => setParams({ find: event.target.value }, { replace: true })}
          />
          <kbd>/</kbd>
        </label>
        <select
          className="field type"
          aria-label="Type"
          value={type}
          onChange={(event) => setParams({ type: event.target.value })}
        >
          <option value="">all types</option>
          {types.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      <Answered
        answer={props.families}
        what="metrics"
        skeleton={<BoneRows rows={14} height={40} />}
      >
        {() => (
          <>
            {groups.map((group) => (
              <section key={group.name} aria-label={group.name}>
                <h2 className="g">
                  <span>{group.name}</span>
                  <span>{group.families.length}</span>
                </h2>
                <ul>
                  {group.families.map((family) => (
                    <li
                      key={family.name}
                      id={`metric-${flat.indexOf(family)}`}
                      className={family.name === props.chosen ? "on" : ""}
                    >
                      <PageLink
                        to="/metrics"
                        params={{ name: family.name, find, type }}
                        current={family.name === props.chosen}
                        label={`${family.name}, ${family.type}${family.unit === "" ? "" : `, ${family.unit}`}`}
                      >
                        <span
                          className="mono ell"
                          title={
                            family.help === "" ? family.name : `${family.name}: ${family.help}`
                          }
                        >
                          {family.name}
                        </span>
                        <span className="ty">
                          {family.unit === "" ? family.type : `${family.type}, ${family.unit}`}
                          <span className="faint">{formatCount(family.series)}</span>
                        </span>
                      </PageLink>
                    </li>
                  ))}
                </ul>
              </section>
            ))}
            {wanted.length > listedMax && (
              <p className="muted small none">
                And {formatCount(wanted.length - listedMax)} more: search by name.
              </p>
            )}
            {wanted.length === 0 && (
              <p className="muted small none">No metric by that name and type.</p>
            )}
          </>
        )}
      </Answered>
    </nav>
  );
}
