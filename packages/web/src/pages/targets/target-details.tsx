/** One target: what went wrong and the way out, its labels before and after relabelling. */
import type { Labels, ScrapeTarget } from "@triptych/contract";
import { formatCount, formatDuration } from "../../charts/format.ts";
import { CloseDetails } from "../../components/close-details.tsx";
import { useCopy } from "../../components/floats.tsx";
import { Icon, StateMark } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { safeHref } from "../../components/safe-href.ts";
import { printDuration } from "../../state/time-range.ts";
import { healthMarks, lastText } from "./target-table.tsx";
import { troubleOf } from "./target-words.ts";

export function TargetDetails(props: {
  readonly target: ScrapeTarget;
  readonly close: () => void;
}) {
  const { target } = props;
  const copy = useCopy();
  const trouble = troubleOf(target.lastError, target.url);
  const href = safeHref(target.url);
  return (
    <>
      <header>
        <div className="row">
          <h2 className="grow wrapany mono">{target.url}</h2>
          <CloseDetails close={props.close} />
        </div>
        <StateMark {...healthMarks[target.health]} />
      </header>
      {trouble !== undefined && (
        <div className="errp" role="alert">
          <b>{trouble.what}</b>
          <p>{trouble.fix}</p>
          <pre>{target.lastError}</pre>
        </div>
      )}
      <div className="row wrap jumps">
        <PageLink
          to="/metrics"
          params={{ name: "up", match: matches(target.labels) }}
          className="btn"
        >
          Was it up?
        </PageLink>
        {href !== undefined && (
          <a className="btn" href={href} target="_blank" rel="noreferrer noopener">
            <Icon name="share" />
            Open it
          </a>
        )}
        <button
          type="button"
          className="btn ghost"
          onClick={() => copy(`curl -sS '${target.url.replaceAll("'", "%27")}'`, "the command")}
        >
          Copy as curl
        </button>
      </div>
      <dl className="kv">
        {facts(target).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3 className="gh">Labels of its series</h3>
      <LabelList labels={target.labels} />
      <h3 className="gh">Discovered, before relabelling</h3>
      <LabelList labels={target.discovered} />
    </>
  );
}

const facts = (target: ScrapeTarget) =>
  [
    ["Job", target.pool],
    ["Last scrape", lastText(target)],
    ["It took", target.lastScrapeMs === 0 ? "not yet" : formatDuration(target.lastSeconds * 1e9)],
    ["Series", target.series === undefined ? "not yet known" : formatCount(target.series)],
    ["Every", printDuration(target.intervalSeconds * 1000)],
    ["Timeout", printDuration(target.timeoutSeconds * 1000)],
  ] as const;

const matches = (labels: Labels): string[] =>
  ["job", "instance"].flatMap((name) =>
    labels[name] === undefined ? [] : [`${name}=${labels[name]}`],
  );

export function LabelList(props: { readonly labels: Labels }) {
  return (
    <dl className="kv">
      {Object.entries(props.labels).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
