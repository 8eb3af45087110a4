/** Told by the system of changes in directories: only to look sooner, as such news get lost on many file systems. */
import { type FSWatcher, watch } from "node:fs";

export interface DirectoryWatch {
  /** Watches these directories and no others. */
  set(directories: readonly string[]): void;
  close(): void;
}

/** Systems allow some thousands for all programs. */
const WATCHES_MAX = 128;

export function createDirectoryWatch(
  changed: (directory: string, name: string | undefined) => void,
): DirectoryWatch {
  const watchers = new Map<string, FSWatcher>();
  const end = (directory: string): void => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  return {
    set(directories) {
      const wanted = new Set(directories.slice(0, WATCHES_MAX));
      for (const directory of [...watchers.keys()]) if (!wanted.has(directory)) end(directory);
      for (const directory of wanted) {
        if (watchers.has(directory)) continue;
        try {
          const watcher = watch(directory, { persistent: false }, (_event, name) =>
            changed(directory, name ?? undefined),
          );
          watcher.on("error", () => end(directory));
          watchers.set(directory, watcher);
        } catch {
          // A directory that is not there yet is looked for again with the next scan.
        }
      }
    },
    close() {
      for (const directory of [...watchers.keys()]) end(directory);
    },
  };
}
