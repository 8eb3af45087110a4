/** What was discovered and then dropped: usually on purpose, sometimes the reason why data is missing. */
import type { TargetsAnswer } from "@triptych/contract";
import { formatCount } from "../../charts/format.ts";
import { LabelList } from "./target-details.tsx";

const shownMax = 100;

export function DroppedTargets(props: { readonly answer: TargetsAnswer }) {
  const { dropped, droppedTotal } = props.answer;
  if (droppedTotal === 0) return null;
  return (
    <section className="dropped" aria-labelledby="dropped-h">
      <div className="bar sect">
        <h2 id="dropped-h">Dropped by relabelling</h2>
        <span className="muted">{formatCount(droppedTotal)}</span>
      </div>
      <ul>
        {dropped.slice(0, shownMax).map(({ pool, discovered }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike
          <li key={i}>
            <details>
              <summary>
                <span className="mono">{discovered["__address__"] ?? "(no address)"}</span>{" "}
                <span className="muted">{pool}</span>
              </summary>
              <LabelList labels={discovered} />
            </details>
          </li>
        ))}
      </ul>
      {droppedTotal > shownMax && (
        <p className="pad muted">
          {formatCount(droppedTotal - Math.min(shownMax, dropped.length))} more; search for one to
          see it.
        </p>
      )}
    </section>
  );
}
