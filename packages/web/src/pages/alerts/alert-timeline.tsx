/** When alerts were pending and firing over the range: a line each, also of those that are over. */
import type { AlertTimelineAnswer } from "@triptych/contract";
import { useState } from "react";
import { useAnswer } from "../../api/answer.ts";
import { useWidth } from "../../charts/canvas.tsx";
import { plural } from "../../charts/format.ts";
import { timeTicks } from "../../charts/ticks.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { clockText, spanText, tickText, type Zone } from "../../state/clock-text.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { labelWords, severityOf } from "./alert-words.ts";

const shownFirst = 8;
const shownMax = 200;

export function AlertTimeline() {
  const { range } = useRange();
  const [all, setAll] = useState(false);
  const answer = useAnswer<AlertTimelineAnswer>("/alerts/timeline", {
    ...rangeParams(range),
    limit: String(all ? shownMax : shownFirst),
  });
  return (
    <Answered
      answer={answer}
      what="when alerts fired"
      className="tline"
      skeleton={<BoneRows rows={3} height={28} />}
    >
      {(data) =>
        data.rows.length === 0 ? (
          <p className="pad muted quiet">No alert was pending or firing in this time.</p>
        ) : (
          <>
            <Rows answer={data} />
            {data.total > data.rows.length && (
              <div className="bar">
                <button type="button" className="btn ghost" onClick={() => setAll(true)}>
                  {all
                    ? `${plural(data.total, "alert")} in all; a shorter time shows the others`
                    : `Show all ${data.total}`}
                </button>
              </div>
            )}
          </>
        )
      }
    </Answered>
  );
}

function Rows(props: { readonly answer: AlertTimelineAnswer }) {
  const { answer } = props;
  const [zone] = usePreference("zone", zones);
  const [axis, width] = useWidth<HTMLDivElement>();
  const offset = zone === "utc" ? 0 : -new Date(answer.to).getTimezoneOffset();
  const { ticks, stepMs } = timeTicks(answer, Math.max(120, width), offset);
  const share = (ms: number): string =>
    `${((ms - answer.from) / (answer.to - answer.from)) * 100}%`;
  return (
    <>
      <ul aria-label="When alerts were pending and firing">
        {answer.rows.map((row) => {
          const labels = labelWords(row.labels);
          const words = row.pieces.map((piece) => pieceWords(piece, zone)).join("; ");
          return (
            <li key={`${row.name} ${labels}`}>
              <span className="name ell" data-tip={`${row.name} ${labels}`}>
                {row.name} <span className="muted small">{labels}</span>
              </span>
              <span className="track" role="img" aria-label={words}>
                {row.pieces.map((piece) => (
                  <i
                    key={`${piece.state} ${piece.from}`}
                    className={`${piece.state} ${severityOf(row.labels).state}`}
                    style={{
                      left: share(piece.from),
                      width: `max(2px, ${((piece.to - piece.from) / (answer.to - answer.from)) * 100}%)`,
                    }}
                    data-tip={pieceWords(piece, zone)}
                  />
                ))}
              </span>
            </li>
          );
        })}
      </ul>
      <div className="ticks" aria-hidden="true">
        <span className="key">
          <i className="pending" /> pending <i className="firing critical" /> firing
        </span>
        <div ref={axis}>
          {ticks.map((at) => (
            <span key={at} style={{ left: share(at) }}>
              {tickText(at, stepMs, zone)}
            </span>
          ))}
        </div>
      </div>
    </>
  );
}

function pieceWords(
  piece: AlertTimelineAnswer["rows"][number]["pieces"][number],
  zone: Zone,
): string {
  const clock = (ms: number): string => clockText(ms, zone, "second");
  return `${piece.state} ${clock(piece.from)} to ${clock(piece.to)}, ${spanText(piece.to - piece.from)}`;
}
