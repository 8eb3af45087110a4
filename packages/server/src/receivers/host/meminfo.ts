/** Every line of `/proc/meminfo`. */
import { metricName } from "../collector/families.ts";
import { rows } from "../collector/files.ts";
import { type HostPart, mustRead } from "./host-source.ts";

export const meminfo: HostPart = {
  name: "meminfo",
  async collect({ proc }, out) {
    for (const [field = "", value = "", unit] of rows(await mustRead(proc, "meminfo"))) {
      // `Active(anon):` becomes `Active_anon`.
      const plain = metricName(field.replace(/:$/, "").replace(/\(([^)]*)\)/, "_$1"));
      const name = unit === "kB" ? `${plain}_bytes` : plain;
      const type = name.endsWith("_total") ? "counter" : "gauge";
      const help = `Memory information field ${name}.`;
      out.one(`node_memory_${name}`, type, help, Number(value) * (unit === "kB" ? 1024 : 1));
    }
  },
};
