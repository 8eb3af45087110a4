/** Dragging a box or a span on a chart with any pointer. Escape gives up; a click without movement is a click. */
import { useCallback, useEffect, useRef, useState } from "react";

export interface Drag {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

const clickBelowPx = 4;

/** Where the pointer is inside the box it went down in, never outside. */
function at(event: React.PointerEvent, box: DOMRect): { x: number; y: number } {
  return {
    x: Math.max(0, Math.min(box.width, event.clientX - box.left)),
    y: Math.max(0, Math.min(box.height, event.clientY - box.top)),
  };
}

export function useDrag(on: {
  readonly done: (drag: Drag) => void;
  readonly click?: (x: number, y: number) => void;
}) {
  const [drag, setDrag] = useState<Drag>();
  const begun = useRef<
    { readonly x: number; readonly y: number; readonly box: DOMRect } | undefined
  >(undefined);
  useEffect(() => {
    if (drag === undefined) return;
    const stop = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      begun.current = undefined;
      setDrag(undefined);
    };
    document.addEventListener("keydown", stop, true);
    return () => document.removeEventListener("keydown", stop, true);
  }, [drag]);
  const current = useRef(on);
  current.current = on;
  const onPointerDown = useCallback((event: React.PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    begun.current = { ...at(event, box), box };
    event.currentTarget.setPointerCapture(event.pointerId);
  }, []);
  const onPointerMove = useCallback((event: React.PointerEvent<HTMLElement>) => {
    const from = begun.current;
    if (from === undefined) return;
    const to = at(event, from.box);
    setDrag({ x0: from.x, y0: from.y, x1: to.x, y1: to.y });
  }, []);
  const onPointerUp = useCallback((event: React.PointerEvent<HTMLElement>) => {
    const from = begun.current;
    begun.current = undefined;
    setDrag(undefined);
    if (from === undefined) return;
    const to = at(event, from.box);
    if (Math.hypot(to.x - from.x, to.y - from.y) < clickBelowPx)
      current.current.click?.(to.x, to.y);
    else
      current.current.done({
        x0: Math.min(from.x, to.x),
        x1: Math.max(from.x, to.x),
        y0: Math.min(from.y, to.y),
        y1: Math.max(from.y, to.y),
      });
  }, []);
  const onPointerCancel = useCallback(() => {
    begun.current = undefined;
    setDrag(undefined);
  }, []);
  return { drag, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel } };
}
