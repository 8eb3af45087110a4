/** What the same services wrote just before and after one line. */
import type { LogLine, LogsAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatDuration } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Icon } from "../../components/icon.tsx";
import { clockText, nsToMs } from "../../state/clock-text.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useSetParams } from "../../state/url-state.ts";

const linesEachWay = 20;
const reachMs = 3_600_000;

/** `around` is `<time in ns>~<id>~<service>`, so that a copied address needs no other read to know where to look. */
export function printAround(line: LogLine): string {
  return `${line.timeNs}~${line.id}~${line.service}`;
}

export function Context(props: { readonly around: string; readonly services: readonly string[] }) {
  const setParams = useSetParams();
  const [zone] = usePreference("zone", zones);
  const [timeNs = "0", id = "", ...rest] = props.around.split("~");
  const service = rest.join("~");
  const at = nsToMs(timeNs);
  const query = {
    service: service === "" ? props.services : [service],
    limit: String(linesEachWay + 1),
  };
  const before = useAnswer<LogsAnswer>(
    "/logs",
    {
      ...query,
      from: String(Math.floor(at - reachMs)),
      to: String(Math.floor(at) + 1),
      order: "newest",
    },
    { keep: false },
  );
  const after = useAnswer<LogsAnswer>(
    "/logs",
    {
      ...query,
      from: String(Math.floor(at)),
      to: String(Math.ceil(at + reachMs)),
      order: "oldest",
    },
    { keep: false },
  );
  const lines = useMemo(
    () => merge(before.data?.lines ?? [], after.data?.lines ?? []),
    [before.data, after.data],
  );
  return (
    <>
      <header className="row">
        <h2 className="grow">
          Around {clockText(at, zone, "ms")} in {service}
        </h2>
        <button
          type="button"
          className="btn ghost icon"
          aria-label="Close"
          data-tip="Close"
          onClick={() => setParams({ around: undefined })}
        >
          <Icon name="close" />
        </button>
      </header>
      <Answered
        answer={before.data === undefined ? before : after}
        what="the lines around"
        skeleton={<BoneRows rows={10} height={26} />}
      >
        {() => (
          <ol className="sect">
            {lines.map((line) => (
              <li
                key={line.id}
                className={`lg ${line.id === id ? "here" : ""}`}
                aria-current={line.id === id}
              >
                <span>{offsetText(nsToMs(line.timeNs) - at)}</span>
                <span
                  className={
                    line.level === "error" || line.level === "fatal"
                      ? "c-critical"
                      : line.level === "warn"
                        ? "c-warn"
                        : "muted"
                  }
                >
                  {line.level}
                </span>
                <span>{line.body}</span>
              </li>
            ))}
          </ol>
        )}
      </Answered>
    </>
  );
}

function offsetText(ms: number): string {
  if (ms === 0) return "0";
  return (ms > 0 ? "+" : "") + formatDuration(ms * 1e6);
}

/** In time order; the lines of the instant itself come in both halves. */
function merge(before: readonly LogLine[], after: readonly LogLine[]): LogLine[] {
  const byId = new Map([...before, ...after].map((line) => [line.id, line]));
  return [...byId.values()].sort(
    (a, b) => nsToMs(a.timeNs) - nsToMs(b.timeNs) || (a.id < b.id ? -1 : 1),
  );
}
