/** Tokens of a query that is being typed: whatever it is, each piece of text is some token, and nothing is refused. */

export interface TypedToken {
  readonly kind: "word" | "number" | "string" | "operator" | "symbol" | "comment";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** A string that nothing closes, or a comment: it reaches to where more of it would be typed. */
  readonly open: boolean;
}

const SPACE = /\s+/y;
const COMMENT = /#[^\n]*/y;
const WORD = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
/** In brackets a colon stands between a range and a step. */
const WORD_IN_BRACKETS = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /\.?\d[a-zA-Z0-9_.]*/y;
const OPERATOR = /==|=~|!=|!~|<=|>=|<\/|>\/|[-+*/%^@<>=!]/y;

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The token that begins at `at` or after spaces there; `undefined` at the end of the text. */
export function tokenAt(text: string, at: number, inBrackets: boolean): TypedToken | undefined {
  const start = at + (match(SPACE, text, at)?.length ?? 0);
  const first = text[start];
  if (first === undefined) return undefined;
  const token = (kind: TypedToken["kind"], found: string, open = false): TypedToken => {
    return { kind, text: found, start, end: start + found.length, open };
  };
  if (first === '"' || first === "'" || first === "`") return stringAt(text, start);
  const comment = match(COMMENT, text, start);
  if (comment !== undefined) return token("comment", comment, true);
  const word = match(inBrackets ? WORD_IN_BRACKETS : WORD, text, start);
  if (word !== undefined) return token("word", word);
  const number = match(NUMBER, text, start);
  if (number !== undefined) return token("number", number);
  const operator = match(OPERATOR, text, start);
  if (operator !== undefined) return token("operator", operator);
  return token("symbol", first);
}

function stringAt(text: string, start: number): TypedToken {
  const quote = text[start];
  const ends = (c: string | undefined): boolean =>
    c === undefined || c === quote || (c === "\n" && quote !== "`");
  let end = start + 1;
  while (!ends(text[end])) end += text[end] === "\\" && quote !== "`" ? 2 : 1;
  end = Math.min(end, text.length);
  const open = text[end] !== quote;
  if (!open) end++;
  return { kind: "string", text: text.slice(start, end), start, end, open };
}

/** Whether a parenthesis follows. */
export function opensAt(text: string, at: number): boolean {
  return text[at + (match(SPACE, text, at)?.length ?? 0)] === "(";
}
