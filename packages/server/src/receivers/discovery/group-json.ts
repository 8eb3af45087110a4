/** The list of target groups that file and HTTP discovery read: `[{"targets": ["host:port"], "labels": {…}}]`. */
import type { TargetGroup } from "./target-group.ts";

/** Throws when it is no such list. `extra` labels go with each group; group `i` has the source `source:i`. */
export function groupsOfJson(
  parsed: unknown,
  source: string,
  extra: readonly (readonly [name: string, value: string])[],
): TargetGroup[] {
  if (parsed === null) return [];
  if (!Array.isArray(parsed)) throw new Error("the list of target groups is no list");
  return parsed.map((group: unknown, i) => {
    if (typeof group !== "object" || group === null) throw new Error("nil target group item found");
    const { targets, labels, ...rest } = group as { readonly [key: string]: unknown };
    const [surplus] = Object.keys(rest);
    if (surplus !== undefined) throw new Error(`field ${surplus} not found in a target group`);
    return {
      source: `${source}:${i}`,
      labels: new Map([...textEntries(labels), ...extra]),
      targets: textList(targets).map((one) => new Map([["__address__", one]])),
    };
  });
}

function textList(given: unknown): string[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || given.some((one) => typeof one !== "string"))
    throw new Error("targets of a group are no list of texts");
  return given as string[];
}

function textEntries(given: unknown): [string, string][] {
  if (given === undefined || given === null) return [];
  if (typeof given !== "object" || Array.isArray(given))
    throw new Error("labels of a group are no map");
  return Object.entries(given).map(([name, value]) => {
    if (typeof value !== "string") throw new Error(`label ${JSON.stringify(name)} is no text`);
    return [name, value];
  });
}
