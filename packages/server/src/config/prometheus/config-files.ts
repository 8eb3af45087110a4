/** The files and the environment of the process, for loading a configuration. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ConfigFiles } from "./load.ts";

export function processFiles(env: { readonly [name: string]: string | undefined }): ConfigFiles {
  return {
    readText: (file) => readFileSync(file, "utf8"),
    glob: globFiles,
    env: (name) => env[name],
  };
}

/** Files whose path matches `pattern`: `*`, `?` and `[…]` may be in its last part (Go's `filepath.Glob`). Sorted. */
export function globFiles(pattern: string): readonly string[] {
  const directory = dirname(pattern);
  const last = basename(pattern);
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    // A directory that is not there has no files: the pattern may be for later.
    return [];
  }
  return names
    .filter((name) => matchesName(last, name))
    .sort()
    .map((name) => join(directory, name));
}

/** Whether a name matches a pattern with `*`, `?` and `[a-z]`; in time linear in both, as stars never go back far. */
export function matchesName(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (n < name.length) {
    const step = p < pattern.length ? stepAt(pattern, p, name[n] as string) : 0;
    if (pattern[p] === "*") {
      starAt = p++;
      resumeAt = n;
    } else if (step > 0) {
      p += step;
      n++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      n = ++resumeAt;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** How long the part of the pattern at `at` is when it takes `char`, else 0. */
function stepAt(pattern: string, at: number, char: string): number {
  const first = pattern[at];
  if (first === "?") return 1;
  if (first === "\\" && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  if (first !== "[") return first === char ? 1 : 0;
  const end = pattern.indexOf("]", at + 2);
  if (end < 0) return 0;
  const isNegated = pattern[at + 1] === "^";
  const set = pattern.slice(at + (isNegated ? 2 : 1), end);
  let found = false;
  for (let i = 0; i < set.length; i++) {
    const low = set[i] as string;
    const isRange = set[i + 1] === "-" && i + 2 < set.length;
    const high = isRange ? (set[i + 2] as string) : low;
    if (char >= low && char <= high) found = true;
    if (isRange) i += 2;
  }
  return found === isNegated ? 0 : end - at + 1;
}
