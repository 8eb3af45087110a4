/** Reads and writes of block devices from `/proc/diskstats`, and what udev knows of them. */
import type { FamilyType } from "../collector/families.ts";
import { type KernelFiles, rows } from "../collector/files.ts";
import { type HostPart, mustRead } from "./host-source.ts";

/** Partitions, and devices that are no disks: node_exporter's default. */
const IGNORED = /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$/;
const SECTOR_BYTES = 512;
const MS = 1 / 1000;

/** In the order of the columns after the device's name. */
const columns: readonly (readonly [
  name: string,
  type: FamilyType,
  factor: number,
  help: string,
])[] = [
  ["reads_completed_total", "counter", 1, "The total number of reads completed successfully."],
  ["reads_merged_total", "counter", 1, "The total number of reads merged."],
  ["read_bytes_total", "counter", SECTOR_BYTES, "The total number of bytes read successfully."],
  ["read_time_seconds_total", "counter", MS, "The total number of seconds spent by all reads."],
  ["writes_completed_total", "counter", 1, "The total number of writes completed successfully."],
  ["writes_merged_total", "counter", 1, "The number of writes merged."],
  [
    "written_bytes_total",
    "counter",
    SECTOR_BYTES,
    "The total number of bytes written successfully.",
  ],
  [
    "write_time_seconds_total",
    "counter",
    MS,
    "This is the total number of seconds spent by all writes.",
  ],
  ["io_now", "gauge", 1, "The number of I/Os currently in progress."],
  ["io_time_seconds_total", "counter", MS, "Total seconds spent doing I/Os."],
  ["io_time_weighted_seconds_total", "counter", MS, "The weighted # of seconds spent doing I/Os."],
  [
    "discards_completed_total",
    "counter",
    1,
    "The total number of discards completed successfully.",
  ],
  ["discards_merged_total", "counter", 1, "The total number of discards merged."],
  ["discarded_sectors_total", "counter", 1, "The total number of sectors discarded successfully."],
  [
    "discard_time_seconds_total",
    "counter",
    MS,
    "This is the total number of seconds spent by all discards.",
  ],
  [
    "flush_requests_total",
    "counter",
    1,
    "The total number of flush requests completed successfully",
  ],
  [
    "flush_requests_time_seconds_total",
    "counter",
    MS,
    "This is the total number of seconds spent by all flush requests.",
  ],
];

export const diskstats: HostPart = {
  name: "diskstats",
  async collect({ proc, root }, out) {
    const info = out.family("node_disk_info", "gauge", "Info of /sys/block/<block_device>.");
    const mapper = out.family(
      "node_disk_device_mapper_info",
      "gauge",
      "Info about disk device mapper.",
    );
    const fileSystem = out.family(
      "node_disk_filesystem_info",
      "gauge",
      "Info about disk filesystem.",
    );
    for (const [major = "", minor = "", device = "", ...values] of rows(
      await mustRead(proc, "diskstats"),
    )) {
      if (IGNORED.test(device)) continue;
      columns.forEach(([name, type, factor, help], i) => {
        const value = values[i];
        if (value === undefined) return;
        out.family(`node_disk_${name}`, type, help).add(Number(value) * factor, { device });
      });
      const known = await udev(root, `${major}:${minor}`);
      const of = (key: string): string => known.get(key) ?? "";
      info.add(1, {
        device,
        major,
        minor,
        model: of("ID_MODEL"),
        path: of("ID_PATH"),
        revision: of("ID_REVISION"),
        serial: of("ID_SERIAL_SHORT"),
        wwn: of("ID_WWN"),
      });
      if (of("DM_NAME") !== "")
        mapper.add(1, {
          device,
          name: of("DM_NAME"),
          uuid: of("DM_UUID"),
          vg_name: of("DM_VG_NAME"),
          lv_name: of("DM_LV_NAME"),
          lv_layer: of("DM_LV_LAYER"),
        });
      if (of("ID_FS_TYPE") !== "")
        fileSystem.add(1, {
          device,
          type: of("ID_FS_TYPE"),
          usage: of("ID_FS_USAGE"),
          uuid: of("ID_FS_UUID"),
          version: of("ID_FS_VERSION"),
        });
    }
  },
};

/** Properties in udev's database: lines `E:KEY=value`. */
async function udev(root: KernelFiles, device: string): Promise<ReadonlyMap<string, string>> {
  const text = (await root.text(`run/udev/data/b${device}`)) ?? "";
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (line.startsWith("E:") && equals > 0)
      found.set(line.slice(2, equals), line.slice(equals + 1));
  }
  return found;
}
