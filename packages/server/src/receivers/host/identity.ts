/** What the host is: `uname`, and the operating system as `os-release` names it. */
import { machine } from "node:os";
import { type HostPart, mustRead, NoData } from "./host-source.ts";

export const uname: HostPart = {
  name: "uname",
  async collect({ proc }, out) {
    const of = async (name: string): Promise<string> =>
      (await mustRead(proc, `sys/kernel/${name}`)).trim();
    out
      .family(
        "node_uname_info",
        "gauge",
        "Labeled system information as provided by the uname system call.",
      )
      .add(1, {
        sysname: await of("ostype"),
        release: await of("osrelease"),
        version: await of("version"),
        nodename: await of("hostname"),
        domainname: await of("domainname"),
        machine: (await proc.text("sys/kernel/arch"))?.trim() ?? machine(),
      });
  },
};

const fields = [
  "build_id",
  "id",
  "id_like",
  "image_id",
  "image_version",
  "name",
  "pretty_name",
  "variant",
  "variant_id",
  "version",
  "version_codename",
  "version_id",
] as const;

export const os: HostPart = {
  name: "os",
  async collect({ root }, out) {
    const text = (await root.text("etc/os-release")) ?? (await root.text("usr/lib/os-release"));
    if (text === undefined) throw new NoData("os-release cannot be read");
    const found = osRelease(text);
    const of = (name: string): string => found.get(name.toUpperCase()) ?? "";
    const help = `A metric with a constant '1' value labeled by ${fields.join(", ")}.`;
    out
      .family("node_os_info", "gauge", help)
      .add(1, Object.fromEntries(fields.map((name) => [name, of(name)])));
    const version = /^\d+(?:\.\d+)?/.exec(of("version_id"))?.[0];
    if (version === undefined) return;
    out
      .family(
        "node_os_version",
        "gauge",
        "Metric containing the major.minor part of the OS version.",
      )
      .add(Number(version), { id: of("id"), id_like: of("id_like"), name: of("name") });
  },
};

/** Lines `KEY=value`, quoted as a shell has it. */
function osRelease(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, key, raw] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key === undefined || raw === undefined) continue;
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    found.set(key, quoted === null ? raw : (quoted[2] ?? "").replace(/\\(.)/g, "$1"));
  }
  return found;
}
