/**
 * Keys of the frame and of the page on screen, in one listener. A page registers its own while it is mounted; the
 * latest registration of a key wins. Sequences are two keys with a space between (`g t`).
 */
import { useEffect, useRef } from "react";

export type Keys = { readonly [key: string]: (event: KeyboardEvent) => void };

const layers: { current: Keys }[] = [];
let pending = "";
let pendingUntil = 0;
const sequenceMs = 1200;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function nameOf(event: KeyboardEvent): string {
  const mod = event.metaKey || event.ctrlKey ? "mod+" : "";
  return mod + (event.key.length === 1 && mod !== "" ? event.key.toLowerCase() : event.key);
}

function lookUp(name: string): ((event: KeyboardEvent) => void) | undefined {
  for (let i = layers.length - 1; i >= 0; i--) {
    const keys = layers[i]?.current;
    if (keys !== undefined && Object.hasOwn(keys, name)) return keys[name];
  }
  return undefined;
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const name = nameOf(event);
  // While typing only Escape and chords with Ctrl or Cmd belong to us.
  if (isTyping(event.target) && name !== "Escape" && !name.startsWith("mod+")) return;
  // Enter and Space on a focused control belong to that control.
  if (
    (name === "Enter" || name === " ") &&
    event.target instanceof Element &&
    event.target.closest("a,button,summary,[role=menuitem]")
  )
    return;
  const sequence = pending !== "" && event.timeStamp < pendingUntil ? `${pending} ${name}` : "";
  const run = (sequence !== "" ? lookUp(sequence) : undefined) ?? lookUp(name);
  pending = "";
  if (run === undefined) {
    if (name === "g") {
      pending = name;
      pendingUntil = event.timeStamp + sequenceMs;
    }
    return;
  }
  event.preventDefault();
  run(event);
}

export function useKeys(keys: Keys): void {
  const layer = useRef(keys);
  layer.current = keys;
  useEffect(() => {
    if (layers.length === 0) document.addEventListener("keydown", onKeyDown);
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      if (layers.length === 0) document.removeEventListener("keydown", onKeyDown);
    };
  }, []);
}

/** `j`, `k` and the arrows move through a list, Enter opens. */
export function useListKeys(list: {
  readonly count: number;
  readonly index: number;
  readonly select: (index: number) => void;
  readonly open: (index: number) => void;
}): void {
  const step = (by: number) => {
    if (list.count === 0) return;
    list.select(Math.max(0, Math.min(list.count - 1, list.index + by)));
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Enter: () => {
      if (list.index >= 0 && list.index < list.count) list.open(list.index);
    },
  });
}
