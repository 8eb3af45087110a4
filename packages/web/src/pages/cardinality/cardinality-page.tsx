/** What the series cost: which names and labels have most of them, what is new, and the bytes on disk. */
import type { CardinalityAnswer } from "@triptych/contract";
import { useAnswer } from "../../api/answer.ts";
import { formatBytes, formatCount, formatShare, plural, threeDigits } from "../../charts/format.ts";
import { Answered, BoneChart, BoneRows } from "../../components/answered.tsx";
import { PageHead } from "../../components/page-head.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { Churn } from "./churn.tsx";
import { CostTable } from "./cost-table.tsx";
import { bytesPerSample, findingOf } from "./finding.ts";

export function CardinalityPage() {
  const { range } = useRange();
  const answer = useAnswer<CardinalityAnswer>("/metrics/cardinality", rangeParams(range));
  const { data } = answer;
  return (
    <>
      <PageHead
        title="Cardinality"
        info={data}
        stale={answer.stale}
        finding={
          data === undefined ? (
            answer.failure ? (
              <>The series could not be counted.</>
            ) : undefined
          ) : (
            <Finding answer={data} />
          )
        }
      >
        {data !== undefined && (
          <>
            <span>{plural(data.names, "metric name")}</span>
            <span>{plural(data.labels, "label")}</span>
            <span>{plural(data.pairs, "label value")}</span>
            <span data-tip="Series are known by the day: the range counts as the days it touches.">
              days of the range
            </span>
          </>
        )}
      </PageHead>
      <Answered
        answer={answer}
        what="the series"
        className="sect"
        skeleton={
          <>
            <BoneChart height={72} />
            <BoneRows rows={12} height={28} />
          </>
        }
      >
        {(found) => (found.series === 0 ? <Nothing /> : <Costs answer={found} />)}
      </Answered>
    </>
  );
}

function Finding(props: { readonly answer: CardinalityAnswer }) {
  const { answer } = props;
  const finding = findingOf(answer);
  const series = plural(answer.series, "series", "series");
  switch (finding.kind) {
    case "nothing":
      return <>No series in this range.</>;
    case "large":
      return (
        <>
          {series}, <em className="w">{formatShare(finding.share)} of them</em> are{" "}
          <span className="mono">{finding.name}</span>
        </>
      );
    case "churn":
      return (
        <>
          {series}, <em className="w">{formatCount(answer.churn.total)} of them new</em>, most of{" "}
          <span className="mono">{finding.name}</span>
        </>
      );
    case "fine":
      return (
        <>
          {series}, {formatCount(answer.churn.total)} of them new; no name stands out
        </>
      );
  }
}

function Nothing() {
  return (
    <div className="pad nothing">
      <p>No metric was received on the days of this range.</p>
      <p className="muted">Choose another range, or look at where metrics can be sent.</p>
      <div className="row wrap">
        <PageLink to="/status" className="btn">
          Where to send
        </PageLink>
      </div>
    </div>
  );
}

function Costs(props: { readonly answer: CardinalityAnswer }) {
  const { answer } = props;
  return (
    <div className="gs card">
      <section className="x all" aria-labelledby="churn-h">
        <h2 id="churn-h">
          New series{" "}
          <span>{formatCount(answer.churn.total)} that were not there on the day before</span>
        </h2>
        <Churn churn={answer.churn} />
      </section>
      <section className="x wide" aria-labelledby="names-h">
        <h2 id="names-h">
          By name <span>most series first</span>
        </h2>
        <CostTable
          caption="Metric names, most series first"
          columns={["Name", "Series", "New", "Samples, last hour"]}
          rows={answer.byName.map((one) => ({
            key: one.name,
            text: one.name,
            metric: one.name,
            share: one.series / answer.series,
            figures: [one.series, one.newSeries, one.samples],
          }))}
        />
      </section>
      <section className="x" aria-labelledby="labels-h">
        <h2 id="labels-h">
          By label <span>most values first</span>
        </h2>
        <CostTable
          caption="Labels, most distinct values first"
          columns={["Label", "Values", "Series"]}
          rows={answer.byLabel.map((one) => ({
            key: one.name,
            text: one.name,
            share: one.values / Math.max(1, answer.pairs),
            figures: [one.values, one.series],
          }))}
        />
      </section>
      <section className="x wide" aria-labelledby="pairs-h">
        <h2 id="pairs-h">
          By label value <span>most series first</span>
        </h2>
        <CostTable
          caption="Labels with a value, most series first"
          columns={["Label and value", "Series"]}
          rows={answer.byPair.map((one) => ({
            key: `${one.label}=${one.value}`,
            text: `${one.label}="${one.value}"`,
            share: one.series / answer.series,
            figures: [one.series],
          }))}
        />
      </section>
      <section className="x" aria-labelledby="disk-h">
        <h2 id="disk-h">
          On disk <span>exact, all days</span>
        </h2>
        <Disk answer={answer} />
      </section>
    </div>
  );
}

function Disk(props: { readonly answer: CardinalityAnswer }) {
  const { answer } = props;
  const each = bytesPerSample(answer);
  return (
    <dl className="pairs">
      {answer.tables.map((table) => (
        <div key={table.name} className="disk">
          <dt>{table.name}</dt>
          <dd data-tip={`${table.bytes.toLocaleString("en")} bytes`}>
            {formatBytes(table.bytes)}
            <span className="muted">, {plural(table.rows, "row")}</span>
          </dd>
        </div>
      ))}
      {each !== undefined && (
        <div className="disk">
          <dt>A sample takes</dt>
          <dd>
            {threeDigits(each)}
            {"\u00a0"}B
          </dd>
        </div>
      )}
    </dl>
  );
}
