/** New series over time, as bars; the figures are in a table for those who cannot see them. */
import type { CardinalityAnswer } from "@triptych/contract";
import { formatCount } from "../../charts/format.ts";
import { dateTimeText } from "../../state/clock-text.ts";
import { usePreference, zones } from "../../state/preferences.ts";

export function Churn(props: { readonly churn: CardinalityAnswer["churn"] }) {
  const { from, stepMs, counts } = props.churn;
  const [zone] = usePreference("zone", zones);
  const most = Math.max(1, ...counts);
  const at = (i: number): string => dateTimeText(from + i * stepMs, zone);
  return (
    <figure className="churn">
      <div className="bars" aria-hidden="true">
        {counts.map((count, i) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
            key={i}
            data-tip={`${formatCount(count)} new from ${at(i)}`}
          >
            <i style={{ height: `${(count / most) * 100}%` }} />
          </span>
        ))}
      </div>
      <div className="ends muted small" aria-hidden="true">
        <span>{at(0)}</span>
        <span>at most {formatCount(Math.max(0, ...counts))} in a bar</span>
        <span>{at(counts.length)}</span>
      </div>
      <table className="vh">
        <caption>New series over time</caption>
        <thead>
          <tr>
            <th>From</th>
            <th>New series</th>
          </tr>
        </thead>
        <tbody>
          {counts.map((count, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
            <tr key={i}>
              <td>{at(i)}</td>
              <td>{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
