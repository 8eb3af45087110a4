/** The operands of `&&`, apart from those that ask something of one event or of one link together. */
import type { Attribute, FieldExpr } from "./ast.ts";
import { eachAttribute } from "./walk.ts";

export interface Conjuncts {
  readonly plain: readonly FieldExpr[];
  /** Two or more that name only events, and two or more that name only links: one item must fit all of them. */
  readonly ofItems: readonly (readonly FieldExpr[])[];
}

export function conjuncts(expr: FieldExpr): Conjuncts {
  const all = operands(expr);
  const scopes = all.map(itemScope);
  const ofItems = (["event", "link"] as const)
    .map((scope) => all.filter((_, i) => scopes[i] === scope))
    .filter(({ length }) => length > 1);
  return { plain: all.filter((one) => !ofItems.some((group) => group.includes(one))), ofItems };
}

function operands(expr: FieldExpr): FieldExpr[] {
  return expr.kind === "binary" && expr.op === "&&"
    ? [...operands(expr.left), ...operands(expr.right)]
    : [expr];
}

/** "event" or "link" when an expression names nothing else. */
export function itemScope(expr: FieldExpr): "event" | "link" | undefined {
  const scopes = new Set<string>();
  eachAttribute(expr, (attribute) => {
    scopes.add(scopeOf(attribute));
  });
  const [only] = scopes;
  return scopes.size === 1 && (only === "event" || only === "link") ? only : undefined;
}

function scopeOf({ intrinsic, scope, parent }: Attribute): string {
  if (parent) return "parent";
  return intrinsic === undefined ? scope : (intrinsic.split(":")[0] ?? "");
}
