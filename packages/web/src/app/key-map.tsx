/** The map of all keys, under `?`. */
import { useEffect, useRef } from "react";
import { pages, statusEntry } from "./pages.ts";

const keys: readonly (readonly [string, string])[] = [
  ["\u2318/Ctrl K", "search and commands"],
  ...[...pages, statusEntry].map(
    (page) => [`g ${page.key}`, page.name[0]?.toLowerCase() + page.name.slice(1)] as const,
  ),
  ["/", "find on this page"],
  ["j k", "next, previous row"],
  ["\u21b5", "open"],
  ["\u2190 \u2192", "fold, unfold a span"],
  ["c e", "fold, unfold one level"],
  ["n N", "next, previous hit in a trace"],
  ["[ ]", "earlier, later"],
  ["-", "zoom out"],
  ["r", "refresh"],
  [".", "live"],
  ["Esc", "close"],
  ["?", "this map"],
];

export function KeyMap(props: { readonly close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog
      ref={box}
      className="pal keymap"
      aria-label="Keyboard map"
      onClose={props.close}
      onClick={props.close}
      onKeyDown={(event) => event.key === "?" && props.close()}
    >
      <h2>Keyboard</h2>
      <dl className="kbm">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(" ").map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
