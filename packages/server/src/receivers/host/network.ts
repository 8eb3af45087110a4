/** Network devices: counters of `/proc/net/dev`, properties of `/sys/class/net`, ARP entries. */
import type { FamilyType } from "../collector/families.ts";
import { type KernelFiles, rows } from "../collector/files.ts";
import { type HostPart, mustRead } from "./host-source.ts";

const DEVICES_MAX = 1_000;
const receive = ["bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"];
const transmit = ["bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"];
const names = [
  ...receive.map((name) => `receive_${name}`),
  ...transmit.map((name) => `transmit_${name}`),
];

export const netdev: HostPart = {
  name: "netdev",
  async collect({ proc, sys }, out) {
    for (const { device, values } of devicesOf(await mustRead(proc, "net/dev"))) {
      const add = (name: string, value: number): void =>
        out
          .family(`node_network_${name}_total`, "counter", `Network device statistic ${name}.`)
          .add(value, { device });
      names.forEach((name, i) => {
        const value = values[i];
        if (value !== undefined) add(name, value);
      });
      const unhandled = await sys.number(`class/net/${device}/statistics/rx_nohandler`);
      if (unhandled !== undefined) add("receive_nohandler", unhandled);
    }
  },
};

/** Lines `eth0: 1 2 …`; the counter may follow the colon without a space. */
export function devicesOf(
  text: string,
): readonly { readonly device: string; readonly values: readonly number[] }[] {
  const found: { device: string; values: number[] }[] = [];
  for (const line of text.split("\n").slice(2, 2 + DEVICES_MAX)) {
    const colon = line.lastIndexOf(":");
    if (colon < 0) continue;
    const values = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    found.push({ device: line.slice(0, colon).trim(), values });
  }
  return found;
}

/** File, metric, type; numbers may be hexadecimal. */
const properties: readonly (readonly [file: string, name: string, type?: FamilyType])[] = [
  ["addr_assign_type", "address_assign_type"],
  ["carrier", "carrier"],
  ["carrier_changes", "carrier_changes_total", "counter"],
  ["carrier_up_count", "carrier_up_changes_total", "counter"],
  ["carrier_down_count", "carrier_down_changes_total", "counter"],
  ["dev_id", "device_id"],
  ["dormant", "dormant"],
  ["flags", "flags"],
  ["ifindex", "iface_id"],
  ["iflink", "iface_link"],
  ["link_mode", "iface_link_mode"],
  ["mtu", "mtu_bytes"],
  ["name_assign_type", "name_assign_type"],
  ["netdev_group", "net_dev_group"],
  ["speed", "speed_bytes"],
  ["tx_queue_len", "transmit_queue_length"],
  ["type", "protocol_type"],
];
/** `speed` is in Mbit/s. */
const SPEED_BYTES = 1_000_000 / 8;

export const netclass: HostPart = {
  name: "netclass",
  async collect({ sys }, out) {
    const up = out.family(
      "node_network_up",
      "gauge",
      "Value is 1 if operstate is 'up', 0 otherwise.",
    );
    const info = out.family(
      "node_network_info",
      "gauge",
      "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
    );
    for (const device of (await sys.names("class/net")).slice(0, DEVICES_MAX)) {
      const directory = `class/net/${device}`;
      const operstate = await trimmed(sys, `${directory}/operstate`);
      // `bonding_masters` is a file among the devices.
      if (operstate === undefined) continue;
      const of = async (file: string): Promise<string> =>
        (await trimmed(sys, `${directory}/${file}`)) ?? "";
      up.add(operstate === "up" ? 1 : 0, { device });
      info.add(1, {
        device,
        address: await of("address"),
        broadcast: await of("broadcast"),
        duplex: await of("duplex"),
        operstate,
        adminstate: adminState(await of("flags")),
        ifalias: await of("ifalias"),
      });
      for (const [file, name, type = "gauge"] of properties) {
        const value = await sys.number(`${directory}/${file}`);
        if (value === undefined) continue;
        out
          .family(`node_network_${name}`, type, `Network device property: ${name}`)
          .add(name === "speed_bytes" ? value * SPEED_BYTES : value, { device });
      }
    }
  },
};

const IFF_UP = 1;

function adminState(flags: string): string {
  const value = Number(flags);
  if (flags === "" || Number.isNaN(value)) return "unknown";
  return (value & IFF_UP) === 0 ? "down" : "up";
}

async function trimmed(files: KernelFiles, path: string): Promise<string | undefined> {
  return (await files.text(path))?.trim();
}

export const arp: HostPart = {
  name: "arp",
  async collect({ proc }, out) {
    const counts = new Map<string, number>();
    for (const row of rows(await mustRead(proc, "net/arp")).slice(1)) {
      const device = row.at(-1) ?? "";
      counts.set(device, (counts.get(device) ?? 0) + 1);
    }
    const entries = out.family("node_arp_entries", "gauge", "ARP entries by device");
    for (const [device, count] of counts) entries.add(count, { device });
  },
};
