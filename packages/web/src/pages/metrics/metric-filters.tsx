/** Which series of a metric, and what to tell apart: matches as chips, labels to group by as switches. */
import type { MetricLabelsAnswer } from "@triptych/contract";
import type { Answer } from "../../api/answer.ts";
import { formatCount } from "../../charts/format.ts";
import { FilterBar } from "../../components/filter-bar.tsx";
import { negated, parseMatch } from "../../state/filters.ts";
import { many } from "../../state/params.ts";
import { isEncodingLabel } from "./metric-names.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";

const labelsMax = 12;
const suggestedValues = 20;

export function MetricFilters(props: {
  readonly labels: Answer<MetricLabelsAnswer>;
  readonly by: readonly string[];
}) {
  const params = useParams();
  const setParams = useSetParams();
  const matches = many(params, "match");
  const labels = props.labels.data?.labels ?? [];
  const useful = labels
    .filter(
      (label) =>
        (label.distinct > 1 && !isEncodingLabel(label.name)) || props.by.includes(label.name),
    )
    .slice(0, labelsMax);
  const without = (text: string) => matches.filter((item) => item !== text);
  return (
    <div className="mfilters">
      <FilterBar
        chips={matches.flatMap((text) => {
          const match = parseMatch(text);
          if (match === undefined) return [];
          const turned = `${match.label}${negated[match.op]}${match.value}`;
          return [
            {
              name: match.label,
              op: match.op,
              value: match.value,
              remove: () => setParams({ match: without(text) }),
              negate: () => setParams({ match: [...without(text), turned] }),
            },
          ];
        })}
        placeholder="Add filter: label=value"
        help="Write label=value, label!=value, or label=~pattern."
        suggestions={labels.flatMap((label) =>
          label.values.slice(0, suggestedValues).map((entry) => `${label.name}=${entry.value}`),
        )}
        add={(text) => {
          const match = parseMatch(text);
          if (match === undefined) return false;
          setParams({
            match: [...new Set([...matches, `${match.label}${match.op}${match.value}`])],
          });
          return true;
        }}
        clear={() => setParams({ match: undefined })}
      />
      {useful.length > 0 && (
        <div className="groupby row wrap" role="group" aria-label="Group by">
          <span className="muted small">Group by</span>
          {useful.map((label) => {
            const on = props.by.includes(label.name);
            const next = on
              ? props.by.filter((name) => name !== label.name)
              : [...props.by, label.name];
            return (
              <button
                key={label.name}
                type="button"
                className="btn toggle"
                aria-pressed={on}
                onClick={() => setParams({ by: next })}
              >
                <span className="mono">{label.name}</span>
                <span className="faint">{formatCount(label.distinct)}</span>
              </button>
            );
          })}
        </div>
      )}
    </div>
  );
}
