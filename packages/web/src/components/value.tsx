/** A value one can ask about: it opens the menu that leads to its evidence. */
import type { ReactNode } from "react";
import { type MenuItem, useFloats } from "./floats.tsx";

export function Value(props: {
  readonly title: string;
  readonly items: () => readonly MenuItem[];
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const { openMenu } = useFloats();
  return (
    <button
      type="button"
      className={`value ${props.className ?? ""}`}
      aria-haspopup="menu"
      onClick={(event) => {
        event.stopPropagation();
        const at = event.currentTarget.getBoundingClientRect();
        // A click from the keyboard has no place of its own.
        const x = event.detail === 0 ? at.left : event.clientX;
        openMenu({ title: props.title, items: props.items(), x, y: at.bottom + 4 });
      }}
    >
      {props.children}
    </button>
  );
}
