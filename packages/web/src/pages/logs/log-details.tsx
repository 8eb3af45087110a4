/** One line in full: what to do with it, its whole text, its fields with how common each value is. */
import type { Attribute, LogLine } from "@triptych/contract";
import { formatCount, formatShare } from "../../charts/format.ts";
import { useAttributeMenu } from "../../components/attribute-menu.ts";
import { useCopy } from "../../components/floats.tsx";
import { Icon } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { Value } from "../../components/value.tsx";
import { dateTimeText, nsToMs } from "../../state/clock-text.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useSetParams } from "../../state/url-state.ts";
import { printAround } from "./context.tsx";
import type { FieldCounts } from "./field-counts.ts";

export function LogDetails(props: {
  readonly line: LogLine;
  readonly counts: FieldCounts;
  readonly lines: number;
}) {
  const { line, counts } = props;
  const setParams = useSetParams();
  const copy = useCopy();
  const [zone] = usePreference("zone", zones);
  return (
    <div className={`xp ${line.level === "fatal" ? "error" : line.level}`}>
      <div className="acts row wrap">
        {line.traceId !== "" && (
          <PageLink
            to={`/traces/${line.traceId}`}
            params={line.spanId === "" ? {} : { span: line.spanId }}
            className="btn primary"
          >
            <Icon name="traces" />
            Trace {line.traceId.slice(0, 8)}
          </PageLink>
        )}
        <button
          type="button"
          className="btn"
          onClick={() => setParams({ around: printAround(line) })}
        >
          <Icon name="logs" />
          Context
        </button>
        {line.traceId !== "" && (
          <button
            type="button"
            className="btn"
            onClick={() => setParams({ traceId: line.traceId, line: line.id })}
          >
            <Icon name="filter" />
            Lines of this trace
          </button>
        )}
        <button
          type="button"
          className="btn ghost"
          onClick={() => copy(JSON.stringify(line, undefined, 2), "the line as JSON")}
        >
          <Icon name="copy" />
          Copy as JSON
        </button>
        <button
          type="button"
          className="btn ghost"
          onClick={() => copy(location.href, "the link to this line")}
        >
          <Icon name="share" />
          Copy link
        </button>
        <span className="grow" />
        <span className="muted small hide-s">
          share of this value in the {formatCount(props.lines)} lines loaded
        </span>
      </div>
      <p className="full">{line.body}</p>
      <p className="muted small">
        {dateTimeText(nsToMs(line.timeNs), zone, "ms")} ·{" "}
        {line.severityText === "" ? line.level : line.severityText}
        {line.scope !== "" && <> · {line.scope}</>}
      </p>
      <Dropped attributes={line.attributes} />
      <FieldGrid scope="log" attributes={line.attributes} counts={counts} />
      <FieldGrid scope="resource" attributes={line.resource} counts={counts} />
    </div>
  );
}

/** The receiver notes among the attributes how many there were besides. */
function Dropped(props: { readonly attributes: readonly Attribute[] }) {
  const count = props.attributes.find(([key]) => key === "dropped_attributes_count")?.[2];
  if (count === undefined) return null;
  return (
    <p className="small c-warn">
      Attributes that were not kept, because the sender or a limit left them out: {String(count)}
    </p>
  );
}

function FieldGrid(props: {
  readonly scope: "log" | "resource";
  readonly attributes: readonly Attribute[];
  readonly counts: FieldCounts;
}) {
  const menu = useAttributeMenu();
  if (props.attributes.length === 0) return null;
  return (
    <dl
      className="fx"
      aria-label={props.scope === "log" ? "Fields of the line" : "Fields of its resource"}
    >
      {props.attributes.map(([key, , value], i) => {
        const share = props.counts.share(key, value);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a key may come twice
          <div key={i}>
            <dt className="k ell" title={key}>
              {key}
            </dt>
            <dd className="ell" title={value}>
              <Value
                title={`${key} = ${value}`}
                items={() => menu({ scope: props.scope, key, value })}
              >
                {value === "" ? '""' : value}
              </Value>
            </dd>
            <dd className="meter" aria-hidden="true">
              <i className="base" style={{ width: `${Math.max(2, share * 100)}%` }} />
            </dd>
            <dd className="n">{formatShare(share)}</dd>
          </div>
        );
      })}
    </dl>
  );
}
