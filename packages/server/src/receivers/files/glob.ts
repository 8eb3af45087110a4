/**
 * Patterns of paths as promtail takes them: `*`, `?` and `[…]` within a name, `**` for any directories, `{a,b}` for
 * alternatives. Symbolic links to files are followed, those to directories only where the pattern names them, so a
 * loop of links is no loop here.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { matchesName } from "../../config/prometheus/config-files.ts";

/** `{a,b}{c,d}…` multiplies. */
const ALTERNATIVES_MAX = 256;
/** Directories and names that one look goes through. */
const VISITS_MAX = 200_000;
const DEPTH_MAX = 64;

/** All alternatives of a pattern; beyond a bound the rest is left out. */
export function expandBraces(pattern: string): readonly string[] {
  let done: string[] = [];
  let open = [pattern];
  while (open.length > 0 && done.length + open.length <= ALTERNATIVES_MAX) {
    const next: string[] = [];
    for (const one of open) {
      const split = firstBraces(one);
      if (split === undefined) done.push(one);
      else for (const choice of split.choices) next.push(split.before + choice + split.after);
    }
    open = next;
  }
  if (open.length > 0) done = [...done, ...open].slice(0, ALTERNATIVES_MAX);
  return [...new Set(done)];
}

/** The first group without another one in it. */
function firstBraces(
  pattern: string,
):
  | { readonly before: string; readonly choices: readonly string[]; readonly after: string }
  | undefined {
  const close = pattern.indexOf("}");
  const start = close < 0 ? -1 : pattern.lastIndexOf("{", close);
  if (start < 0) return undefined;
  return {
    before: pattern.slice(0, start),
    choices: pattern.slice(start + 1, close).split(","),
    after: pattern.slice(close + 1),
  };
}

/** Whether a path matches a pattern without alternatives. */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesParts(pattern.split("/"), path.split("/"));
}

/** Stars never go back further than to the last `**`: time is the product of both lengths at most. */
function matchesParts(pattern: readonly string[], path: readonly string[]): boolean {
  let p = 0;
  let n = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (n < path.length) {
    if (pattern[p] === "**") {
      starAt = p++;
      resumeAt = n;
    } else if (p < pattern.length && matchesName(pattern[p] as string, path[n] as string)) {
      p++;
      n++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      n = ++resumeAt;
    } else return false;
  }
  while (pattern[p] === "**") p++;
  return p === pattern.length;
}

export interface Found {
  readonly paths: readonly string[];
  /** Directories that were looked into, for being told of changes. */
  readonly directories: readonly string[];
  /** What could not be looked into, and that there was too much. */
  readonly problems: readonly string[];
}

const hasMagic = (part: string): boolean => /[*?[\\]/.test(part);

/** Paths that match; whether they are files is not looked at. Sorted. */
export async function findPaths(patterns: readonly string[]): Promise<Found> {
  const paths = new Set<string>();
  const directories = new Set<string>();
  const problems = new Set<string>();
  let visits = 0;
  const list = async (directory: string) => {
    directories.add(directory);
    try {
      return await readdir(directory, { withFileTypes: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A directory that is not there (yet) has no files.
      if (code !== "ENOENT" && code !== "ENOTDIR") problems.add(`${directory}: ${code}`);
      return [];
    }
  };
  const walk = async (
    directory: string,
    parts: readonly string[],
    depth: number,
  ): Promise<void> => {
    const [part, ...rest] = parts;
    if (part === undefined || depth > DEPTH_MAX) return;
    if (visits > VISITS_MAX) {
      problems.add(`more than ${VISITS_MAX} names were looked at: the rest is left out`);
      return;
    }
    if (part === "**") {
      await walk(directory, rest.length === 0 ? ["*"] : rest, depth);
      for (const one of await list(directory)) {
        visits++;
        if (one.isDirectory()) await walk(join(directory, one.name), parts, depth + 1);
      }
      return;
    }
    const isLast = rest.length === 0;
    if (!hasMagic(part)) {
      visits++;
      const path = join(directory, part);
      if (!isLast) await walk(path, rest, depth + 1);
      else {
        directories.add(directory);
        if (await exists(path)) paths.add(path);
      }
      return;
    }
    for (const one of await list(directory)) {
      visits++;
      // As in a shell, a leading dot must be named.
      if (one.name.startsWith(".") && !part.startsWith(".")) continue;
      if (!matchesName(part, one.name)) continue;
      const path = join(directory, one.name);
      if (isLast) paths.add(path);
      else if (one.isDirectory() || one.isSymbolicLink()) await walk(path, rest, depth + 1);
    }
  };
  for (const pattern of patterns.flatMap(expandBraces)) {
    const isAbsolute = pattern.startsWith("/");
    const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
    await walk(isAbsolute ? "/" : ".", parts, 0);
  }
  return {
    paths: [...paths].sort(),
    directories: [...directories],
    problems: [...problems],
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
