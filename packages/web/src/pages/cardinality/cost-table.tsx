/** Names or labels with what they cost: a bar for the share, then figures. */
import { formatCount, formatShare } from "../../charts/format.ts";
import { useCopy } from "../../components/floats.tsx";
import { Value } from "../../components/value.tsx";
import { useGo } from "../../state/go.ts";

export interface CostRow {
  readonly key: string;
  readonly text: string;
  /** The metric to look at, when the row is one. */
  readonly metric?: string;
  /** Of all, 0 to 1. */
  readonly share: number;
  readonly figures: readonly number[];
}

export function CostTable(props: {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly CostRow[];
}) {
  const [first, sorted, ...rest] = props.columns;
  return (
    <div className="scrollx">
      <table className="dense cost">
        <caption className="vh">{props.caption}</caption>
        <thead>
          <tr>
            <th>{first}</th>
            <th className="c-x">Share</th>
            <th className="num sort" aria-sort="descending">
              {sorted}
            </th>
            {rest.map((name) => (
              <th key={name} className="num">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <Row key={row.key} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row(props: { readonly row: CostRow }) {
  const { row } = props;
  const go = useGo();
  const copy = useCopy();
  const { metric } = row;
  return (
    <tr>
      <td className="mono">
        <Value
          title={row.text}
          items={() => [
            ...(metric === undefined
              ? []
              : [
                  {
                    icon: "metrics",
                    label: "Metrics",
                    run: () => go("/metrics", { name: metric }),
                  } as const,
                ]),
            { icon: "copy", label: "Copy", run: () => copy(row.text, "the text") },
          ]}
        >
          <span className="ell">{row.text}</span>
        </Value>
      </td>
      <td className="c-x share" data-tip={formatShare(row.share)}>
        <span className="meter" role="img" aria-label={`${formatShare(row.share)} of all`}>
          <i
            className="base"
            style={{ width: `${Math.max(0.5, Math.min(1, row.share) * 100)}%` }}
          />
        </span>
      </td>
      {row.figures.map((figure, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the columns do not change
        <td key={i} className="num">
          {formatCount(figure)}
        </td>
      ))}
    </tr>
  );
}
