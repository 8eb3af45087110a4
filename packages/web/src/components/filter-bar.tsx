/** Filters as chips with a field to type more, and a form for those who do not know the words. */
import { type ReactNode, useCallback, useId, useState } from "react";
import { Popover } from "../app/popover.tsx";
import { Icon } from "./icon.tsx";

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
}

export function FilterBar(props: FilterBarProps) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  const id = useId();
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
      props.chips.at(-1)?.remove();
    }
  };
  return (
    <div className="filters">
      <search className="qbar">
        <div className="face">
          {props.chips.map((chip) => (
            <FilterChip key={`${chip.name}${chip.op}${chip.value}`} chip={chip} />
          ))}
          <input
            className="add"
            data-search
            list={`${id}-list`}
            aria-label="Add filter"
            aria-invalid={wrong}
            aria-describedby={wrong ? `${id}-wrong` : undefined}
            placeholder={props.chips.length === 0 ? props.placeholder : "Add filter"}
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
        {props.chips.length > 1 && props.clear !== undefined && (
          <button type="button" className="btn ghost" onClick={props.clear}>
            Clear
          </button>
        )}
        {props.form !== undefined && (
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
      </search>
      {wrong && (
        <p id={`${id}-wrong`} className="small c-critical pad">
          Not understood. {props.help}
        </p>
      )}
    </div>
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
