/** How functions of templates take their arguments. */
import { type GoFunction, type GoValue, printValue } from "../gotemplate/value.ts";

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
  const number = toFloat(value);
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n;
}

/** 0 for what is no number. */
export function toFloat(value: GoValue | undefined): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "string" || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value))
    return 0;
  return Number(value);
}

export const toText = (value: GoValue | undefined): string =>
  value === undefined || value === null ? "" : printValue(value);
