/** Targets as rows: state, address, labels, and what went wrong in words. */
import type { ScrapeTarget } from "@triptych/contract";
import { formatCount, formatDuration } from "../../charts/format.ts";
import { StateMark } from "../../components/icon.tsx";
import { spanText } from "../../state/clock-text.ts";
import { troubleOf } from "./target-words.ts";

export const healthMarks = {
  up: { state: "ok", word: "up" },
  down: { state: "critical", word: "down" },
  unknown: { state: "none", word: "waiting" },
} as const;

export function lastText(target: ScrapeTarget): string {
  return target.lastScrapeMs === 0
    ? "not yet"
    : `${spanText(Date.now() - target.lastScrapeMs)} ago`;
}

/** Labels without the two every target has, whose values stand beside. */
const shownLabels = (target: ScrapeTarget): string =>
  Object.entries(target.labels)
    .filter(([name]) => name !== "job" && name !== "instance")
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");

export function TargetTable(props: {
  readonly targets: readonly ScrapeTarget[];
  readonly open: string | undefined;
  readonly show: (id: string) => void;
}) {
  return (
    <div className="scrollx">
      <table className="tgt">
        <caption className="vh">Targets, those that are down first</caption>
        <thead>
          <tr>
            <th>State</th>
            <th className="c-what">Target</th>
            <th className="c-1">Job</th>
            <th className="num c-2">Last scrape</th>
            <th className="num c-1">Took</th>
            <th className="num c-2">Series</th>
          </tr>
        </thead>
        <tbody>
          {props.targets.map((target) => {
            const trouble = troubleOf(target.lastError, target.url);
            return (
              <tr
                key={target.id}
                aria-selected={target.id === props.open}
                onClick={() => props.show(target.id)}
              >
                <td>
                  <StateMark {...healthMarks[target.health]} />
                </td>
                <td className="c-what">
                  <button
                    type="button"
                    className="value mono ell"
                    onClick={(event) => {
                      event.stopPropagation();
                      props.show(target.id);
                    }}
                  >
                    {target.url}
                  </button>
                  {trouble === undefined ? (
                    <div className="ell muted small mono">{shownLabels(target)}</div>
                  ) : (
                    <div className="ell small">{trouble.what}</div>
                  )}
                </td>
                <td className="c-1">{target.pool}</td>
                <td className="num c-2">{lastText(target)}</td>
                <td className="num mono c-1">
                  {target.lastScrapeMs === 0 ? "" : formatDuration(target.lastSeconds * 1e9)}
                </td>
                <td className="num mono c-2">
                  {target.series === undefined ? "" : formatCount(target.series)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
