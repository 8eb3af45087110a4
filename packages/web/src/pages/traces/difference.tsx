/** What sets the traces in the box (or the slow ones) apart from the others, most telling first. */
import type { DifferenceAnswer } from "@triptych/contract";
import type { Answer } from "../../api/answer.ts";
import { formatCount, formatShare } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Value } from "../../components/value.tsx";
import { scopedKey } from "../../state/filters.ts";
import { useAttributeMenu } from "../../components/attribute-menu.ts";

const shownMax = 7;

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
  const menu = useAttributeMenu();
  const { answer } = props;
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
      </p>
      {answer.values.length === 0 && (
        <p className="muted pad">No attribute is more frequent here than elsewhere.</p>
      )}
      <ul>
        {answer.values.slice(0, shownMax).map((value) => {
          const { scope, key } = scopedKey(value.key);
          return (
            <li key={`${value.key}=${value.value}`}>
              <div className="kv1">
                <div className="ell k" title={value.key}>
                  {key}
                </div>
                <div className="ell">
                  <Value
                    title={`${key} = ${value.value}`}
                    items={() => menu({ scope, key, value: value.value })}
                  >
                    {value.value === "" ? "(empty)" : value.value}
                  </Value>
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
        })}
      </ul>
    </>
  );
}
