/** Lines as templates beside the lines themselves: what is said how often, how it goes over time, and what is new. */
import type { LogPatternsAnswer } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, formatShare, plural } from "../../charts/format.ts";
import { Spark } from "../../charts/spark.tsx";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { type MenuItem, useCopy } from "../../components/floats.tsx";
import { Honest } from "../../components/icon.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { Value } from "../../components/value.tsx";
import { dateTimeText } from "../../state/clock-text.ts";
import { many, one, type ParamsChange } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { asLogql, type PatternRow, patternRows, templateParts } from "./pattern-rows.ts";

const trendColumns = 40;

export function Patterns(props: { readonly tabs: React.ReactNode; readonly query: ParamsChange }) {
  const params = useParams();
  const setParams = useSetParams();
  const { range } = useRange();
  const isNewOnly = one(params, "new") === "1";
  const answer = useAnswer<LogPatternsAnswer>("/logs/patterns", {
    ...rangeParams(range),
    ...props.query,
    columns: String(trendColumns),
  });
  const fresh = answer.data?.patterns.filter((pattern) => pattern.isNew).length ?? 0;
  return (
    <section className="list" aria-label="Patterns">
      <div className="bar">
        {props.tabs}
        {answer.data !== undefined && (
          <span className="muted small">
            {plural(answer.data.distinct, "pattern")} in {plural(answer.data.total, "line")}
            {answer.data.totalBefore === 0
              ? "; nothing before to compare with"
              : `; ${fresh === 0 ? "none" : formatCount(fresh)} new since the same time before`}
          </span>
        )}
        {answer.data?.marks.map((mark) => (
          <Honest key={mark}>{mark}</Honest>
        ))}
        <span className="grow" />
        {(fresh > 0 || isNewOnly) && (
          <button
            type="button"
            className="btn"
            aria-pressed={isNewOnly}
            onClick={() => setParams({ new: isNewOnly ? undefined : "1" })}
          >
            New only
          </button>
        )}
      </div>
      <Answered
        answer={answer}
        what="patterns"
        className="fill"
        skeleton={<BoneRows rows={14} height={34} />}
      >
        {(data) => {
          const rows = patternRows(data).filter((row) => !isNewOnly || row.isNew);
          return rows.length === 0 ? (
            <p className="muted small none">
              {isNewOnly ? "No pattern is new." : "No line to find patterns in."}
            </p>
          ) : (
            <PatternTable rows={rows} />
          );
        }}
      </Answered>
    </section>
  );
}

function PatternTable(props: { readonly rows: readonly PatternRow[] }) {
  const [zone] = usePreference("zone", zones);
  const menu = usePatternMenu();
  return (
    <div className="rows pats">
      <table>
        <thead>
          <tr>
            <th>
              <span className="vh">Level</span>
            </th>
            <th className="num">Lines</th>
            <th className="num">Share</th>
            <th className="hide-s">Trend</th>
            <th>Pattern</th>
            <th className="hide-s">Service</th>
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={row.template} className={row.level === "fatal" ? "error" : row.level}>
              <td className="lvl">{row.level}</td>
              <td
                className="num"
                title={`${formatCount(row.before)} in the same time before; first ${dateTimeText(row.firstMs, zone, "ms")}, last ${dateTimeText(row.lastMs, zone, "ms")}`}
              >
                {formatCount(row.lines)}
              </td>
              <td className="num muted">{formatShare(row.share)}</td>
              <td className="trend hide-s">
                <Spark values={row.counts} colour="var(--lv-line)" />
              </td>
              <td className="tpl">
                {row.isNew && <b className="fresh">new</b>}
                <Value title={row.example} items={() => menu(row)}>
                  <Template text={row.template} />
                </Value>
              </td>
              <td className="hide-s">
                {row.services[0] !== undefined && <ServiceName name={row.services[0]} />}
                {row.services.length > 1 && (
                  <span className="muted small" title={row.services.slice(1).join(", ")}>
                    {" "}
                    and {row.services.length - 1} more
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Template(props: { readonly text: string }) {
  if (props.text.trim() === "") return <i className="muted">an empty line</i>;
  return templateParts(props.text).map((part, i) =>
    part.isWild ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts have no other name
      <i key={i} className="wild" title="differs from line to line">
        …
      </i>
    ) : (
      part.text
    ),
  );
}

function usePatternMenu(): (row: PatternRow) => readonly MenuItem[] {
  const params = useParams();
  const setParams = useSetParams();
  const copy = useCopy();
  return ({ template, example }) => {
    const without = (name: string) => many(params, name).filter((item) => item !== template);
    return [
      {
        icon: "logs",
        label: "Lines of this pattern",
        run: () =>
          setParams({ pattern: [template], notPattern: without("notPattern"), view: undefined }),
      },
      {
        icon: "minus",
        label: "Filter out",
        run: () =>
          setParams({
            notPattern: [...without("notPattern"), template],
            pattern: without("pattern"),
          }),
      },
      { icon: "copy", label: "Copy an example", run: () => copy(example, "an example") },
      {
        icon: "copy",
        label: "Copy as LogQL",
        run: () => copy(asLogql(template), "the line filter"),
      },
    ];
  };
}
