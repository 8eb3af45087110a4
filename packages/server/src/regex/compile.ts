/** Regular expressions for the language package: RE2's meaning, each pattern compiled once for a while. */
import type { CompiledRegex } from "@triptych/lang";
import { wholeGroups, wholeMatcher } from "./regex.ts";

export function compileRegex(pattern: string): CompiledRegex {
  const matches = wholeMatcher(pattern);
  let grouped: ReturnType<typeof wholeGroups> | undefined;
  const withGroups = (): ReturnType<typeof wholeGroups> => {
    grouped ??= wholeGroups(pattern);
    return grouped;
  };
  return {
    matches,
    groups: (text) => withGroups().groups(text),
    get names() {
      return withGroups().names;
    },
  };
}
