/** Temperatures, fans and voltages: `/sys/class/thermal` and `/sys/class/hwmon`. */
import { posix } from "node:path";
import { type Families, metricName } from "../collector/families.ts";
import type { KernelFiles } from "../collector/files.ts";
import { type HostPart, NoData } from "./host-source.ts";

const MILLI = 1 / 1000;
const DEVICES_MAX = 500;

export const thermalZone: HostPart = {
  name: "thermal_zone",
  async collect({ sys }, out) {
    const directory = "class/thermal";
    for (const name of (await sys.names(directory)).slice(0, DEVICES_MAX)) {
      const type = (await sys.text(`${directory}/${name}/type`))?.trim();
      if (type === undefined) continue;
      if (name.startsWith("thermal_zone")) {
        const temp = await sys.number(`${directory}/${name}/temp`);
        if (temp === undefined) continue;
        out
          .family("node_thermal_zone_temp", "gauge", "Zone temperature in Celsius")
          .add(temp * MILLI, { zone: name.slice("thermal_zone".length), type });
        continue;
      }
      if (!name.startsWith("cooling_device")) continue;
      const device = name.slice("cooling_device".length);
      for (const [file, metric, help] of [
        ["cur_state", "cur_state", "Current throttle state of the cooling device"],
        ["max_state", "max_state", "Maximum throttle state of the cooling device"],
      ] as const) {
        const state = await sys.number(`${directory}/${name}/${file}`);
        if (state !== undefined)
          out
            .family(`node_cooling_device_${metric}`, "gauge", help)
            .add(state, { name: device, type });
      }
    }
  },
};

interface SensorUnit {
  readonly suffix: string;
  readonly factor: number;
  readonly help: string;
}

/** Kinds of sensors whose inputs and limits are numbers of one unit. */
const sensors: Readonly<Record<string, SensorUnit>> = {
  temp: { suffix: "_celsius", factor: MILLI, help: "Hardware monitor for temperature" },
  in: { suffix: "_volts", factor: MILLI, help: "Hardware monitor for voltage" },
  curr: { suffix: "_amps", factor: MILLI, help: "Hardware monitor for current" },
  fan: { suffix: "_rpm", factor: 1, help: "Hardware monitor for fan revolutions per minute" },
  power: { suffix: "_watt", factor: 1e-6, help: "Hardware monitor for power usage in watts" },
  energy: {
    suffix: "_joule_total",
    factor: 1e-6,
    help: "Hardware monitor for joules used so far",
  },
};
/** What a sensor's file says besides its input, in the sensor's unit. */
const limitsOf = new Set([
  "input",
  "min",
  "max",
  "crit",
  "crit_hyst",
  "max_hyst",
  "lcrit",
  "average",
]);
const SENSOR_FILE = /^(temp|in|curr|fan|power|energy)(\d+)_([a-z_]+)$/;

export const hwmon: HostPart = {
  name: "hwmon",
  async collect({ sys }, out) {
    const names = (await sys.names("class/hwmon")).slice(0, DEVICES_MAX);
    if (names.length === 0) throw new NoData("there are no sensors");
    for (const name of names) await chipOf(sys, `class/hwmon/${name}`, out);
  },
};

async function chipOf(sys: KernelFiles, directory: string, out: Families): Promise<void> {
  const chip = await chipName(sys, directory);
  const chipText = (await sys.text(`${directory}/name`))?.trim();
  if (chipText !== undefined && chipText !== "")
    out
      .family("node_hwmon_chip_names", "gauge", "Annotation metric for human-readable chip names")
      .add(1, { chip, chip_name: cleaned(chipText) });
  // Older drivers keep the sensors with the device.
  const places = [directory, `${directory}/device`];
  const seen = new Set<string>();
  for (const place of places)
    for (const file of await sys.names(place)) {
      const [, kind, number, what] = SENSOR_FILE.exec(file) ?? [];
      if (kind === undefined || what === undefined || seen.has(file)) continue;
      seen.add(file);
      await sensorOf(
        sys,
        { path: `${place}/${file}`, chip, kind, sensor: `${kind}${number}`, what },
        out,
      );
    }
}

async function sensorOf(
  sys: KernelFiles,
  at: {
    readonly path: string;
    readonly chip: string;
    readonly kind: string;
    readonly sensor: string;
    readonly what: string;
  },
  out: Families,
): Promise<void> {
  const { chip, kind, sensor, what } = at;
  const labels = { chip, sensor };
  if (what === "label") {
    const label = (await sys.text(at.path))?.trim();
    if (label !== undefined && label !== "")
      out
        .family("node_hwmon_sensor_label", "gauge", "Label for given chip and sensor")
        .add(1, { ...labels, label: cleaned(label) });
    return;
  }
  const value = await sys.number(at.path);
  if (value === undefined) return;
  if (what === "alarm" || what === "fault" || what === "beep") {
    const help = `Hardware sensor ${what} status (${kind})`;
    out.family(`node_hwmon_${kind}_${what}`, "gauge", help).add(value, labels);
    return;
  }
  const unit = sensors[kind];
  if (unit === undefined || !limitsOf.has(what)) return;
  const { suffix, factor, help } = unit;
  const part = what === "input" ? "" : `_${what}`;
  const type = suffix.endsWith("_total") ? "counter" : "gauge";
  const text = part === "" ? `${help} (input)` : `${help} (${what})`;
  out.family(`node_hwmon_${kind}${part}${suffix}`, type, text).add(value * factor, labels);
}

/** As node_exporter names chips: by bus and device, else by the driver's name, else by the directory. */
async function chipName(sys: KernelFiles, directory: string): Promise<string> {
  const device = await sys.link(`${directory}/device`);
  if (device !== undefined) {
    const subsystem = await sys.link(`${directory}/device/subsystem`);
    const name = cleaned(posix.basename(device));
    const bus = subsystem === undefined ? "" : cleaned(posix.basename(subsystem));
    if (name !== "") return bus === "" ? name : `${bus}_${name}`;
  }
  const text = cleaned((await sys.text(`${directory}/name`))?.trim() ?? "");
  return text === "" ? cleaned(posix.basename(directory)) : text;
}

function cleaned(text: string): string {
  return metricName(text.toLowerCase()).replace(/^_+|_+$/g, "");
}
