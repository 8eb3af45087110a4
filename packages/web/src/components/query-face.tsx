/**
 * The language face of the filter bar: a search in the manner of Kibana, with what may stand at the cursor, what is
 * wrong with it marked in place, and what was searched for before.
 */
import type { SearchSuggestions } from "@triptych/contract";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { useAnswer } from "../api/answer.ts";
import { rangeParams, useRange } from "../state/range-context.tsx";
import { Icon } from "./icon.tsx";
import { markAt, withOption } from "./query-marks.ts";
import { useSearchHistory } from "./search-history.ts";

export interface QueryFaceProps {
  readonly signal: "logs" | "traces";
  /** As it stands in the address. */
  readonly search: string;
  readonly setSearch: (search: string) => void;
  readonly placeholder: string;
  readonly examples: readonly string[];
}

/** A look at the store for each pause in typing, not for each key. */
const askAfterMs = 150;

export function QueryFace(props: QueryFaceProps) {
  const { search, setSearch } = props;
  const [text, setText] = useState(search);
  const [cursor, setCursor] = useState(search.length);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const [history, remember] = useSearchHistory(props.signal);
  const input = useRef<HTMLInputElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  // The mark stays under its word when the field scrolls.
  const follow = () => {
    if (marks.current !== null) marks.current.scrollLeft = input.current?.scrollLeft ?? 0;
  };
  useLayoutEffect(follow);
  const id = useId();
  useEffect(() => {
    setText(search);
    setCursor(search.length);
  }, [search]);
  const asked = useSettled({ text, cursor });
  const { range } = useRange();
  const answer = useAnswer<SearchSuggestions>(
    `/${props.signal}/suggest`,
    { ...rangeParams(range), search: asked.text, at: String(asked.cursor) },
    { enabled: open || asked.text !== "" },
  ).data;
  const isFresh = asked.text === text && asked.cursor === cursor;
  const options = open ? optionsFor(text, answer, { history, examples: props.examples }) : [];
  const problem = text.trim() === "" || !isFresh ? undefined : answer?.problem;
  // Who is still typing knows that something is missing.
  const isUnfinished = problem !== undefined && problem.offset >= text.trimEnd().length;
  const submit = () => {
    setOpen(false);
    if (problem !== undefined) return;
    remember(text);
    setSearch(text.trim());
  };
  const take = (option: Option) => {
    setChosen(-1);
    if (option.whole) {
      setText(option.text);
      setOpen(false);
      remember(option.text);
      setSearch(option.text);
      return;
    }
    const next = withOption(text, option.at, option.text);
    setText(next.text);
    setCursor(next.cursor);
    // The cursor can be set only once the text is there.
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const option = options[chosen];
    if (step !== 0) {
      event.preventDefault();
      setOpen(true);
      const next = chosen + step;
      setChosen(next < -1 ? options.length - 1 : next >= options.length ? -1 : next);
    } else if (event.key === "Enter" || (event.key === "Tab" && option !== undefined)) {
      event.preventDefault();
      if (option === undefined) submit();
      else take(option);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };
  const moved = () => setCursor(input.current?.selectionStart ?? text.length);
  return (
    <>
      <div className="face lang">
        <Icon name="search" />
        <div className="typed">
          {problem !== undefined && !(open && isUnfinished) && (
            <Wrong box={marks} text={text} offset={problem.offset} />
          )}
          <input
            ref={input}
            data-search
            className="add mono"
            role="combobox"
            aria-label="Search"
            aria-expanded={options.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
            aria-invalid={problem !== undefined}
            aria-describedby={problem === undefined ? undefined : `${id}-wrong`}
            placeholder={props.placeholder}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setCursor(event.target.selectionStart ?? event.target.value.length);
              setChosen(-1);
              setOpen(true);
            }}
            onSelect={moved}
            onScroll={follow}
            onFocus={() => setOpen(true)}
            onBlur={() => setOpen(false)}
            onKeyDown={onKeyDown}
          />
        </div>
        {text !== search && problem === undefined && (
          <button type="button" className="btn primary" onClick={submit}>
            Search
          </button>
        )}
        {text !== "" && (
          <button
            type="button"
            className="btn ghost bare"
            aria-label="Clear the search"
            data-tip="Clear the search"
            onClick={() => {
              setText("");
              setSearch("");
              input.current?.focus();
            }}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      {options.length > 0 && <Options id={id} options={options} chosen={chosen} take={take} />}
      {problem !== undefined && !(open && isUnfinished) && options.length === 0 && (
        <p id={`${id}-wrong`} className="small c-critical wrongat" role="status">
          At character {problem.offset + 1}: {problem.message}.
        </p>
      )}
    </>
  );
}

interface Option {
  readonly text: string;
  /** It takes the place of the whole search. */
  readonly whole: boolean;
  readonly hint: string;
  readonly at: { readonly start: number; readonly end: number; readonly kind: string };
}

const historyShown = 5;
/** Of an empty search; typing shows more. */
const fieldsShown = 6;

function optionsFor(
  text: string,
  answer: SearchSuggestions | undefined,
  more: { readonly history: readonly string[]; readonly examples: readonly string[] },
): Option[] {
  const nowhere = { start: 0, end: 0, kind: "none" };
  const whole = (list: readonly string[], hint: string): Option[] =>
    list.map((item) => ({ text: item, whole: true, hint, at: nowhere }));
  const typed = text.trim().toLowerCase();
  const before = more.history.filter((item) => item !== text && item.toLowerCase().includes(typed));
  const completions = (answer?.options ?? [])
    .filter((item) => item !== text.slice(answer?.start, answer?.end))
    .map(
      (item): Option => ({
        text: item,
        whole: false,
        hint: answer?.kind ?? "",
        at: answer ?? nowhere,
      }),
    );
  if (typed !== "") return [...completions, ...whole(before.slice(0, 2), "searched before")];
  const examples = more.examples.filter((item) => !more.history.includes(item));
  return [
    ...whole(before.slice(0, historyShown), "searched before"),
    ...whole(examples, "example"),
    ...completions.slice(0, fieldsShown),
  ];
}

function Options(props: {
  readonly id: string;
  readonly options: readonly Option[];
  readonly chosen: number;
  readonly take: (option: Option) => void;
}) {
  return (
    <div className="opts" role="listbox" id={`${props.id}-list`} aria-label="Suggestions">
      {props.options.map((option, i) => (
        <button
          key={`${option.hint}${option.text}`}
          id={`${props.id}-${i}`}
          type="button"
          role="option"
          tabIndex={-1}
          aria-selected={i === props.chosen}
          // The field keeps the focus: losing it closes the list.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => props.take(option)}
        >
          <Icon name={option.whole ? "clock" : option.hint === "value" ? "right" : "filter"} />
          <span className="ell mono">{option.text}</span>
          <span className="muted small">{option.hint}</span>
        </button>
      ))}
    </div>
  );
}

/** Stands exactly behind the field's text and draws only the line under what is wrong. */
function Wrong(props: {
  readonly box: React.RefObject<HTMLDivElement | null>;
  readonly text: string;
  readonly offset: number;
}) {
  const { before, wrong, after } = markAt(props.text, props.offset);
  return (
    <div ref={props.box} className="marks mono" aria-hidden="true">
      {before}
      <u>{wrong}</u>
      {after}
    </div>
  );
}

/** The value once it has stood still for a moment. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as T), askAfterMs);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
