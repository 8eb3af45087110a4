/** How functions of templates take their arguments. */
import { type GoFunction, type GoValue, printValue } from "../gotemplate/value.ts";
import { parseGoFloat } from "./units.ts";

/** Takes so many texts. */
export const text = (count: number, call: (...args: string[]) => GoValue): GoFunction => ({
  params: new Array<string>(count).fill("string"),
  call: (args) => call(...args.map(String)),
});

/** Takes values of any type. */
export const any = (
  params: number,
  call: (args: readonly GoValue[]) => GoValue,
  variadic = false,
): GoFunction => ({
  params: new Array<string>(params).fill("any"),
  variadic,
  call,
});

/** A whole number of whatever there is; 0 for what is no number. */
export function toInt(value: GoValue | undefined): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "string") return intOfText(value);
  const number = toFloat(value);
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n;
}

const INT = /^([+-]?)(?:(0[xXbBoO][0-9a-fA-F]+)|0([0-7]+)|(0|[1-9]\d*))$/;
const INT_MAX = 2n ** 63n;

/** `1_000` is 1000. */
const withoutSeparators = (text: string): string => text.replace(/(\w)_(?=\w)/g, "$1");

/** As Go reads whole numbers with a base in front; a fraction is cut off. */
function intOfText(text: string): bigint {
  const whole = withoutSeparators(text.replace(/\.\d*$/, ""));
  const [, sign, based, octal, plain] = INT.exec(whole) ?? [];
  const digits = based ?? (octal === undefined ? plain : `0o${octal}`);
  if (digits === undefined) return 0n;
  try {
    const value = BigInt(digits);
    if (value >= INT_MAX) return 0n;
    return sign === "-" ? -value : value;
  } catch {
    return 0n;
  }
}

/** 0 for what is no number. */
export function toFloat(value: GoValue | undefined): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return 0;
  try {
    return parseGoFloat(withoutSeparators(value));
  } catch {
    return 0;
  }
}

export const toText = (value: GoValue | undefined): string =>
  value === undefined || value === null ? "" : printValue(value);
