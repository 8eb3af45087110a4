/** The time range: relative by one click, absolute by typing or two fields, and the zone times are shown in. */
import { useCallback, useState } from "react";
import { Icon } from "../components/icon.tsx";
import { dateTimeText, rangeText, spanText } from "../state/clock-text.ts";
import { usePreference, zones } from "../state/preferences.ts";
import { useRange } from "../state/range-context.tsx";
import { parseRangeText, type RangeChoice } from "../state/time-range.ts";
import { Popover } from "./popover.tsx";

const minute = 60_000;
const lasts: readonly (readonly [string, number])[] = [
  ["5 min", 5 * minute],
  ["15 min", 15 * minute],
  ["30 min", 30 * minute],
  ["1 h", 60 * minute],
  ["3 h", 180 * minute],
  ["6 h", 360 * minute],
  ["12 h", 720 * minute],
  ["24 h", 1440 * minute],
  ["2 days", 2880 * minute],
  ["7 days", 10_080 * minute],
];

export function rangeWords(choice: RangeChoice): string {
  const span = spanText(choice.kind === "last" ? choice.ms : choice.to - choice.from);
  return choice.kind === "last" ? `last ${span}` : span;
}

export function TimePicker() {
  const range = useRange();
  const [zone] = usePreference("zone", zones);
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  return (
    <div className="picker">
      <button
        type="button"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`Time range: ${rangeWords(range.choice)}, ${rangeText(range.range, zone, range.nowMs)}`}
        onClick={() => setOpen(!open)}
      >
        <Icon name="clock" />
        <span>{range.live ? "Live" : rangeWords(range.choice)}</span>
        <span className="lbl-l faint">
          {range.live ? rangeWords(range.choice) : rangeText(range.range, zone, range.nowMs)}
        </span>
        <Icon name="down" />
      </button>
      {open && (
        <Popover label="Time range" close={close} className="times">
          <RangeForm close={close} />
        </Popover>
      )}
    </div>
  );
}

function RangeForm(props: { readonly close: () => void }) {
  const range = useRange();
  const [zone, setZone] = usePreference("zone", zones);
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const pick = (choice: RangeChoice) => {
    range.set(choice);
    props.close();
  };
  const current = `${dateTimeText(range.range.from, zone)} to ${dateTimeText(range.range.to, zone)}`;
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const choice = parseRangeText(text, Date.now(), zone);
    if (choice === undefined) setWrong(true);
    else pick(choice);
  };
  return (
    <>
      <form onSubmit={submit}>
        <label htmlFor="range-text">From and to, or how long</label>
        <div className="row">
          <input
            id="range-text"
            className="field mono grow"
            // biome-ignore lint/a11y/noAutofocus: the popover was opened to type or pick here
            autoFocus
            value={text}
            placeholder={current}
            aria-invalid={wrong}
            aria-describedby="range-help"
            onChange={(event) => {
              setText(event.target.value);
              setWrong(false);
            }}
          />
          <button type="submit" className="btn primary">
            Show
          </button>
        </div>
        <p id="range-help" className={`small ${wrong ? "c-critical" : "muted"}`}>
          {wrong ? "Not understood. " : ""}For example 90 min, 14:00 to 14:30, or {current}
        </p>
      </form>
      <h3>Up to now</h3>
      <div className="lasts">
        {lasts.map(([name, ms]) => (
          <button
            key={name}
            type="button"
            className="btn ghost"
            aria-pressed={range.choice.kind === "last" && range.choice.ms === ms}
            onClick={() => pick({ kind: "last", ms })}
          >
            {name}
          </button>
        ))}
      </div>
      <div className="row foot">
        <span className="muted small grow">
          <kbd>[</kbd> <kbd>]</kbd> move · <kbd>-</kbd> zoom out · <kbd>.</kbd> live
        </span>
        <span className="seg" role="group" aria-label="Show times in">
          {zones.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={zone === name}
              onClick={() => setZone(name)}
            >
              {name === "utc" ? "UTC" : "Local time"}
            </button>
          ))}
        </span>
      </div>
    </>
  );
}
