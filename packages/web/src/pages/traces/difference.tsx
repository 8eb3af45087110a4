/** What sets the traces in the box (or the slow ones) apart from the others, most telling first. */
import type { DifferenceAnswer, DifferentNumbers, DifferentValue } from "@triptych/contract";
import { useState } from "react";
import type { Answer } from "../../api/answer.ts";
import { formatCount, formatDuration, formatShare, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { useAttributeMenu } from "../../components/attribute-menu.ts";
import { Honest } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { Value } from "../../components/value.tsx";

const shownMax = 5;
const numbersMax = 1;
/** Above this an (adjusted) p-value is called chance. */
const alpha = 0.05;
const tests = { fisher: "Fisher's exact test", "chi-squared": "chi-squared test" } as const;
const reasons = { ids: "nearly each has its own", selection: "what was selected by" } as const;

export function Difference(props: {
  readonly answer: Answer<DifferenceAnswer>;
  /** What stands out: a box drawn, the slow part found, nothing, not known because the picture failed, not yet known. */
  readonly kind: "box" | "slow" | "none" | "unknown" | "waiting";
  readonly clear: () => void;
}) {
  const { kind } = props;
  return (
    <section className="df" aria-labelledby="difference-h">
      <div className="hd row">
        <h2 id="difference-h" className="grow">
          {kind === "box" ? "What is different in the box" : "What is different in the slow ones"}
        </h2>
        {kind === "box" && (
          <button type="button" className="btn ghost" onClick={props.clear}>
            Remove box
          </button>
        )}
      </div>
      {kind === "waiting" ? (
        <BoneRows rows={6} height={38} />
      ) : kind === "unknown" ? (
        <p className="muted pad">Without the durations nothing can be compared.</p>
      ) : kind === "none" ? (
        <p className="muted pad">
          Nothing is unusually slow. Drag a box around any part of the picture to see which
          attributes set those traces apart from the rest.
        </p>
      ) : (
        <Answered
          answer={props.answer}
          what="what is different"
          skeleton={<BoneRows rows={6} height={38} />}
        >
          {(data) => <Values answer={data} kind={kind} />}
        </Answered>
      )}
    </section>
  );
}

function Values(props: { readonly answer: DifferenceAnswer; readonly kind: "box" | "slow" }) {
  const { answer } = props;
  const [more, setMore] = useState(false);
  const values = [...answer.values, ...(more ? answer.rarer : [])];
  const numbers = answer.numbers.filter(({ pAdjusted }) => pAdjusted <= alpha);
  return (
    <>
      <p className="row small muted key">
        <span className="row">
          <i className="in" aria-hidden="true" />
          {formatCount(answer.inside)} {props.kind === "slow" ? "slow" : "inside"}
        </span>
        <span className="row">
          <i className="out" aria-hidden="true" />
          {formatCount(answer.outside)} others
        </span>
        <span className="grow" />
        <Example answer={answer} />
      </p>
      {values.length === 0 && (
        <p className="muted pad">No attribute is more frequent here than elsewhere.</p>
      )}
      <ul>
        {values.slice(0, more ? values.length : shownMax).map((value) => (
          <ValueRow
            key={`${value.scope} ${value.key}=${value.value}`}
            value={value}
            unit={answer.unit}
          />
        ))}
        {numbers.slice(0, more ? numbers.length : numbersMax).map((each) => (
          <NumbersRow key={`${each.scope} ${each.key}`} numbers={each} />
        ))}
      </ul>
      <p className="row small muted key">
        {answer.values.length + answer.rarer.length > shownMax && (
          <button type="button" className="link" onClick={() => setMore(!more)}>
            {more ? "Show less" : `All ${formatCount(answer.values.length + answer.rarer.length)}`}
          </button>
        )}
        {answer.leftOut.length > 0 && (
          <Honest
            why={`Not compared: ${answer.leftOut.map(({ key, reason }) => `${key} (${reasons[reason]})`).join(", ")}.`}
          >
            {`${plural(answer.leftOut.length, "key")} left out`}
          </Honest>
        )}
        {answer.marks.map((mark) => (
          <Honest key={mark}>{mark}</Honest>
        ))}
      </p>
    </>
  );
}

/** One of them beside one of the others: where in the trace they differ. */
function Example(props: { readonly answer: DifferenceAnswer }) {
  const { inside, outside } = props.answer.examples;
  if (inside === "" || outside === "" || inside === outside) return null;
  return (
    <PageLink to={`/traces/${inside}/compare`} params={{ with: outside }} className="link">
      Compare one of each
    </PageLink>
  );
}

function ValueRow(props: {
  readonly value: DifferentValue;
  readonly unit: DifferenceAnswer["unit"];
}) {
  const menu = useAttributeMenu();
  const { value, unit } = props;
  const { scope, key } = value;
  const chance = value.pAdjusted > alpha;
  const text = value.value === "" ? "(empty)" : value.value;
  const filterable = scope === "span" || scope === "resource";
  const why = `${formatCount(value.inside)} of the ${unit} inside, ${formatCount(value.outside)} outside; ${printP(value.pAdjusted)} (${tests[value.test]}, adjusted for all values compared)`;
  return (
    <li data-tip={why}>
      <div className="kv1">
        <div className="ell k" title={key}>
          {key}
          {chance && <span className="faint"> may be chance</span>}
        </div>
        <div className="ell">
          {filterable ? (
            <Value
              title={`${key} = ${value.value}`}
              items={() => menu({ scope, key, value: value.value })}
            >
              {text}
            </Value>
          ) : (
            <span title={text}>{text}</span>
          )}
        </div>
      </div>
      <div className="two">
        <span className="meter">
          <i style={{ width: `${value.insideShare * 100}%` }} />
        </span>
        <b>{formatShare(value.insideShare)}</b>
        <span className="meter">
          <i className="base" style={{ width: `${value.outsideShare * 100}%` }} />
        </span>
        <span className="num">{formatShare(value.outsideShare)}</span>
      </div>
    </li>
  );
}

function NumbersRow(props: { readonly numbers: DifferentNumbers }) {
  const { numbers } = props;
  const print = numbers.scope === "intrinsic" ? formatDuration : formatCount;
  return (
    <li
      data-tip={`The two distributions differ by up to ${formatShare(numbers.gap)}; ${printP(numbers.pAdjusted)} (Kolmogorov and Smirnov, adjusted for all values compared)`}
    >
      <div className="kv1">
        <div className="ell k" title={numbers.key}>
          {numbers.key}
        </div>
        <div className="ell muted">half are above</div>
      </div>
      <div className="two words">
        <b>{print(numbers.insideMedian)}</b>
        <span className="num">{print(numbers.outsideMedian)}</span>
      </div>
    </li>
  );
}

function printP(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
}
