/** Which files a list of rule files means: names, and patterns with `*`, `?` and `[…]` in any part. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { wholeMatcher } from "../../regex/regex.ts";

/** A directory with more is not one of rule files. */
const FILES_MAX = 10_000;

/** Absolute or as given relative to `baseDirectory`; sorted within each pattern. A pattern may match nothing. */
export function expandRulePaths(patterns: readonly string[], baseDirectory: string): string[] {
  const out: string[] = [];
  for (const pattern of patterns) {
    const path = isAbsolute(pattern) ? pattern : join(baseDirectory, pattern);
    if (!/[*?[]/.test(pattern)) {
      if (existsSync(path)) out.push(path);
      continue;
    }
    out.push(...matching(resolve(path)).slice(0, FILES_MAX));
  }
  return [...new Set(out)];
}

function matching(pattern: string): string[] {
  const parts: string[] = [];
  let directory = pattern;
  while (/[*?[]/.test(directory)) {
    parts.unshift(directory.slice(dirname(directory).length).replace(/^\/+/, ""));
    directory = dirname(directory);
  }
  let found = [directory];
  for (const part of parts) {
    const matches = wholeMatcher(globPattern(part));
    found = found.flatMap((at) =>
      namesIn(at)
        .filter(matches)
        .map((name) => join(at, name)),
    );
  }
  return found.sort();
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A glob as a regular expression. */
function globPattern(glob: string): string {
  return glob.replace(/\[[^\]]*\]|[\s\S]/g, (c) => {
    if (c === "*") return "[^/]*";
    if (c === "?") return "[^/]";
    if (c.length > 1) return c;
    return c.replace(/[.+^${}()|[\]\\]/, "\\$&");
  });
}
