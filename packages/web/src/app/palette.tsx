/** `Ctrl K`: pages, services, metrics, a trace by its id, actions. Arrow keys move, Enter goes. */
import type { MetricsAnswer, ServicesAnswer } from "@triptych/contract";
import { useEffect, useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer.ts";
import { formatDuration } from "../charts/format.ts";
import { Icon, type IconName } from "../components/icon.tsx";
import { type Go, useGo } from "../state/go.ts";
import { type Theme, themes } from "../state/preferences.ts";
import { rangeParams, useRange } from "../state/range-context.tsx";
import { pages, statusEntry } from "./pages.ts";

export interface PaletteProps {
  readonly close: () => void;
  readonly openKeys: () => void;
  readonly setTheme: (theme: Theme) => void;
}

interface Entry {
  readonly group: string;
  readonly icon: IconName;
  readonly name: string;
  readonly hint: string;
  readonly run: () => void;
}

const perGroupMax = 6;

export function Palette(props: PaletteProps) {
  const [text, setText] = useState("");
  const [index, setIndex] = useState(0);
  const entries = useEntries(text, props);
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    props.close();
    entry.run();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && entries.length > 0) {
      event.preventDefault();
      setIndex((index + step + entries.length) % entries.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(entries[index]);
    } else if (event.key === "k" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      props.close();
    }
  };
  return (
    <dialog
      ref={box}
      className="pal"
      aria-label="Search or run a command"
      onClose={props.close}
      onKeyDown={onKeyDown}
      onClick={(event) => event.target === box.current && props.close()}
    >
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries[index] === undefined ? undefined : `palette-${index}`}
        aria-label="Search or run a command"
        placeholder="A page, a service, a metric, a trace id, an action"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setIndex(0);
        }}
      />
      <div id="palette-list" role="listbox" aria-label="Results" className="list">
        {entries.map((entry, i) => (
          <div key={`${entry.group} ${entry.name}`}>
            {entry.group !== entries[i - 1]?.group && <div className="g">{entry.group}</div>}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys */}
            <div
              id={`palette-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === index}
              className={`opt ${i === index ? "on" : ""}`}
              onClick={() => run(entry)}
              onPointerMove={() => setIndex(i)}
            >
              <Icon name={entry.icon} />
              <span className="ell">
                <Marked text={entry.name} part={text} />
              </span>
              <span>{entry.hint}</span>
            </div>
          </div>
        ))}
        {entries.length === 0 && (
          <p className="none muted">Nothing by that name. A trace id has 32 hex digits.</p>
        )}
      </div>
      <footer>
        <span>
          <kbd>{"\u2191"}</kbd> <kbd>{"\u2193"}</kbd> move
        </span>
        <span>
          <kbd>{"\u21b5"}</kbd> open
        </span>
        <span>Paste a trace id to jump to it</span>
      </footer>
    </dialog>
  );
}

function Marked(props: { readonly text: string; readonly part: string }) {
  const at =
    props.part.trim() === ""
      ? -1
      : props.text.toLowerCase().indexOf(props.part.trim().toLowerCase());
  if (at < 0) return <>{props.text}</>;
  const end = at + props.part.trim().length;
  return (
    <>
      {props.text.slice(0, at)}
      <mark>{props.text.slice(at, end)}</mark>
      {props.text.slice(end)}
    </>
  );
}

function useEntries(text: string, props: PaletteProps): readonly Entry[] {
  const { range, refresh, setLive, live } = useRange();
  const go = useGo();
  const services = useAnswer<ServicesAnswer>("/services", rangeParams(range)).data;
  const metrics = useAnswer<MetricsAnswer>("/metrics", rangeParams(range)).data;
  return useMemo(() => {
    const words = text.trim().toLowerCase();
    const traceId = /^[0-9a-f]{32}$/.test(words) ? words : undefined;
    if (traceId !== undefined) {
      return [
        {
          group: "Trace",
          icon: "traces",
          name: traceId,
          hint: "open",
          run: () => go(`/traces/${traceId}`),
        },
      ];
    }
    const all: Entry[] = [
      ...serviceEntries(services, go),
      ...metricEntries(metrics, go),
      ...[...pages, statusEntry].map(
        (page): Entry => ({
          group: "Pages",
          icon: page.icon,
          name: page.name,
          hint: `g ${page.key}`,
          run: () => go(page.to),
        }),
      ),
      ...themes.map(
        (theme): Entry => ({
          group: "Actions",
          icon: "theme",
          name: `Theme: ${theme}`,
          hint: "",
          run: () => props.setTheme(theme),
        }),
      ),
      { group: "Actions", icon: "refresh", name: "Refresh", hint: "r", run: refresh },
      {
        group: "Actions",
        icon: live ? "pause" : "play",
        name: live ? "Stop following" : "Follow what arrives",
        hint: ".",
        run: () => setLive(!live),
      },
      { group: "Actions", icon: "keyboard", name: "Keyboard map", hint: "?", run: props.openKeys },
    ];
    const seen = new Map<string, number>();
    return all.filter((entry) => {
      if (words !== "" && !entry.name.toLowerCase().includes(words)) return false;
      if (words === "" && entry.group === "Metrics") return false;
      const count = (seen.get(entry.group) ?? 0) + 1;
      seen.set(entry.group, count);
      return count <= perGroupMax;
    });
  }, [text, services, metrics, go, refresh, setLive, live, props.setTheme, props.openKeys]);
}

function serviceEntries(answer: ServicesAnswer | undefined, go: Go): Entry[] {
  return (answer?.services ?? []).map((service) => ({
    group: "Services",
    icon: "traces",
    name: service.name,
    hint: `p95 ${formatDuration(service.p95Ns)}`,
    run: () => go("/traces", { service: service.name }),
  }));
}

function metricEntries(answer: MetricsAnswer | undefined, go: Go): Entry[] {
  return (answer?.metrics ?? []).map((metric) => ({
    group: "Metrics",
    icon: "metrics",
    name: metric.name,
    hint: metric.type,
    run: () => go("/metrics", { name: metric.name }),
  }));
}
