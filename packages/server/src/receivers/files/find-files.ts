/** Finds the files of a job's targets, and a file that was renamed. */
import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileProblems } from "./file-problems.ts";
import { expandBraces, findPaths, matchesPath } from "./glob.ts";
import { sameInode } from "./tail.ts";
import type { TailerOptions } from "./tailer-options.ts";

export const STATS_AT_ONCE = 64;
const COMPRESSED = /\.(?:gz|z|bz2|xz|zst|zip)$/i;

/** Files that match a pattern, and the labels of their lines. */
export interface FileTarget {
  readonly path: string;
  readonly exclude: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

export function matchesTarget({ path: pattern, exclude }: FileTarget, path: string): boolean {
  const matches = (one: string): boolean =>
    expandBraces(one).some((plain) => matchesPath(plain, path));
  return matches(pattern) && !exclude.some(matches);
}

interface FoundFile {
  readonly path: string;
  readonly stats: Stats;
  readonly labels: ReadonlyMap<string, string>;
}

export async function findTargets(
  targets: readonly FileTarget[],
  how: { readonly options: TailerOptions; readonly problems: FileProblems },
): Promise<{ readonly files: readonly FoundFile[]; readonly directories: readonly string[] }> {
  const files: FoundFile[] = [];
  const directories = new Set<string>();
  for (const { path: pattern, exclude, labels } of targets) {
    const found = await findPaths([pattern]);
    for (const directory of found.directories) directories.add(directory);
    if (found.problems.length > 0)
      how.problems.say(pattern, found.problems.slice(0, 3).join("; "), "directory");
    else how.problems.settle(pattern);
    const excluded = exclude.flatMap(expandBraces);
    const paths = found.paths.filter((path) => !excluded.some((one) => matchesPath(one, path)));
    for (let i = 0; i < paths.length; i += STATS_AT_ONCE) {
      const part = paths.slice(i, i + STATS_AT_ONCE);
      const all = await Promise.all(part.map((path) => stat(path).catch(() => undefined)));
      for (const [k, stats] of all.entries()) {
        const path = part[k] as string;
        // Pipes, sockets and devices would hold the reading for ever; loops of links have no status.
        if (stats === undefined || !stats.isFile()) continue;
        if (COMPRESSED.test(path) && how.options.compression === undefined) continue;
        files.push({ path, stats, labels });
      }
    }
  }
  return { files, directories: [...directories] };
}

/** Names of a directory that are looked at for a file that was renamed. */
const NAMES_MAX = 2000;

export async function findInode(
  directory: string,
  file: { readonly dev: number; readonly ino: number },
): Promise<string | undefined> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.slice(0, NAMES_MAX)) {
    const path = join(directory, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && sameInode(file, stats)) return path;
  }
  return undefined;
}
