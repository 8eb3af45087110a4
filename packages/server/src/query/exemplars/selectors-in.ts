/** The selectors of a query, in the order of its text. */
import { type Matcher, promqlChildren, type PromqlExpr, selectorMatchers } from "@triptych/lang";

export function selectorsIn(expr: PromqlExpr): (readonly Matcher[])[] {
  if (expr.kind === "vector_selector") return [selectorMatchers(expr)];
  return promqlChildren(expr).flatMap(selectorsIn);
}
