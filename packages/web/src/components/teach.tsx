/** Empty pages that teach: the exact lines for this address, and they turn into data by themselves. */
import type { StatusAnswer } from "@triptych/contract";
import { useEffect, useState } from "react";
import { useAnswer } from "../api/answer.ts";
import { formatCount } from "../charts/format.ts";
import { rangeWords } from "../app/time-picker.tsx";
import { useRange } from "../state/range-context.tsx";
import { useCopy } from "./floats.tsx";
import { Icon } from "./icon.tsx";
import { PageHead } from "./page-head.tsx";
import { curlLines, type Recipe, recipesFor, type Signal } from "./teach-lines.ts";

/** Data shows within a second of its arrival: asking every two is soon enough. */
const lookAgainMs = 2000;
const counterOf = { traces: "spans", logs: "lines", metrics: "samples" } as const;
const dayMs = 86_400_000;

export function Teach(props: { readonly signal: Signal }) {
  const range = useRange();
  const { refresh } = range;
  const status = useAnswer<StatusAnswer>("/status").data;
  const [chosen, setChosen] = useState(0);
  const copy = useCopy();
  useEffect(() => {
    const timer = setInterval(
      () => document.visibilityState === "visible" && refresh(),
      lookAgainMs,
    );
    return () => clearInterval(timer);
  }, [refresh]);
  const http = status?.addresses.otlpHttp ?? "http://127.0.0.1:4318";
  const recipes: readonly Recipe[] = recipesFor(
    http,
    status?.addresses.otlpGrpc ?? "http://127.0.0.1:4317",
  );
  const recipe = recipes[chosen] ?? recipes[0];
  const words =
    range.choice.kind === "last"
      ? `the ${rangeWords(range.choice)}`
      : `these ${rangeWords(range.choice)}`;
  const received = status?.received[counterOf[props.signal]] ?? 0;
  return (
    <>
      <PageHead
        title={`No ${props.signal}`}
        finding={
          <>
            No {props.signal} in {words} yet.
          </>
        }
      >
        {received > 0 ? (
          <span>
            {formatCount(received)} {counterOf[props.signal]} have arrived since Triptych started,
            none of them in this time. The page fills by itself when the next one does.
          </span>
        ) : (
          <span>Send some to this address; the page fills by itself when the first arrives.</span>
        )}
      </PageHead>
      <div className="pad teach">
        <section className="empty" aria-label="How to send data">
          <div className="seg" role="group" aria-label="Way to send">
            {recipes.map((entry, i) => (
              <button
                key={entry.name}
                type="button"
                aria-pressed={i === chosen}
                onClick={() => setChosen(i)}
              >
                {entry.name}
              </button>
            ))}
          </div>
          <Code text={recipe?.lines ?? ""} />
          <div className="row wrap">
            <button
              type="button"
              className="btn primary"
              onClick={() => copy(recipe?.lines ?? "", "the lines")}
            >
              <Icon name="copy" />
              Copy
            </button>
            <span className="live st none" role="status">
              <i className="dot waiting" aria-hidden="true" />
              listening, nothing yet
            </span>
          </div>
        </section>
        <section className="empty" aria-labelledby="curl-h">
          <h2 id="curl-h">Or send one by hand now</h2>
          <Code text={curlLines(props.signal, http)} />
          <div className="row wrap">
            <button
              type="button"
              className="btn"
              onClick={() => copy(curlLines(props.signal, http), "the command")}
            >
              <Icon name="copy" />
              Copy
            </button>
            {range.choice.kind === "last" && range.choice.ms < dayMs && (
              <button
                type="button"
                className="btn ghost"
                onClick={() => range.set({ kind: "last", ms: dayMs })}
              >
                Look back 24 h
              </button>
            )}
          </div>
        </section>
      </div>
    </>
  );
}

function Code(props: { readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways
    <pre className="code" tabIndex={0} role="region" aria-label="Lines to paste">
      {props.text.split("\n").map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of a fixed text
        <span key={i} className={/^\s*(#|\/\/)/.test(line) ? "faint" : undefined}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

/** Filters that leave nothing: says so and offers what would show something. */
export function NothingMatches(props: { readonly what: string; readonly remove?: () => void }) {
  const range = useRange();
  return (
    <div className="pad nothing" role="status">
      <p>
        No {props.what} matches in {range.choice.kind === "last" ? "the" : "these"}{" "}
        {rangeWords(range.choice)}.
      </p>
      <p className="muted">Fewer filters or a longer time may show some.</p>
      <div className="row wrap">
        {props.remove !== undefined && (
          <button type="button" className="btn" onClick={props.remove}>
            Remove all filters
          </button>
        )}
        <button type="button" className="btn ghost" onClick={range.widen}>
          Look twice as far
        </button>
        {range.choice.kind === "last" && range.choice.ms < dayMs && (
          <button
            type="button"
            className="btn ghost"
            onClick={() => range.set({ kind: "last", ms: dayMs })}
          >
            Look back 24 h
          </button>
        )}
      </div>
    </div>
  );
}
