/** A small panel under its button: closes on Escape and on a click elsewhere, gives the focus back. */
import { type ReactNode, useEffect, useRef } from "react";

export function Popover(props: {
  readonly label: string;
  readonly close: () => void;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { close } = props;
  useEffect(() => {
    const opener = document.activeElement;
    const onDown = (event: PointerEvent) => {
      const holder = box.current?.parentElement;
      if (event.target instanceof Node && holder !== null && holder?.contains(event.target)) return;
      close();
    };
    document.addEventListener("pointerdown", onDown);
    return () => {
      document.removeEventListener("pointerdown", onDown);
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, [close]);
  return (
    <div
      ref={box}
      role="dialog"
      aria-label={props.label}
      className={`popover ${props.className ?? ""}`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        event.preventDefault();
        close();
      }}
    >
      {props.children}
    </div>
  );
}
