/** Which values a parameter of a function takes. What is thrown is the message alone. */
import { type GoValue, goList, type ParamType, typeNameOf } from "./value.ts";

/** A value that the template computed. */
export function fitTo(value: GoValue, type: ParamType): GoValue {
  if (type === "any") return value;
  if (value === null) {
    if (/^(?:\*|\[\]|map\[)/.test(type)) return goList([], type);
    throw new Error(`invalid value; expected ${type}`);
  }
  const given = typeNameOf(value);
  if (given === type || withoutPointer(given) === withoutPointer(type)) return value;
  throw new Error(`wrong type for value; expected ${type}; found ${given}`);
}

/** Go takes the address of a value, or what a pointer points at, where that fits. */
const withoutPointer = (type: string): string => type.replace(/^\*/, "");

/** A value that is written in the template, where `written` is its text. */
export function literalAs(value: GoValue, written: string, type: ParamType): GoValue {
  switch (type) {
    case "any":
      return value;
    case "string":
      if (typeof value !== "string") throw new Error(`expected string; found ${written}`);
      return value;
    case "bool":
      if (typeof value !== "boolean") throw new Error(`expected bool; found ${written}`);
      return value;
    case "int":
      if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
      if (typeof value !== "bigint") throw new Error(`expected integer; found ${written}`);
      return value;
    case "float64":
      if (typeof value === "bigint") return Number(value);
      if (typeof value !== "number") throw new Error(`expected float; found ${written}`);
      return value;
    default:
      throw new Error(`can't handle ${written} for arg of type ${type}`);
  }
}
