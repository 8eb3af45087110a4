/** Beside the lines: levels and services of the whole range, and the fields of the lines that are loaded. */
import type { LogLevelsAnswer } from "@triptych/contract";
import type { Answer } from "../../api/answer.ts";
import { formatCount, formatShare } from "../../charts/format.ts";
import { levelColour } from "../../charts/level-bars.tsx";
import { levelOrder } from "../../charts/level-order.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { useAttributeMenu } from "../../components/attribute-menu.ts";
import { Icon, Shape } from "../../components/icon.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { Value } from "../../components/value.tsx";
import { many, one } from "../../state/params.ts";
import { useParams, useSetParams } from "../../state/url-state.ts";
import type { FieldCounts } from "./field-counts.ts";
import { toggled } from "./log-filters.ts";

const fieldsMax = 40;

export function Fields(props: {
  readonly levels: Answer<LogLevelsAnswer>;
  readonly counts: FieldCounts;
  readonly lines: number;
}) {
  const params = useParams();
  const setParams = useSetParams();
  const side = one(params, "side") === "fields" ? "fields" : "sources";
  return (
    <>
      <Tabs
        label="Beside the lines"
        chosen={side}
        choose={(id) => setParams({ side: id === "fields" ? id : undefined }, { replace: true })}
        tabs={[
          { id: "sources", name: "Services and levels" },
          { id: "fields", name: "Fields", count: props.counts.fields.length },
        ]}
      />
      <div role="tabpanel" aria-label={side}>
        {side === "sources" ? (
          <Answered
            answer={props.levels}
            what="services"
            skeleton={<BoneRows rows={6} height={30} />}
          >
            {(data) => <Sources answer={data} />}
          </Answered>
        ) : (
          <FieldList counts={props.counts} lines={props.lines} />
        )}
      </div>
    </>
  );
}

function Sources(props: { readonly answer: LogLevelsAnswer }) {
  const params = useParams();
  const setParams = useSetParams();
  const { answer } = props;
  const most = Math.max(1, ...answer.byService.map((entry) => entry.lines));
  const levels = levelOrder.flatMap((level) => {
    const lines = (answer.levels[level] ?? []).reduce((sum, count) => sum + count, 0);
    return lines > 0 || many(params, "level").includes(level) ? [{ level, lines }] : [];
  });
  return (
    <>
      <h2 className="gh">Levels</h2>
      <ul className="facets">
        {levels.map(({ level, lines }) => (
          <li key={level}>
            <button
              type="button"
              aria-pressed={many(params, "level").includes(level)}
              onClick={() => setParams(toggled(params, "level", level))}
            >
              <i className="swatch" style={{ background: levelColour(level) }} aria-hidden="true" />
              <span className="ell">{level}</span>
              <span className="meter">
                <i
                  className="base"
                  style={{ width: `${(lines / Math.max(1, answer.total)) * 100}%` }}
                />
              </span>
              <span className="num">{formatCount(lines)}</span>
            </button>
          </li>
        ))}
      </ul>
      <h2 className="gh">Services</h2>
      <ul className="facets">
        {answer.byService.map((entry) => (
          <li key={entry.service}>
            <button
              type="button"
              aria-pressed={many(params, "service").includes(entry.service)}
              onClick={() => setParams(toggled(params, "service", entry.service))}
            >
              <ServiceName name={entry.service} />
              {entry.errors > 0 && (
                <span className="st critical" data-tip={`${formatCount(entry.errors)} errors`}>
                  <Shape state="critical" />
                  {formatCount(entry.errors)}
                </span>
              )}
              <span className="meter">
                <i className="base" style={{ width: `${(entry.lines / most) * 100}%` }} />
              </span>
              <span className="num">{formatCount(entry.lines)}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function FieldList(props: { readonly counts: FieldCounts; readonly lines: number }) {
  const menu = useAttributeMenu();
  const { fields } = props.counts;
  return (
    <>
      <p className="muted small none">
        Counted in the {formatCount(props.lines)} lines loaded here.
      </p>
      {fields.slice(0, fieldsMax).map((field) => (
        <details key={field.key}>
          <summary className="gh">
            <Icon name="right" />
            <span className="mono ell">{field.key}</span>
            <span className="grow" />
            <span>
              {formatCount(field.distinct)} in {formatCount(field.lines)}
            </span>
          </summary>
          <ul className="facets">
            {field.top.map(({ value, lines }) => (
              <li key={value}>
                <div className="facet">
                  <span className="ell mono">
                    <Value
                      title={`${field.key} = ${value}`}
                      items={() => menu({ scope: field.scope, key: field.key, value })}
                    >
                      {value === "" ? '""' : value}
                    </Value>
                  </span>
                  <span className="meter">
                    <i className="base" style={{ width: `${(lines / field.lines) * 100}%` }} />
                  </span>
                  <span className="num">{formatShare(lines / field.lines)}</span>
                </div>
              </li>
            ))}
          </ul>
        </details>
      ))}
      {fields.length > fieldsMax && (
        <p className="muted small none">And {formatCount(fields.length - fieldsMax)} rarer ones.</p>
      )}
    </>
  );
}
