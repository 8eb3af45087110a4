/** `fromJson` of templates: JSON as Go values. */
import { type GoValue, goList, goMap } from "../gotemplate/value.ts";

const DEPTH_MAX = 64;

/** Nothing for what is no JSON, as in Loki. */
export function jsonValue(text: string): GoValue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return goValue(value, 0);
}

function goValue(value: unknown, depth: number): GoValue {
  if (depth > DEPTH_MAX) return null;
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return value;
    default:
      break;
  }
  if (value === null || typeof value !== "object") return null;
  if (Array.isArray(value)) return goList(value.map((item) => goValue(item, depth + 1)));
  return goMap(
    Object.entries(value).map(([key, item]) => [key, goValue(item, depth + 1)] as const),
  );
}
