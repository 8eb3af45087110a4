/** The functions that every template has, apart from `and` and `or`, which do not look at all their arguments. */
import { escapeHtml, escapeJs, queryEscape } from "./escape.ts";
import { sprint, sprintf, sprintln } from "./go-printf.ts";
import {
  byteLength,
  type FunctionTable,
  type GoFunction,
  type GoValue,
  goList,
  isTrue,
  printValue,
  typeNameOf,
} from "./value.ts";

const fn = (
  params: readonly string[],
  call: (...args: GoValue[]) => GoValue,
  variadic = false,
): GoFunction => ({ params, variadic, call: (args) => call(...args) });
/** Any number of arguments of any type. */
const any = (call: (args: readonly GoValue[]) => GoValue): GoFunction => ({
  params: ["any"],
  variadic: true,
  call,
});

export const builtins: FunctionTable = new Map<string, GoFunction>([
  ["and", any((args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1) ?? null)],
  ["or", any((args) => args.find(isTrue) ?? args.at(-1) ?? null)],
  ["not", fn(["any"], (value = null) => !isTrue(value))],
  ["print", any(sprint)],
  ["println", any(sprintln)],
  [
    "printf",
    {
      params: ["string", "any"],
      variadic: true,
      call: ([format, ...rest]) => sprintf(String(format), rest),
    },
  ],
  ["html", any((args) => escapeHtml(textOf(args)))],
  ["js", any((args) => escapeJs(textOf(args)))],
  ["urlquery", any((args) => queryEscape(textOf(args)))],
  ["len", fn(["any"], (value = null) => lengthOf(value))],
  ["index", fn(["any", "any"], (value = null, ...keys) => keys.reduce(itemOf, value), true)],
  ["slice", fn(["any", "any"], (value = null, ...bounds) => sliceOf(value, bounds), true)],
  ["call", fn(["any", "any"], (value = null) => notCallable(value), true)],
  ["eq", fn(["any", "any"], (first = null, ...rest) => isAnyEqual(first, rest), true)],
  ["ne", fn(["any", "any"], (a = null, b = null) => !isEqual(a, b))],
  ["lt", fn(["any", "any"], (a = null, b = null) => isLess(a, b))],
  ["le", fn(["any", "any"], (a = null, b = null) => isLess(a, b) || isEqual(a, b))],
  ["gt", fn(["any", "any"], (a = null, b = null) => !(isLess(a, b) || isEqual(a, b)))],
  ["ge", fn(["any", "any"], (a = null, b = null) => !isLess(a, b))],
]);

function textOf(args: readonly GoValue[]): string {
  return sprint(args.map((arg) => (arg === null ? "<no value>" : arg)));
}

/** Data has no functions in it. */
function notCallable(value: GoValue): never {
  if (value === null) throw new Error("call of nil");
  throw new Error(`non-function ${printValue(value)} of type ${typeNameOf(value)}`);
}

function lengthOf(value: GoValue): bigint {
  if (value === null) throw new Error("len of nil pointer");
  if (typeof value === "string") return BigInt(byteLength(value));
  if (typeof value === "object") {
    if (value.kind === "list") return BigInt(value.items.length);
    if (value.kind === "map") return BigInt(value.entries.size);
    if (value.safe === true) return BigInt(byteLength(value.text ?? ""));
  }
  throw new Error(`len of type ${typeNameOf(value)}`);
}

function itemOf(value: GoValue, key: GoValue): GoValue {
  if (value === null) throw new Error("index of untyped nil");
  if (typeof value === "string")
    return BigInt(new TextEncoder().encode(value)[position(key, byteLength(value) - 1)] ?? 0);
  if (typeof value === "object" && value.kind === "list")
    return value.items[position(key, value.items.length - 1)] ?? null;
  if (typeof value === "object" && value.kind === "map") {
    if (key === null) throw new Error("value is nil; should be of type string");
    if (typeof key !== "string")
      throw new Error(`value has type ${typeNameOf(key)}; should be string`);
    return value.entries.get(key) ?? value.zero;
  }
  throw new Error(`can't index item of type ${typeNameOf(value)}`);
}

function position(key: GoValue, max: number): number {
  if (key === null) throw new Error("cannot index slice/array with nil");
  if (typeof key !== "bigint")
    throw new Error(`cannot index slice/array with type ${typeNameOf(key)}`);
  if (key < 0n || key > BigInt(max)) throw new Error(`index out of range: ${key}`);
  return Number(key);
}

function sliceOf(value: GoValue, bounds: readonly GoValue[]): GoValue {
  if (value === null) throw new Error("slice of untyped nil");
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  const isText = typeof value === "string";
  if (isText && bounds.length === 3) throw new Error("cannot 3-index slice a string");
  if (!isText && !(typeof value === "object" && value.kind === "list"))
    throw new Error(`can't slice item of type ${typeNameOf(value)}`);
  const size = isText ? byteLength(value) : value.items.length;
  const at = bounds.map((bound) => position(bound, size));
  const [from = 0, to = size, cap = size] = at;
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  if (to > cap) throw new Error(`invalid slice index: ${to} > ${cap}`);
  if (!isText) return goList(value.items.slice(from, to), value.type);
  return new TextDecoder().decode(new TextEncoder().encode(value).slice(from, to));
}

type Kind = "bool" | "int" | "float" | "string";

function kindOf(value: GoValue): Kind {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "float";
    case "string":
      return "string";
    default:
      throw new Error("invalid type for comparison");
  }
}

function isAnyEqual(first: GoValue, rest: readonly GoValue[]): boolean {
  if (rest.length === 0) throw new Error("missing argument for comparison");
  return rest.some((other) => isEqual(first, other));
}

function isEqual(a: GoValue, b: GoValue): boolean {
  if (a === null || b === null) return a === b;
  for (const one of [a, b])
    if (typeof one === "object" && one.kind !== "object")
      throw new Error(`non-comparable type ${printValue(one)}: ${typeNameOf(one)}`);
  if (typeof a === "object" || typeof b === "object") {
    if (typeNameOf(a) !== typeNameOf(b)) throw new Error("incompatible types for comparison");
    return a === b || printValue(a) === printValue(b);
  }
  if (kindOf(a) !== kindOf(b)) throw new Error("incompatible types for comparison");
  return a === b;
}

function isLess(a: GoValue, b: GoValue): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new Error("incompatible types for comparison");
  if (kind === "bool") throw new Error("invalid type for comparison");
  return (a as number) < (b as number);
}
