/**
 * A panel around one answer. Never blank and never jumping: the skeleton has the final layout, old data stays dimmed,
 * a line moves after 300 ms, and after 2 s it says what is being read and how to stop it.
 */
import { type ReactNode, useEffect, useState } from "react";
import type { Answer } from "../api/answer.ts";
import type { ApiFailure } from "../api/client.ts";
import { useCopy } from "./floats.tsx";
import { Shape } from "./icon.tsx";
import { PageLink } from "./page-link.tsx";

const lineAfterMs = 300;
const wordsAfterMs = 2000;

/** How long something has been waited for, in steps that matter: 0, 300 ms, 2 s, then every half second. */
function useWaited(waiting: boolean): number {
  const [waited, setWaited] = useState(0);
  useEffect(() => {
    setWaited(0);
    if (!waiting) return;
    const begun = performance.now();
    const line = setTimeout(() => setWaited(lineAfterMs), lineAfterMs);
    const words = setInterval(() => {
      const ms = performance.now() - begun;
      if (ms >= wordsAfterMs) setWaited(ms);
    }, 500);
    return () => {
      clearTimeout(line);
      clearInterval(words);
    };
  }, [waiting]);
  return waited;
}

export interface AnsweredProps<T> {
  readonly answer: Answer<T>;
  /** What is read, for the words after 2 s: "traces of the last 15 min". */
  readonly what: string;
  readonly skeleton: ReactNode;
  readonly children: (data: T) => ReactNode;
  readonly className?: string;
}

export function Answered<T>(props: AnsweredProps<T>) {
  const { answer } = props;
  const waited = useWaited(answer.waiting);
  return (
    <div className={`answered ${props.className ?? ""}`} aria-busy={answer.waiting}>
      {waited >= lineAfterMs && (
        <div className="progress over" role="progressbar" aria-label={`Reading ${props.what}`}>
          <i />
        </div>
      )}
      {waited >= wordsAfterMs && (
        <div className="slow" role="status">
          <span className="grow">
            Reading {props.what}, {(waited / 1000).toFixed(1)}&nbsp;s so far
          </span>
          <button type="button" className="btn" onClick={answer.cancel}>
            Cancel
          </button>
        </div>
      )}
      {answer.failure !== undefined && (
        <ErrorPanel failure={answer.failure} retry={answer.retry} what={props.what} />
      )}
      {answer.cancelled && answer.failure === undefined && (
        <div className="cancelled">
          <span>You stopped reading {props.what}.</span>
          <button type="button" className="btn" onClick={answer.retry}>
            Read again
          </button>
        </div>
      )}
      {answer.data !== undefined ? (
        <div
          className={
            answer.stale && (waited >= lineAfterMs || answer.failure) ? "data stale" : "data"
          }
        >
          {props.children(answer.data)}
        </div>
      ) : (
        answer.failure === undefined && !answer.cancelled && props.skeleton
      )}
    </div>
  );
}

export function ErrorPanel(props: {
  readonly failure: ApiFailure;
  readonly retry: () => void;
  readonly what: string;
}) {
  const { failure } = props;
  const copy = useCopy();
  return (
    <div className="errp" role="alert">
      <span className="st critical">
        <Shape state="critical" />
        <b>Could not read {props.what}</b>
      </span>
      <p>{failure.message}</p>
      <p className="muted small">
        <span className="mono">{failure.code}</span>
        {failure.status > 0 && <span> · HTTP {failure.status}</span>}
        {failure.offset !== undefined && <span> · at character {failure.offset}</span>}
      </p>
      <div className="row wrap acts">
        <button type="button" className="btn" onClick={props.retry}>
          Retry now
        </button>
        <PageLink to="/status" className="btn ghost">
          Status of Triptych
        </PageLink>
        <button
          type="button"
          className="btn ghost"
          onClick={() =>
            copy(
              `${failure.code} (HTTP ${failure.status}): ${failure.message}\n${location.href}`,
              "the details",
            )
          }
        >
          Copy details
        </button>
      </div>
    </div>
  );
}

/** A grey bar where text will stand. */
export function Bone(props: { readonly width: string; readonly height?: number }) {
  return <span className="sk" style={{ width: props.width, height: props.height ?? 10 }} />;
}

export function BoneRows(props: { readonly rows: number; readonly height: number }) {
  return (
    <div aria-hidden="true">
      {Array.from({ length: props.rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <div key={i} className="bone-row" style={{ height: props.height }}>
          <Bone width="84px" />
          <Bone width={`${30 + ((i * 17) % 40)}%`} />
          <span className="grow" />
          <Bone width="64px" />
        </div>
      ))}
    </div>
  );
}

export function BoneChart(props: { readonly height: number }) {
  return (
    <div className="bone-chart" style={{ height: props.height }} aria-hidden="true">
      {Array.from({ length: 48 }, (_, i) => (
        <Bone
          // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
          key={i}
          width="100%"
          height={Math.round(props.height * (0.25 + ((i * 37) % 50) / 90))}
        />
      ))}
    </div>
  );
}
