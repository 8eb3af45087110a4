/**
 * Room on mounted file systems. A mount whose server is gone answers never: it is not asked again until it does, and
 * reported with `node_filesystem_device_error`.
 */
import { posix } from "node:path";
import type { Clock } from "@triptych/model";
import { type FileSystemSize, type HostPart, NoData } from "./host-source.ts";

/** node_exporter's defaults. */
const MOUNTS_IGNORED =
  /^\/(dev|proc|run\/credentials\/.+|sys|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)($|\/)/;
const TYPES_IGNORED =
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$/;
/** A mount that takes longer is stuck. */
const STATFS_MS_MAX = 5_000;
/** Each holds a thread of the runtime's pool, of which there are few. */
const STUCK_MAX = 2;
const MOUNTS_MAX = 1_000;

interface Mount {
  readonly device: string;
  readonly mountpoint: string;
  readonly fstype: string;
  readonly isReadOnly: boolean;
}

export function createFilesystem(): HostPart {
  const stuck = new Set<string>();
  return {
    name: "filesystem",
    async collect({ proc, rootPath, statfs, clock }, out) {
      const text = (await proc.text("1/mounts")) ?? (await proc.text("self/mounts"));
      if (text === undefined) throw new NoData("the mounts cannot be read");
      const gauge = (name: string, help: string) =>
        out.family(`node_filesystem_${name}`, "gauge", help);
      const error = gauge(
        "device_error",
        "Whether an error occurred while getting statistics for the given device.",
      );
      const readOnly = gauge("readonly", "Filesystem read-only status.");
      const bytes = {
        size: gauge("size_bytes", "Filesystem size in bytes."),
        free: gauge("free_bytes", "Filesystem free space in bytes."),
        avail: gauge("avail_bytes", "Filesystem space available to non-root users in bytes."),
      };
      const files = gauge("files", "Filesystem total file nodes.");
      const filesFree = gauge("files_free", "Filesystem total free file nodes.");
      for (const { isReadOnly, ...labels } of mountsOf(text, rootPath)) {
        const path = posix.join(rootPath, labels.mountpoint);
        const size = await sizeOf(path, { clock, stuck, statfs });
        error.add(size === undefined ? 1 : 0, labels);
        readOnly.add(isReadOnly ? 1 : 0, labels);
        if (size === undefined) continue;
        bytes.size.add(size.blocks * size.bsize, labels);
        bytes.free.add(size.bfree * size.bsize, labels);
        bytes.avail.add(size.bavail * size.bsize, labels);
        files.add(size.files, labels);
        filesFree.add(size.ffree, labels);
      }
    },
  };
}

function mountsOf(text: string, rootPath: string): Mount[] {
  const prefix = rootPath === "/" ? "" : rootPath.replace(/\/+$/, "");
  const mounts = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [device, point, fstype, options] = line.split(" ");
    if (device === undefined || point === undefined || fstype === undefined) continue;
    const full = unescaped(point);
    const isBelow = prefix !== "" && (full === prefix || full.startsWith(`${prefix}/`));
    const mountpoint = isBelow ? full.slice(prefix.length) || "/" : full;
    if (MOUNTS_IGNORED.test(mountpoint) || TYPES_IGNORED.test(fstype)) continue;
    const isReadOnly = (options ?? "").split(",").includes("ro");
    const mount = { device: unescaped(device), mountpoint, fstype, isReadOnly };
    const key = `${mount.device}\0${mountpoint}\0${fstype}`;
    if (!mounts.has(key)) mounts.set(key, mount);
    if (mounts.size >= MOUNTS_MAX) break;
  }
  return [...mounts.values()];
}

/** `\040` is a space, in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** Undefined when the mount gives an error or does not answer. */
async function sizeOf(
  path: string,
  {
    clock,
    stuck,
    statfs,
  }: {
    readonly clock: Clock;
    readonly stuck: Set<string>;
    readonly statfs: (path: string) => Promise<FileSystemSize>;
  },
): Promise<FileSystemSize | undefined> {
  if (stuck.has(path) || stuck.size >= STUCK_MAX) return undefined;
  stuck.add(path);
  const asked = statfs(path)
    .catch(() => undefined)
    .finally(() => stuck.delete(path));
  let cancel = (): void => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(STATFS_MS_MAX, () => resolve(undefined));
  });
  const size = await Promise.race([asked, late]);
  cancel();
  return size;
}
