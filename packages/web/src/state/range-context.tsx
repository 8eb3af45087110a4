/** The time range shared by all panels of a page: one "now", so they move together. */
import type { TimeRange } from "@triptych/contract";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";
import { one } from "./params.ts";
import {
  moveRange,
  type RangeChoice,
  readRange,
  resolveRange,
  writeRange,
  zoomOut,
} from "./time-range.ts";
import { useParams, useSetParams } from "./url-state.ts";

/** How often a live page reads again. The store shows what was acknowledged within a second. */
const liveEveryMs = 5000;

export interface RangeState {
  readonly choice: RangeChoice;
  readonly range: TimeRange;
  readonly nowMs: number;
  readonly live: boolean;
  readonly set: (choice: RangeChoice) => void;
  readonly move: (direction: -1 | 1) => void;
  readonly widen: () => void;
  readonly refresh: () => void;
  readonly setLive: (live: boolean) => void;
}

const RangeContext = createContext<RangeState | undefined>(undefined);

export function RangeProvider(props: { readonly children: ReactNode }) {
  const params = useParams();
  const setParams = useSetParams();
  const [nowMs, setNowMs] = useState(() => Date.now());
  const [last, from, to] = [one(params, "last"), one(params, "from"), one(params, "to")];
  const live = one(params, "live") === "1";
  const choice = useMemo(() => readRange({ last, from, to }), [last, from, to]);
  const set = useCallback(
    (next: RangeChoice) => {
      setNowMs(Date.now());
      setParams({ ...writeRange(next), ...(next.kind === "absolute" && { live: undefined }) });
    },
    [setParams],
  );
  const refresh = useCallback(() => setNowMs(Date.now()), []);
  const setLive = useCallback(
    (next: boolean) => {
      setNowMs(Date.now());
      const relative = choice.kind === "absolute" && next ? { from: undefined, to: undefined } : {};
      setParams({ live: next ? "1" : undefined, ...relative });
    },
    [choice, setParams],
  );
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setNowMs(Date.now());
    }, liveEveryMs);
    return () => clearInterval(timer);
  }, [live]);
  const value = useMemo<RangeState>(
    () => ({
      choice,
      range: resolveRange(choice, nowMs),
      nowMs,
      live,
      set,
      move: (direction) => set(moveRange(choice, direction, Date.now())),
      widen: () => set(zoomOut(choice, Date.now())),
      refresh,
      setLive,
    }),
    [choice, nowMs, live, set, refresh, setLive],
  );
  return <RangeContext value={value}>{props.children}</RangeContext>;
}

export function useRange(): RangeState {
  const value = useContext(RangeContext);
  if (value === undefined) throw new Error("useRange needs a RangeProvider above it");
  return value;
}

/** The range as the API takes it. */
export function rangeParams(range: TimeRange): { from: string; to: string } {
  return { from: String(Math.floor(range.from)), to: String(Math.ceil(range.to)) };
}
