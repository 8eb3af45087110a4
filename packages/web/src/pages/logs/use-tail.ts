/** Lines as they arrive, over server-sent events. While paused they wait, counted; only the newest are kept. */
import type { LogLine, LogTailLines } from "@triptych/contract";
import { useCallback, useEffect, useRef, useState } from "react";
import { apiUrl } from "../../api/client.ts";
import { type ParamsChange, printParams } from "../../state/params.ts";

/** More on screen than anyone scrolls through; older ones are a range query away. */
const keptMax = 3000;
/** One paint per burst instead of one per line. */
const flushEveryMs = 200;
const reconnectMs = 3000;

export type TailState = "off" | "connecting" | "live" | "broken";

export interface Tail {
  readonly state: TailState;
  /** Newest first. */
  readonly lines: readonly LogLine[];
  readonly waiting: number;
  /** The last remark of the server, e.g. that lines were skipped. */
  readonly mark: string;
  readonly flush: () => void;
}

export function useTail(
  query: ParamsChange,
  how: { readonly on: boolean; readonly paused: boolean },
): Tail {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [state, setState] = useState<TailState>("off");
  const [mark, setMark] = useState("");
  const held = useRef<LogLine[]>([]);
  const paused = useRef(how.paused);
  paused.current = how.paused;
  const url = apiUrl("/logs/tail") + printParams(query);
  const flush = useCallback(() => {
    const arrived = held.current.reverse();
    held.current = [];
    setWaiting(0);
    if (arrived.length > 0) setLines((before) => [...arrived, ...before].slice(0, keptMax));
  }, []);
  useEffect(() => {
    held.current = [];
    setLines([]);
    setWaiting(0);
    setMark("");
    if (!how.on) return setState("off");
    setState("connecting");
    let source: EventSource;
    let again: ReturnType<typeof setTimeout> | undefined;
    let lost = false;
    const connect = () => {
      source = new EventSource(url);
      source.addEventListener("open", () => {
        setState("live");
        if (lost) setMark("the connection was lost for a moment; lines in between may be missing");
      });
      source.addEventListener("error", () => {
        lost = true;
        setState("broken");
        // Browsers come back by themselves after a broken connection, but not after a refusal.
        if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, reconnectMs);
      });
      source.addEventListener("lines", (event) => {
        held.current.push(...parseLines(event.data));
        if (held.current.length > keptMax) held.current = held.current.slice(-keptMax);
      });
      source.addEventListener("mark", (event) => setMark(String(event.data)));
    };
    connect();
    const timer = setInterval(() => {
      if (held.current.length === 0) return;
      if (paused.current) setWaiting(held.current.length);
      else flush();
    }, flushEveryMs);
    return () => {
      source.close();
      clearTimeout(again);
      clearInterval(timer);
    };
  }, [how.on, url, flush]);
  return { state, lines, waiting, mark, flush };
}

function parseLines(data: unknown): LogTailLines {
  try {
    const lines: unknown = JSON.parse(String(data));
    return Array.isArray(lines) ? (lines as LogTailLines) : [];
  } catch {
    // A line cut by a broken connection: the next events are whole again.
    return [];
  }
}
