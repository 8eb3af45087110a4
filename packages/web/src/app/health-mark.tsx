/** How Triptych itself is: a dot and a word in the top bar, reasons in a popover. */
import type { StatusAnswer } from "@triptych/contract";
import { useCallback, useState } from "react";
import { useAnswer } from "../api/answer.ts";
import { formatBytes, formatDuration, plural } from "../charts/format.ts";
import { Shape, type State } from "../components/icon.tsx";
import { PageLink } from "../components/page-link.tsx";
import { Popover } from "./popover.tsx";

export const statusEveryMs = 5000;
/** What was acknowledged is visible within a second; several times that is worth a word. */
const lagLateSeconds = 5;

export interface Health {
  readonly state: State;
  readonly word: string;
  readonly sentence: string;
}

export function healthOf(status: StatusAnswer | undefined, reachable: boolean): Health {
  if (!reachable)
    return {
      state: "critical",
      word: "no answer",
      sentence: "Triptych does not answer. What is on screen is from before.",
    };
  if (status === undefined)
    return { state: "none", word: "asking", sentence: "Asking Triptych how it is." };
  const problem = status.problems[0];
  if (problem !== undefined)
    return {
      state: "critical",
      word: plural(status.problems.length, "problem"),
      sentence: problem.message,
    };
  if (!status.ready)
    return {
      state: "warn",
      word: "starting",
      sentence: "Triptych is starting: it takes in data, but cannot answer all questions yet.",
    };
  const lag = formatDuration(status.lagSeconds * 1e9);
  if (status.lagSeconds > lagLateSeconds)
    return {
      state: "warn",
      word: `${lag} behind`,
      sentence: `Data is safe, but shows only after ${lag}.`,
    };
  return {
    state: "ok",
    word: status.lagSeconds === 0 ? "live" : `live, ${lag}`,
    sentence: `Triptych is healthy. What arrives shows within ${status.lagSeconds < 1 ? "a second" : lag}.`,
  };
}

export function HealthMark() {
  const status = useAnswer<StatusAnswer>("/status", {}, { everyMs: statusEveryMs });
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const health = healthOf(status.data, status.failure === undefined);
  return (
    <div className="picker">
      <button
        type="button"
        className={`live st ${health.state}`}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`Health of Triptych: ${health.word}`}
        onClick={() => setOpen(!open)}
      >
        <Shape state={health.state} />
        <span>{health.word}</span>
      </button>
      {open && (
        <Popover label="Health of Triptych" close={close} className="health">
          <p>{health.sentence}</p>
          {status.data !== undefined && (
            <>
              {status.data.problems.map((problem) => (
                <p key={problem.code} className="problem">
                  <span className="mono">{problem.code}</span> {problem.message}
                </p>
              ))}
              <dl className="pairs">
                <dt>Waiting in the journal</dt>
                <dd>
                  {formatBytes(status.data.journal.pendingBytes)} of{" "}
                  {formatBytes(status.data.journal.bytesMax)}
                </dd>
                <dt>Store</dt>
                <dd>
                  {status.data.store.kind}, {formatBytes(status.data.store.bytes)}
                </dd>
                <dt>Memory</dt>
                <dd>{formatBytes(status.data.residentBytes)}</dd>
              </dl>
            </>
          )}
          <PageLink to="/status" className="link" onOpen={close}>
            Status of Triptych
          </PageLink>
        </Popover>
      )}
    </div>
  );
}
