/**
 * What floats above the page, each once: the menu on any value, tooltips, and short notices. Everything shown is set
 * as text.
 */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Icon, type IconName } from "./icon.tsx";

export interface MenuItem {
  readonly icon: IconName;
  readonly label: string;
  readonly run: () => void;
  readonly hint?: string;
}

interface OpenMenu {
  readonly title: string;
  readonly items: readonly MenuItem[];
  readonly x: number;
  readonly y: number;
}

interface Floats {
  readonly openMenu: (menu: OpenMenu) => void;
  readonly notice: (text: string) => void;
}

const FloatsContext = createContext<Floats>({ openMenu: () => undefined, notice: () => undefined });
export const useFloats = () => useContext(FloatsContext);

const noticeMs = 3500;

export function FloatsProvider(props: { readonly children: ReactNode }) {
  const [menu, setMenu] = useState<OpenMenu>();
  const [notice, setNotice] = useState<{ readonly text: string; readonly id: number }>();
  const back = useRef<HTMLElement | null>(null);
  const floats = useMemo<Floats>(
    () => ({
      openMenu: (next) => {
        back.current =
          document.activeElement instanceof HTMLElement ? document.activeElement : null;
        setMenu(next);
      },
      notice: (text) => setNotice({ text, id: Date.now() }),
    }),
    [],
  );
  const close = useCallback(() => {
    setMenu(undefined);
    back.current?.focus();
  }, []);
  useEffect(() => {
    if (notice === undefined) return;
    const timer = setTimeout(() => setNotice(undefined), noticeMs);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <FloatsContext value={floats}>
      {props.children}
      {menu !== undefined && <Menu menu={menu} close={close} />}
      <Tooltip />
      <div className="toasts" role="status" aria-live="polite">
        {notice !== undefined && (
          <div className="toast">
            <Icon name="check" />
            <span>{notice.text}</span>
          </div>
        )}
      </div>
    </FloatsContext>
  );
}

function Menu(props: { readonly menu: OpenMenu; readonly close: () => void }) {
  const { menu, close } = props;
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState({ left: menu.x, top: menu.y });
  useLayoutEffect(() => {
    const size = box.current?.getBoundingClientRect();
    if (size === undefined) return;
    setAt({
      left: Math.max(6, Math.min(innerWidth - size.width - 6, menu.x)),
      top: Math.max(6, menu.y + size.height + 6 > innerHeight ? menu.y - size.height - 12 : menu.y),
    });
    box.current?.querySelector("button")?.focus();
  }, [menu]);
  useEffect(() => {
    const onDown = (event: PointerEvent) => {
      if (!(event.target instanceof Node) || !box.current?.contains(event.target)) close();
    };
    document.addEventListener("pointerdown", onDown);
    return () => document.removeEventListener("pointerdown", onDown);
  }, [close]);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const buttons = [...(box.current?.querySelectorAll("button") ?? [])];
    const index = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step =
      event.key === "ArrowDown" || event.key === "j"
        ? 1
        : event.key === "ArrowUp" || event.key === "k"
          ? -1
          : 0;
    if (step !== 0) {
      event.preventDefault();
      buttons[(index + step + buttons.length) % buttons.length]?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div
      ref={box}
      className="menu"
      role="menu"
      aria-label={menu.title}
      style={at}
      onKeyDown={onKeyDown}
      tabIndex={-1}
    >
      <div className="h ell">{menu.title}</div>
      {menu.items.map((item, i) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          className={i === 0 ? "first" : ""}
          onClick={() => {
            close();
            item.run();
          }}
        >
          <Icon name={item.icon} />
          {item.label}
          {item.hint !== undefined && <kbd>{item.hint}</kbd>}
        </button>
      ))}
    </div>
  );
}

/** Follows `data-tip` of whatever is under the pointer or has the focus. */
function Tooltip() {
  const [tip, setTip] = useState<{
    readonly text: string;
    readonly x: number;
    readonly y: number;
  }>();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const show = (event: Event) => {
      const target =
        event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tip]") : null;
      const text = target?.dataset["tip"];
      if (target === null || text === undefined) return setTip(undefined);
      if (event.type === "focusin" && !target.matches(":focus-visible")) return;
      const at = target.getBoundingClientRect();
      setTip({ text, x: at.left, y: at.bottom + 6 });
    };
    const hide = () => setTip(undefined);
    document.addEventListener("mouseover", show);
    document.addEventListener("focusin", show);
    document.addEventListener("focusout", hide);
    document.addEventListener("pointerdown", hide);
    document.addEventListener("keydown", hide);
    return () => {
      document.removeEventListener("mouseover", show);
      document.removeEventListener("focusin", show);
      document.removeEventListener("focusout", hide);
      document.removeEventListener("pointerdown", hide);
      document.removeEventListener("keydown", hide);
    };
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (tip === undefined || element === null) return;
    const size = element.getBoundingClientRect();
    element.style.left = `${Math.max(6, Math.min(innerWidth - size.width - 6, tip.x))}px`;
    element.style.top = `${tip.y + size.height > innerHeight ? tip.y - size.height - 44 : tip.y}px`;
  }, [tip]);
  if (tip === undefined) return null;
  return (
    <div ref={box} className="tip" role="tooltip">
      {tip.text}
    </div>
  );
}

/** Copies text and says so; where the clipboard is forbidden it says that. */
export function useCopy(): (text: string, what: string) => void {
  const { notice } = useFloats();
  return useCallback(
    (text, what) => {
      const done =
        navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
      done.then(
        () => notice(`Copied ${what}`),
        () => notice("The browser does not allow copying from this address"),
      );
    },
    [notice],
  );
}
