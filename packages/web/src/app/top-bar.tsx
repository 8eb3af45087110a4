/** Where we are, search, the time range, health, theme. */
import { Icon } from "../components/icon.tsx";
import { PageLink } from "../components/page-link.tsx";
import type { Theme } from "../state/preferences.ts";
import { themes } from "../state/preferences.ts";
import { useRange } from "../state/range-context.tsx";
import { many, one } from "../state/params.ts";
import { useParams, usePathname } from "../state/url-state.ts";
import { HealthMark } from "./health-mark.tsx";
import { pages, statusEntry } from "./pages.ts";
import { TimePicker } from "./time-picker.tsx";

export interface TopBarProps {
  readonly openPalette: () => void;
  readonly openKeys: () => void;
  readonly theme: Theme;
  readonly setTheme: (theme: Theme) => void;
}

const timedPages = ["/", "/services", "/traces", "/logs", "/metrics", "/cardinality", "/alerts"];
const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function TopBar(props: TopBarProps) {
  // The other pages show one thing or all there is: no time to choose.
  const path = usePathname();
  const timed = timedPages.includes(path) || path.startsWith("/services/");
  const next = themes[(themes.indexOf(props.theme) + 1) % themes.length] ?? "system";
  return (
    <header className="top">
      <Crumbs />
      <button
        type="button"
        className="search"
        onClick={props.openPalette}
        aria-label="Search or run a command"
      >
        <Icon name="search" />
        <span>Search or jump to</span>
        <kbd>{isMac ? "\u2318K" : "Ctrl K"}</kbd>
      </button>
      {timed && <TimeControls />}
      <HealthMark />
      <button
        type="button"
        className="btn ghost icon"
        aria-label={`Theme: ${props.theme}. Change to ${next}`}
        data-tip={`Theme: ${props.theme}`}
        onClick={() => props.setTheme(next)}
      >
        <Icon name="theme" />
      </button>
      <button
        type="button"
        className="btn ghost icon hide-s"
        aria-label="Keyboard map"
        data-tip="Keyboard map   ?"
        onClick={props.openKeys}
      >
        <Icon name="keyboard" />
      </button>
    </header>
  );
}

function TimeControls() {
  const range = useRange();
  return (
    <div className="group" role="group" aria-label="Time">
      <TimePicker />
      <button
        type="button"
        className="nav"
        aria-label="Earlier"
        data-tip="Earlier   ["
        onClick={() => range.move(-1)}
      >
        <Icon name="left" />
      </button>
      <button
        type="button"
        className="nav"
        aria-label="Later"
        data-tip="Later   ]"
        disabled={range.choice.kind === "last"}
        onClick={() => range.move(1)}
      >
        <Icon name="right" />
      </button>
      <button
        type="button"
        className="nav"
        aria-label="Refresh"
        data-tip="Refresh   r"
        onClick={range.refresh}
      >
        <Icon name="refresh" />
      </button>
      <button
        type="button"
        className="nav"
        aria-label="Live"
        aria-pressed={range.live}
        data-tip={range.live ? "Stop following   ." : "Follow what arrives   ."}
        onClick={() => range.setLive(!range.live)}
      >
        <Icon name={range.live ? "pause" : "play"} />
      </button>
    </div>
  );
}

/** Addresses are typed by people: a lone percent sign must not break the frame. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function Crumbs() {
  const path = usePathname();
  const entry = [...pages, statusEntry].find(
    (page) => path === page.to || (page.to !== "/" && path.startsWith(`${page.to}/`)),
  );
  const rest = entry === undefined ? "" : decoded(path.slice(entry.to.length + 1));
  const params = useParams();
  const asked = entry?.to === "/metrics" ? one(params, "name") : many(params, "service").join(", ");
  const leaf =
    entry?.to === "/traces" && rest.length === 32
      ? rest.slice(0, 8)
      : rest === ""
        ? (asked ?? "")
        : rest;
  return (
    <nav className="crumbs grow" aria-label="Where you are">
      {entry !== undefined && leaf !== "" ? (
        <>
          <PageLink to={entry.to} className="hide-s">
            {entry.name}
          </PageLink>
          <span className="hide-s">
            <Icon name="right" />
          </span>
          <b className={rest === "" ? "" : "mono"}>{leaf}</b>
        </>
      ) : (
        <b>{entry?.name ?? "Triptych"}</b>
      )}
    </nav>
  );
}
