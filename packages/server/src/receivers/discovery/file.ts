/** `file_sd_configs`: JSON and YAML files, watched, and read again every interval in case the watch misses something. */
import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { globFiles } from "../../config/prometheus/config-files.ts";
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import { staticGroup } from "../../config/prometheus/discovery-config.ts";
import { list } from "../../config/prometheus/kinds.ts";
import { createYamlReader } from "../../config/prometheus/yaml-reader.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { groupsOfJson } from "./group-json.ts";
import { refreshed } from "./refresh.ts";
import type { Discoverer, TargetGroup } from "./target-group.ts";

const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Writers make several events of one change. */
const SETTLE_MS = 100;

export function files(
  config: DiscoveryConfig<"file_sd_configs">,
  deps: DiscovererDeps,
): Discoverer {
  /** The last good groups of each file: a file that is broken now keeps them. */
  const known = new Map<string, readonly TargetGroup[]>();
  const watchers = new Map<string, FSWatcher>();
  let wake = (): void => {};

  const read = async (): Promise<readonly TargetGroup[]> => {
    const names = new Set(config.files.flatMap((pattern) => globFiles(pattern)));
    for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    const wrong: string[] = [];
    for (const name of names)
      try {
        known.set(name, await readGroups(name));
      } catch (error) {
        wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    if (wrong.length > 0) deps.failing(wrong.join("; ").slice(0, 1000));
    else deps.worked();
    return [...known.values()].flat();
  };
  const observe = (): void => {
    for (const directory of new Set(config.files.map((file) => dirname(file)))) {
      if (watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => wake());
        watcher.on("error", () => {
          watcher.close();
          watchers.delete(directory);
        });
        watchers.set(directory, watcher);
      } catch {
        // A directory that is not there yet is looked for again with the next refresh.
      }
    }
  };
  // `read` tells what failed itself, because the other files still count.
  const polled = refreshed(config.refresh_interval, { ...deps, worked: () => {} }, () => {
    observe();
    return read();
  });
  let cancel: (() => void) | undefined;
  let closed = false;
  return {
    start(emit) {
      wake = () => {
        cancel ??= deps.clock.after(SETTLE_MS, () => {
          cancel = undefined;
          void read().then((groups) => (closed ? undefined : emit(groups)));
        });
      };
      polled.start(emit);
    },
    close() {
      closed = true;
      cancel?.();
      polled.close();
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

async function readGroups(file: string): Promise<TargetGroup[]> {
  const { size } = await stat(file);
  if (size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
  const text = await readFile(file, "utf8");
  const extra = [["__meta_filepath", file]] as const;
  if (extname(file).toLowerCase() === ".json") return groupsOfJson(JSON.parse(text), file, extra);
  const reader = createYamlReader(text, file, dirname(file));
  const groups = list(staticGroup).read(reader, reader.root);
  reader.finish();
  return groups.map(({ targets, labels }, i) => ({
    source: `${file}:${i}`,
    labels: new Map([...labels, ...extra]),
    targets: targets.map((one) => new Map([["__address__", one]])),
  }));
}
