/** The frame around every page: rail, top bar, palette, key map, floats. */
import { Outlet } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { FloatsProvider } from "../components/floats.tsx";
import { useGo } from "../state/go.ts";
import { useKeys } from "../state/keyboard.tsx";
import { applyTheme, themes, usePreference } from "../state/preferences.ts";
import { RangeProvider, useRange } from "../state/range-context.tsx";
import { KeyMap } from "./key-map.tsx";
import { Palette } from "./palette.tsx";
import { pages, statusEntry } from "./pages.ts";
import { Rail } from "./rail.tsx";
import { TopBar } from "./top-bar.tsx";

export function Shell() {
  return (
    <RangeProvider>
      <FloatsProvider>
        <Frame />
      </FloatsProvider>
    </RangeProvider>
  );
}

function Frame() {
  const [over, setOver] = useState<"palette" | "keys">();
  const [theme, setTheme] = usePreference("theme", themes);
  const range = useRange();
  const go = useGo();
  useEffect(() => {
    applyTheme(theme);
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => applyTheme(theme);
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, [theme]);
  const toPages = Object.fromEntries(
    [...pages, statusEntry].map((page) => [`g ${page.key}`, () => go(page.to)]),
  );
  useKeys({
    ...toPages,
    "mod+k": () => setOver((now) => (now === "palette" ? undefined : "palette")),
    "?": () => setOver((now) => (now === "keys" ? undefined : "keys")),
    "/": focusSearch,
    "[": () => range.move(-1),
    "]": () => range.move(1),
    "-": range.widen,
    r: range.refresh,
    ".": () => range.setLive(!range.live),
    Escape: () => {
      setOver(undefined);
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    },
  });
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Rail />
      <TopBar
        openPalette={() => setOver("palette")}
        openKeys={() => setOver("keys")}
        theme={theme}
        setTheme={setTheme}
      />
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      {over === "palette" && (
        <Palette
          close={() => setOver(undefined)}
          setTheme={setTheme}
          openKeys={() => setOver("keys")}
        />
      )}
      {over === "keys" && <KeyMap close={() => setOver(undefined)} />}
    </>
  );
}

/** `/` goes to the page's own search field, marked with `data-search`. */
function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("main [data-search]");
  field?.focus();
  field?.select();
}
