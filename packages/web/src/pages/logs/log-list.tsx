/** The lines: drawn only where they are seen, newest first, live at the top until one scrolls away from it. */
import type { LogLine } from "@triptych/contract";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useCallback, useEffect, useRef } from "react";
import { formatCount, plural } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Icon } from "../../components/icon.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { clockText, dateTimeText, nsToMs, type Zone } from "../../state/clock-text.ts";
import { useKeys, useListKeys } from "../../state/keyboard.tsx";
import { one } from "../../state/params.ts";
import { usePreference, zones } from "../../state/preferences.ts";
import { useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import type { FieldCounts } from "./field-counts.ts";
import { LogDetails } from "./log-details.tsx";
import type { Lines } from "./use-lines.ts";
import type { Tail, TailState } from "./use-tail.ts";

const rowHeight = 25;
/** Closer to the end than this, the next page is read. */
const readAheadRows = 30;
/** Scrolled further than this means reading, not watching. */
const awayPx = 8;

export interface LogListProps {
  /** What else can be looked at here. */
  readonly tabs: ReactNode;
  readonly lines: readonly LogLine[];
  readonly stored: Lines;
  readonly tail: Tail;
  readonly counts: FieldCounts;
  readonly paused: boolean;
  readonly setPaused: (paused: boolean) => void;
}

export function LogList(props: LogListProps) {
  const { lines, stored, tail, paused, setPaused } = props;
  const params = useParams();
  const setParams = useSetParams();
  const { live, setLive } = useRange();
  const [zone] = usePreference("zone", zones);
  const scroller = useRef<HTMLDivElement>(null);
  const open = one(params, "line");
  const selected = one(params, "sel") ?? open;
  const index = lines.findIndex((line) => line.id === selected);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 20,
    getItemKey: (i) => lines[i]?.id ?? i,
  });
  const toggle = useCallback(
    (id: string) => setParams({ line: open === id ? undefined : id, sel: undefined }),
    [open, setParams],
  );
  const resume = useCallback(() => {
    scroller.current?.scrollTo({ top: 0 });
    setPaused(false);
    tail.flush();
  }, [setPaused, tail.flush]);
  useListKeys({
    count: lines.length,
    index,
    select: (next) => {
      setParams({ sel: lines[next]?.id }, { replace: true });
      rows.scrollToIndex(next, { align: "auto" });
    },
    open: (at) => toggle(lines[at]?.id ?? ""),
  });
  useKeys({ ".": () => (live && paused ? resume() : setLive(!live)) });
  useEffect(() => {
    if (!live) setPaused(false);
  }, [live, setPaused]);
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { more } = stored;
  useEffect(() => {
    if (more !== undefined && last > lines.length - readAheadRows) more();
  }, [more, last, lines.length]);
  return (
    <section className="list" aria-label="Lines">
      <div className="bar">
        {props.tabs}
        <span className="muted small">newest first</span>
        <span className="grow" />
        <LiveState state={tail.state} paused={paused} />
        {live && paused ? (
          <button type="button" className="btn" onClick={resume}>
            <Icon name="play" />
            Resume
          </button>
        ) : (
          <button type="button" className="btn" aria-pressed={live} onClick={() => setLive(!live)}>
            <Icon name={live ? "pause" : "play"} />
            {live ? "Stop" : "Live tail"}
          </button>
        )}
      </div>
      <div className="lh" aria-hidden="true">
        <span />
        <span>Time{zone === "utc" ? ", UTC" : ""}</span>
        <span>Level</span>
        <span>Service</span>
        <span>Message</span>
      </div>
      {live && paused && tail.waiting > 0 && (
        <button type="button" className="jump" onClick={resume}>
          <Icon name="up" />
          {plural(tail.waiting, "new line")} above <kbd>.</kbd>
        </button>
      )}
      <Answered
        answer={stored.answer}
        what="lines"
        className="fill"
        skeleton={<BoneRows rows={20} height={rowHeight} />}
      >
        {() => (
          <div
            ref={scroller}
            className="rows"
            role="list"
            aria-label="Log lines"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
            tabIndex={0}
            onScroll={(event) => live && setPaused(event.currentTarget.scrollTop > awayPx)}
          >
            <div style={{ height: rows.getTotalSize(), position: "relative" }}>
              {items.map((item) => {
                const line = lines[item.index];
                return line === undefined ? null : (
                  <div
                    key={item.key}
                    data-index={item.index}
                    ref={rows.measureElement}
                    className="at"
                    style={{ transform: `translateY(${item.start}px)` }}
                    role="listitem"
                  >
                    <LogRow
                      line={line}
                      zone={zone}
                      selected={item.index === index}
                      open={open === line.id}
                      toggle={toggle}
                    />
                    {open === line.id && (
                      <LogDetails line={line} counts={props.counts} lines={lines.length} />
                    )}
                  </div>
                );
              })}
            </div>
            {stored.loadingMore && <p className="muted small none">Reading older lines</p>}
            {stored.more === undefined && !stored.loadingMore && lines.length > 0 && (
              <p className="muted small none">
                These are all {formatCount(lines.length)} lines of the range.
              </p>
            )}
          </div>
        )}
      </Answered>
    </section>
  );
}

function LiveState(props: { readonly state: TailState; readonly paused: boolean }) {
  if (props.state === "off") return null;
  const [dot, words] =
    props.state === "broken"
      ? ["broken", "connection lost, trying again"]
      : props.paused
        ? ["paused", "paused, you scrolled"]
        : props.state === "connecting"
          ? ["paused", "connecting"]
          : ["", "live"];
  return (
    <span className="live" role="status">
      <i className={`dot ${dot}`} aria-hidden="true" />
      {words}
    </span>
  );
}

const inlineAttributes = 4;

function LogRow(props: {
  readonly line: LogLine;
  readonly zone: Zone;
  readonly selected: boolean;
  readonly open: boolean;
  readonly toggle: (id: string) => void;
}) {
  const { line, zone } = props;
  const at = nsToMs(line.timeNs);
  const tone = line.level === "fatal" ? "error" : line.level;
  return (
    <button
      type="button"
      className={`lr ${tone}`}
      aria-expanded={props.open}
      data-selected={props.selected || undefined}
      onClick={() => props.toggle(line.id)}
    >
      <span className="t" title={dateTimeText(at, zone, "ms")}>
        {clockText(at, zone, "ms")}
      </span>
      <span className="lvl" title={line.severityText}>
        {line.level}
      </span>
      <ServiceName name={line.service} />
      <span className="msg">
        {line.body}
        {line.attributes.slice(0, inlineAttributes).map(([key, , value]) => (
          <i key={key}>
            {" "}
            {key}={value}
          </i>
        ))}
      </span>
    </button>
  );
}
