/** `with(name=value, …)` behind a query. */
import type { Hint } from "./ast.ts";
import { parseLiteral } from "./field-parser.ts";
import type { TokenStream } from "./tokens.ts";

export function parseHints(tokens: TokenStream): Hint[] {
  const hints: Hint[] = [];
  while (tokens.isName("with")) {
    tokens.next();
    tokens.expect("(");
    do {
      const name = tokens.next();
      if (name.kind !== "name") throw tokens.unexpected("the name of a hint");
      tokens.expect("=");
      hints.push({ name: name.text, value: parseLiteral(tokens).value });
    } while (tokens.take(","));
    tokens.expect(")");
  }
  return hints;
}
