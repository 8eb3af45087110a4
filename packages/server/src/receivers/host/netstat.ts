/** Counters of protocols and sockets, from `/proc/net`. */
import { rows } from "../collector/files.ts";
import { type HostPart, mustRead, NoData } from "./host-source.ts";

/** node_exporter's default. */
const FIELDS =
  /^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$/;
/** `Icmp6InErrors`: the protocol ends with its 6. */
const V6 = /^(Ip6|Icmp6|Udp6|UdpLite6)(.+)$/;

export const netstat: HostPart = {
  name: "netstat",
  async collect({ proc }, out) {
    const add = (protocol: string, name: string, value: string): void => {
      if (!FIELDS.test(`${protocol}_${name}`)) return;
      const help = `Statistic ${protocol}${name}.`;
      out.one(`node_netstat_${protocol}_${name}`, "untyped", help, Number(value));
    };
    for (const file of ["net/netstat", "net/snmp"]) {
      const lines = rows(await mustRead(proc, file));
      // A line of names, then one of values.
      for (let i = 0; i + 1 < lines.length; i += 2) {
        const [first = "", ...names] = lines[i] as string[];
        const [, ...values] = lines[i + 1] as string[];
        names.forEach((name, at) => {
          const value = values[at];
          if (value !== undefined) add(first.replace(/:$/, ""), name, value);
        });
      }
    }
    // Missing when IPv6 is off.
    for (const [name = "", value = ""] of rows(await proc.text("net/snmp6"))) {
      const found = V6.exec(name);
      if (found !== null) add(found[1] ?? "", found[2] ?? "", value);
    }
  },
};

export const sockstat: HostPart = {
  name: "sockstat",
  async collect({ proc, pageBytes }, out) {
    const v4 = await mustRead(proc, "net/sockstat");
    for (const [first = "", ...pairs] of rows(
      `${v4}\n${(await proc.text("net/sockstat6")) ?? ""}`,
    )) {
      const protocol = first.replace(/:$/, "");
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const key = pairs[i] as string;
        const value = Number(pairs[i + 1]);
        if (protocol === "sockets") {
          const help = "Number of IPv4 sockets in use.";
          out.one("node_sockstat_sockets_used", "gauge", help, value);
          continue;
        }
        const add = (name: string, of: number): void =>
          out.one(
            `node_sockstat_${protocol}_${name}`,
            "gauge",
            `Number of ${protocol} sockets in state ${name}.`,
            of,
          );
        add(key, value);
        if (key === "mem") add("mem_bytes", value * pageBytes);
      }
    }
  },
};

export const softnet: HostPart = {
  name: "softnet",
  async collect({ proc }, out) {
    const columns = [
      ["processed_total", "Number of processed packets"],
      ["dropped_total", "Number of dropped packets"],
      ["times_squeezed_total", "Number of times processing packets ran out of quota"],
    ] as const;
    rows(await mustRead(proc, "net/softnet_stat")).forEach((row, i) => {
      // Kernels since 5.10 say which processor it is; those that are off have no line.
      const cpu = row[12] === undefined ? i : Number.parseInt(row[12], 16);
      columns.forEach(([name, help], at) => {
        out
          .family(`node_softnet_${name}`, "counter", help)
          .add(Number.parseInt(row[at] ?? "0", 16), { cpu: String(cpu) });
      });
    });
  },
};

export const udpQueues: HostPart = {
  name: "udp_queues",
  async collect({ proc }, out) {
    const queues = out.family(
      "node_udp_queues",
      "gauge",
      "Number of allocated memory in the kernel for UDP datagrams in bytes.",
    );
    let found = false;
    for (const [ip, file] of [
      ["v4", "net/udp"],
      ["v6", "net/udp6"],
    ] as const) {
      const text = await proc.text(file);
      if (text === undefined) continue;
      found = true;
      let tx = 0;
      let rx = 0;
      for (const row of rows(text).slice(1)) {
        const [sent = "0", received = "0"] = (row[4] ?? "").split(":");
        tx += Number.parseInt(sent, 16) || 0;
        rx += Number.parseInt(received, 16) || 0;
      }
      queues.add(tx, { queue: "tx", ip });
      queues.add(rx, { queue: "rx", ip });
    }
    if (!found) throw new NoData("net/udp cannot be read");
  },
};

/** Columns of `/proc/net/stat/nf_conntrack`, one line a processor, in hexadecimal. */
const conntrackStats: readonly (readonly [name: string, help: string])[] = [
  ["found", "Number of searched entries which were successful."],
  ["invalid", "Number of packets seen which can not be tracked."],
  ["ignore", "Number of packets seen which are already connected to a conntrack entry."],
  ["insert", "Number of entries inserted into the list."],
  ["insert_failed", "Number of entries for which list insertion was attempted but failed."],
  ["drop", "Number of packets dropped due to conntrack failure."],
  [
    "early_drop",
    "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.",
  ],
  [
    "search_restart",
    "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
  ],
];

export const conntrack: HostPart = {
  name: "conntrack",
  async collect({ proc }, out) {
    const entries = await proc.number("sys/net/netfilter/nf_conntrack_count");
    const limit = await proc.number("sys/net/netfilter/nf_conntrack_max");
    if (entries === undefined || limit === undefined) throw new NoData("there is no conntrack");
    const gauge = (name: string, help: string, value: number): void =>
      out.one(`node_nf_conntrack_${name}`, "gauge", help, value);
    gauge(
      "entries",
      "Number of currently allocated flow entries for connection tracking.",
      entries,
    );
    gauge("entries_limit", "Maximum size of connection tracking table.", limit);
    const [names = [], ...lines] = rows(await proc.text("net/stat/nf_conntrack"));
    if (lines.length === 0) return;
    for (const [name, help] of conntrackStats) {
      const column = names.indexOf(name);
      if (column < 0) continue;
      const sum = lines.reduce((total, row) => total + Number.parseInt(row[column] ?? "0", 16), 0);
      gauge(`stat_${name}`, help, sum);
    }
  },
};
