/** Which cgroups there are, and which of them are containers. Bounded: a host may have tens of thousands. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export interface FoundCgroup {
  /** As in `/proc/self/cgroup`. */
  readonly path: string;
  /** 64 hexadecimal digits; "" when it is no container. */
  readonly containerId: string;
  /** Of the Kubernetes pod it belongs to, "" when to none. */
  readonly podUid: string;
}

const DEPTH_MAX = 12;
/** Directories looked into; reading one takes some 20 µs. */
const DIRECTORIES_MAX = 5_000;

/** `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope`, or the id alone. */
const CONTAINER = /^(?:[a-z][a-z-]*-)?([0-9a-f]{64})(?:\.scope)?$/;
/** `pod<uid>` with dashes, or as systemd writes them: `kubepods-besteffort-pod<uid_with_underscores>.slice`. */
const POD =
  /(?:^|-)pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;

/** The root first, then containers, then all others, nearest to the root first. */
export async function findCgroups(directory: string, max: number): Promise<readonly FoundCgroup[]> {
  const found: FoundCgroup[] = [];
  let level: readonly FoundCgroup[] = [{ path: "/", containerId: "", podUid: "" }];
  let looked = 0;
  for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth++) {
    found.push(...level);
    const below: FoundCgroup[] = [];
    for (const { path, podUid } of level) {
      if (looked++ >= DIRECTORIES_MAX) break;
      for (const name of await directoriesOf(join(directory, path)))
        below.push({
          path: path === "/" ? `/${name}` : `${path}/${name}`,
          containerId: CONTAINER.exec(name)?.[1] ?? "",
          podUid: POD.exec(name)?.[1]?.replaceAll("_", "-") ?? podUid,
        });
    }
    level = below;
  }
  // `sort` keeps the order of equals.
  return found.sort((a, b) => rankOf(a) - rankOf(b)).slice(0, max);
}

function rankOf({ path, containerId }: FoundCgroup): number {
  if (path === "/") return 0;
  return containerId === "" ? 2 : 1;
}

async function directoriesOf(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    // Gone since its parent was read, or not ours to read.
    return [];
  }
}
