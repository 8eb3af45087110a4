/** How Triptych itself is: what it took in, what waits, what is wrong, where to send. */
import type { StatusAnswer } from "@triptych/contract";
import { healthOf, statusEveryMs } from "../app/health-mark.tsx";
import { useAnswer } from "../api/answer.ts";
import { formatBytes, formatCount, formatDuration, formatShare } from "../charts/format.ts";
import { Answered, BoneRows } from "../components/answered.tsx";
import { useCopy } from "../components/floats.tsx";
import { Icon, StateMark } from "../components/icon.tsx";
import { PageHead } from "../components/page-head.tsx";
import { dateTimeText, spanText } from "../state/clock-text.ts";
import { usePreference, zones } from "../state/preferences.ts";

export function StatusPage() {
  const status = useAnswer<StatusAnswer>("/status", {}, { everyMs: statusEveryMs });
  const health = healthOf(status.data, status.failure === undefined);
  return (
    <>
      <PageHead
        title="Status"
        finding={
          health.state === "none" ? undefined : health.state === "ok" ? (
            <>{health.sentence}</>
          ) : (
            <em className={health.state === "warn" ? "w" : ""}>{health.sentence}</em>
          )
        }
      >
        {health.state !== "none" && <StateMark state={health.state} word={health.word} />}
        {status.data !== undefined && (
          <>
            <span>version {status.data.version}</span>
            <span>up for {spanText(Date.now() - Date.parse(status.data.startedAt))}</span>
          </>
        )}
      </PageHead>
      <Answered
        answer={status}
        what="the status"
        className="sect"
        skeleton={<BoneRows rows={10} height={36} />}
      >
        {(data) => <Figures status={data} />}
      </Answered>
    </>
  );
}

function Figures(props: { readonly status: StatusAnswer }) {
  const { status } = props;
  const [zone] = usePreference("zone", zones);
  const filled =
    status.journal.bytesMax > 0 ? status.journal.pendingBytes / status.journal.bytesMax : 0;
  return (
    <div className="gs">
      {status.problems.length > 0 && (
        <section className="x all" aria-labelledby="problems-h">
          <h2 id="problems-h">What is wrong</h2>
          <ul className="problems">
            {status.problems.map((problem) => (
              <li key={problem.code}>
                <StateMark state="critical" word={problem.code} />
                <span>{problem.message}</span>
                <span className="muted">since {dateTimeText(Date.parse(problem.since), zone)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="x" aria-labelledby="received-h">
        <h2 id="received-h">
          Received <span>since it started</span>
        </h2>
        <dl className="pairs">
          <dt>Spans</dt>
          <dd>{formatCount(status.received.spans)}</dd>
          <dt>Log lines</dt>
          <dd>{formatCount(status.received.lines)}</dd>
          <dt>Samples</dt>
          <dd>{formatCount(status.received.samples)}</dd>
          <dt>Visible after</dt>
          <dd>{formatDuration(status.lagSeconds * 1e9)}</dd>
        </dl>
      </section>
      <section className="x" aria-labelledby="journal-h">
        <h2 id="journal-h">
          Journal <span>acknowledged, not yet in the store</span>
        </h2>
        <dl className="pairs">
          <dt>Waiting</dt>
          <dd>
            {formatCount(status.journal.pendingRecords)} records,{" "}
            {formatBytes(status.journal.pendingBytes)}
          </dd>
          <dt>Room</dt>
          <dd>{formatBytes(status.journal.bytesMax)}</dd>
          <dt>Quarantined</dt>
          <dd className={status.journal.quarantinedRecords > 0 ? "c-warn" : ""}>
            {formatCount(status.journal.quarantinedRecords)} records
          </dd>
        </dl>
        <span
          className="meter"
          role="img"
          aria-label={`${formatShare(filled)} of the journal is in use`}
        >
          <i
            className={filled > 0.8 ? "critical" : filled > 0.5 ? "warn" : "base"}
            style={{ width: `${Math.max(0.5, filled * 100)}%` }}
          />
        </span>
      </section>
      <section className="x" aria-labelledby="store-h">
        <h2 id="store-h">
          Store and process <span>{status.ready ? "ready" : "not ready"}</span>
        </h2>
        <dl className="pairs">
          <dt>Store</dt>
          <dd>
            {status.store.kind}, {formatBytes(status.store.bytes)}
          </dd>
          <dt>Memory</dt>
          <dd>{formatBytes(status.residentBytes)}</dd>
          <dt>Started</dt>
          <dd>{dateTimeText(Date.parse(status.startedAt), zone)}</dd>
        </dl>
      </section>
      <section className="x all" aria-labelledby="addresses-h">
        <h2 id="addresses-h">Where to send</h2>
        <Addresses status={status} />
      </section>
    </div>
  );
}

function Addresses(props: { readonly status: StatusAnswer }) {
  const copy = useCopy();
  const { addresses } = props.status;
  const list = [
    ["OTLP over HTTP", addresses.otlpHttp],
    ["OTLP over gRPC", addresses.otlpGrpc],
    ["This page and all HTTP APIs", addresses.http],
  ] as const;
  return (
    <ul className="addresses">
      {list.map(([name, address]) => (
        <li key={name}>
          <span className="muted">{name}</span>
          <span className="mono">{address}</span>
          <button
            type="button"
            className="btn ghost icon"
            aria-label={`Copy ${address}`}
            onClick={() => copy(address, "the address")}
          >
            <Icon name="copy" />
          </button>
        </li>
      ))}
    </ul>
  );
}
