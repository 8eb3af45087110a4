/**
 * One bar, two faces: filters as chips with a field to type more and a form for those who do not know the words, or a
 * search in the language. What the other face asks for counts too and is shown.
 */
import { type ReactNode, useCallback, useId, useState } from "react";
import { Popover } from "../app/popover.tsx";
import { usePreference } from "../state/preferences.ts";
import { Icon } from "./icon.tsx";
import { QueryFace, type QueryFaceProps } from "./query-face.tsx";

export interface Chip {
  readonly name: string;
  readonly op: string;
  readonly value: string;
  readonly remove: () => void;
  /** Turns `=` into `!=` and back, where that makes sense. */
  readonly negate?: () => void;
}

export interface FilterBarProps {
  readonly chips: readonly Chip[];
  readonly placeholder: string;
  /** Takes what was typed; false when it is not understood. */
  readonly add: (text: string) => boolean;
  readonly suggestions: readonly string[];
  readonly help: string;
  readonly form?: (close: () => void) => ReactNode;
  readonly clear?: () => void;
  /** The other face, where there is one. */
  readonly language?: QueryFaceProps;
}

/** A link with a search in it opens the face that shows it best, unless a person has chosen one. */
const faces = ["fitting", "form", "language"] as const;
type Face = Exclude<(typeof faces)[number], "fitting">;

export function FilterBar(props: FilterBarProps) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const id = useId();
  const [preferred, setFace] = usePreference("filter-face", faces);
  const search = props.language?.search ?? "";
  const face: Face = preferred === "fitting" ? (search === "" ? "form" : "language") : preferred;
  const language = face === "language" ? props.language : undefined;
  const chips: readonly Chip[] =
    search === "" || language !== undefined
      ? props.chips
      : [...props.chips, searchChip(search, props.language)];
  const submit = () => {
    if (text.trim() === "") return;
    const understood = props.add(text.trim());
    setWrong(!understood);
    if (understood) setText("");
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      submit();
    } else if (event.key === "Backspace" && text === "") {
      chips.at(-1)?.remove();
    }
  };
  return (
    <div className="filters">
      <search className="qbar">
        {language !== undefined && <QueryFace {...language} />}
        <div className="face" hidden={language !== undefined}>
          {chips.map((chip) => (
            <FilterChip key={`${chip.name}${chip.op}${chip.value}`} chip={chip} />
          ))}
          <input
            className="add"
            data-search={language === undefined || undefined}
            list={`${id}-list`}
            aria-label="Add filter"
            aria-invalid={wrong}
            aria-describedby={wrong ? `${id}-wrong` : undefined}
            placeholder={chips.length === 0 ? props.placeholder : "Add filter"}
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setWrong(false);
            }}
            onKeyDown={onKeyDown}
          />
          <datalist id={`${id}-list`}>
            {props.suggestions.map((suggestion) => (
              <option key={suggestion} value={suggestion} />
            ))}
          </datalist>
        </div>
        {language === undefined && chips.length > 1 && props.clear !== undefined && (
          <button type="button" className="btn ghost" onClick={props.clear}>
            Clear
          </button>
        )}
        {language === undefined && props.form !== undefined && (
          <div className="picker">
            <button
              type="button"
              className="btn"
              aria-haspopup="dialog"
              aria-expanded={open}
              onClick={() => setOpen(!open)}
            >
              <Icon name="filter" />
              Filter
            </button>
            {open && (
              <Popover label="Filter" close={close} className="filter-form">
                {props.form(close)}
              </Popover>
            )}
          </div>
        )}
        {props.language !== undefined && <Faces face={face} setFace={setFace} />}
      </search>
      {language !== undefined && chips.length > 0 && (
        <div className="also">
          <span className="muted small">and</span>
          {chips.map((chip) => (
            <FilterChip key={`${chip.name}${chip.op}${chip.value}`} chip={chip} />
          ))}
        </div>
      )}
      {wrong && (
        <p id={`${id}-wrong`} className="small c-critical pad">
          Not understood. {props.help}
        </p>
      )}
    </div>
  );
}

function searchChip(search: string, language: QueryFaceProps | undefined): Chip {
  return { name: "search", op: ":", value: search, remove: () => language?.setSearch("") };
}

function Faces(props: { readonly face: Face; readonly setFace: (face: Face) => void }) {
  const other = props.face === "form" ? "language" : "form";
  return (
    <button
      type="button"
      className="btn ghost"
      data-tip={other === "language" ? "Type a search as in Kibana" : "Filters as chips and a form"}
      onClick={() => props.setFace(other)}
    >
      {other === "language" ? "KQL" : "Form"} <span aria-hidden="true">⇄</span>
    </button>
  );
}

function FilterChip(props: { readonly chip: Chip }) {
  const { chip } = props;
  const not = chip.op.startsWith("!");
  return (
    <span className={`chip ${not ? "not" : ""}`}>
      <span className="k">{chip.name}</span>
      {chip.negate === undefined ? (
        <span className="op">{chip.op}</span>
      ) : (
        <button
          type="button"
          className="op"
          aria-label={`${chip.name} ${chip.op} ${chip.value}: turn around`}
          data-tip={not ? "Filter for it" : "Filter it out"}
          onClick={chip.negate}
        >
          {chip.op}
        </button>
      )}
      <span className="v" title={chip.value}>
        {chip.value === "" ? '""' : chip.value}
      </span>
      <button
        type="button"
        aria-label={`Remove ${chip.name} ${chip.op} ${chip.value}`}
        onClick={chip.remove}
      >
        <Icon name="close" />
      </button>
    </span>
  );
}
