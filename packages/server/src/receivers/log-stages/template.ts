/** Go templates of the `template` and `replace` stages, with promtail's functions. */
import { createHash } from "node:crypto";
import {
  type FunctionTable,
  type GoFunction,
  type GoValue,
  goMap,
  logqlFunctions,
  parseGoTemplate,
  templateLimits,
} from "@triptych/lang";
import { partGroups, partMatcher, partReplacer, wholeMatcher } from "../../regex/regex.ts";
import { type Entry, textOf } from "./entry.ts";

const two = (call: (a: string, b: string) => string): GoFunction => ({
  params: ["string", "string"],
  call: ([a, b]) => call(String(a), String(b)),
});

/** Lines may be longer than what other templates make. */
const limits = { ...templateLimits, outputBytesMax: 1024 * 1024 };

function functionsFor(current: { entry: Entry | undefined }): FunctionTable {
  return new Map([
    ...logqlFunctions({
      line: () => current.entry?.line ?? "",
      timeNs: () => current.entry?.timeNs ?? 0n,
      nowMs: () => Number((current.entry?.timeNs ?? 0n) / 1_000_000n),
      regexes: {
        whole: (pattern) => wholeMatcher(pattern),
        part: (pattern) => partMatcher(pattern),
        named: partGroups,
        replacer: partReplacer,
      },
    }),
    [
      "Hash",
      two((salt, text) =>
        createHash("sha3-256")
          .update(salt + text)
          .digest("hex"),
      ),
    ],
    [
      "Sha2Hash",
      two((salt, text) =>
        createHash("sha256")
          .update(salt + text)
          .digest("hex"),
      ),
    ],
  ]);
}

/**
 * Compiles a template over extracted values, `.Value` and `.Entry`. Running it gives undefined when it fails for this
 * entry, which is then left as it is. Throws for what is no template.
 */
export function compileStageTemplate(
  text: string,
  name: string,
): (entry: Entry, given: { readonly value?: string | undefined }) => string | undefined {
  const current: { entry: Entry | undefined } = { entry: undefined };
  const functions = functionsFor(current);
  const template = parseGoTemplate(text, { name, functions });
  return (entry, { value }) => {
    const data: [string, GoValue][] = [];
    for (const [key, one] of entry.extracted) {
      const found = textOf(one);
      if (found !== undefined) data.push([key, found]);
    }
    if (value !== undefined) data.push(["Value", value]);
    data.push(["Entry", entry.line]);
    current.entry = entry;
    try {
      return template.execute(goMap(data), { functions, limits });
    } catch {
      return undefined;
    } finally {
      current.entry = undefined;
    }
  };
}
