/** Reading beside: a panel at the right with a width one can drag and that is remembered. */
import { type ReactNode, useRef } from "react";
import { useSizePreference } from "../state/preferences.ts";

const narrowest = 260;
const widest = 900;

/** The width for the grid that holds page and drawer. */
export function useDrawerWidth(name: string, fallback: number): [number, (width: number) => void] {
  const [width, setWidth] = useSizePreference(`drawer.${name}`, fallback);
  return [Math.max(narrowest, Math.min(widest, width)), setWidth];
}

export function Drawer(props: {
  readonly label: string;
  readonly width: number;
  readonly setWidth: (width: number) => void;
  readonly children: ReactNode;
}) {
  const begun = useRef<{ readonly x: number; readonly width: number } | undefined>(undefined);
  const { width, setWidth } = props;
  return (
    <aside className="drawer" aria-label={props.label} tabIndex={-1} data-drawer>
      {/* biome-ignore lint/a11y/useSemanticElements: a separator that moves is not a rule */}
      <div
        className="grip"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the drawer"
        aria-valuenow={Math.round(width)}
        aria-valuemin={narrowest}
        aria-valuemax={widest}
        tabIndex={0}
        onPointerDown={(event) => {
          begun.current = { x: event.clientX, width };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const from = begun.current;
          if (from !== undefined) setWidth(from.width + from.x - event.clientX);
        }}
        onPointerUp={() => {
          begun.current = undefined;
        }}
        onKeyDown={(event) => {
          if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
          event.preventDefault();
          event.stopPropagation();
          setWidth(width + (event.key === "ArrowLeft" ? 24 : -24));
        }}
      />
      {props.children}
    </aside>
  );
}
