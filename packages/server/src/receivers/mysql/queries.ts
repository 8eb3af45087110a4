/** What is asked of a MySQL server, one part for each collector that mysqld_exporter runs unless told otherwise. */
import { type Families, type FamilyType, metricName } from "../collector/families.ts";
import type { MysqlClient, MysqlRow } from "./client.ts";

export interface MysqlPart {
  /** As in `mysql_exporter_collector_success{collector="…"}`. */
  readonly name: string;
  /** Least version, as 5.6; MariaDB's 10.x is higher than any. */
  readonly since: number;
  collect(client: MysqlClient, out: Families): Promise<void>;
}

/** What the server says in words, as numbers; undefined when it is no number at all. */
export function statusValue(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  switch (text.toLowerCase()) {
    case "yes":
    case "on":
    case "primary":
      return 1;
    case "no":
    case "off":
    case "disabled":
    case "connecting":
    case "non-primary":
    case "disconnected":
      return 0;
  }
  const number = Number(text);
  if (!Number.isNaN(number)) return number;
  // Certificates' dates, and the number of a binary log's file.
  if (/^[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4} GMT$/.test(text)) return seconds(text);
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return seconds(`${text.replace(" ", "T")}Z`);
  const file = /^[^\s/]+\.(\d{6,})$/.exec(text);
  return file === null ? undefined : Number(file[1]);
}

function seconds(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** `SHOW` gives a name and a value; the columns' names differ between servers. */
function pairOf(row: MysqlRow): readonly [key: string, value: string | null] {
  const [key, value] = Object.values(row);
  return [(key ?? "").toLowerCase(), value ?? null];
}

const GROUPED =
  /^(com|handler|connection_errors|innodb_buffer_pool_pages|innodb_rows|performance_schema)_(.*)$/;
const groups: Readonly<
  Record<string, readonly [name: string, label: string, type: FamilyType, help: string]>
> = {
  com: ["commands_total", "command", "counter", "Total number of executed MySQL commands."],
  handler: ["handlers_total", "handler", "counter", "Total number of executed MySQL handlers."],
  connection_errors: [
    "connection_errors_total",
    "error",
    "counter",
    "Total number of MySQL connection errors.",
  ],
  innodb_rows: [
    "innodb_row_ops_total",
    "operation",
    "counter",
    "Total number of MySQL InnoDB row operations.",
  ],
  performance_schema: [
    "performance_schema_lost_total",
    "instrumentation",
    "counter",
    "Total number of MySQL instrumentations that could not be loaded or created due to memory constraints.",
  ],
};
const POOL_STATES = new Set(["data", "free", "misc", "old"]);

const globalStatus: MysqlPart = {
  name: "global_status",
  since: 5.1,
  async collect(client, out) {
    const texts = new Map<string, string>();
    for (const row of await client.rows("SHOW GLOBAL STATUS")) {
      const [key, text] = pairOf(row);
      const value = statusValue(text);
      if (value === undefined) {
        if (key.startsWith("wsrep_") && text !== null) texts.set(key, text);
        continue;
      }
      const [, group, rest] = GROUPED.exec(key) ?? [];
      if (group === undefined || rest === undefined)
        out.one(
          `mysql_global_status_${metricName(key)}`,
          "untyped",
          "Generic metric from SHOW GLOBAL STATUS.",
          value,
        );
      else if (group === "innodb_buffer_pool_pages") poolPages(rest, value, out);
      else {
        const [name, label, type, help] = groups[group] as (typeof groups)[string] & object;
        out.family(`mysql_global_status_${name}`, type, help).add(value, { [label]: rest });
      }
    }
    const names = ["wsrep_local_state_uuid", "wsrep_cluster_state_uuid", "wsrep_provider_version"];
    if ((texts.get("wsrep_local_state_uuid") ?? "") !== "")
      out
        .family("mysql_galera_status_info", "gauge", "PXC/Galera status information.")
        .add(1, Object.fromEntries(names.map((name) => [name, texts.get(name) ?? ""])));
  },
};

function poolPages(state: string, value: number, out: Families): void {
  // All pages are the sum of their states.
  if (state === "total") return;
  if (state === "dirty")
    out.one(
      "mysql_global_status_buffer_pool_dirty_pages",
      "gauge",
      "Innodb buffer pool dirty pages.",
      value,
    );
  else if (POOL_STATES.has(state))
    out
      .family(
        "mysql_global_status_buffer_pool_pages",
        "gauge",
        "Innodb buffer pool pages by state.",
      )
      .add(value, { state });
  else
    out
      .family(
        "mysql_global_status_buffer_pool_page_changes_total",
        "counter",
        "Innodb buffer pool page state changes.",
      )
      .add(value, { operation: state });
}

const globalVariables: MysqlPart = {
  name: "global_variables",
  since: 5.1,
  async collect(client, out) {
    const texts = new Map<string, string>();
    for (const row of await client.rows("SHOW GLOBAL VARIABLES")) {
      const [key, text] = pairOf(row);
      if (text !== null) texts.set(key, text);
      const value = statusValue(text);
      if (value !== undefined)
        out.one(
          `mysql_global_variables_${metricName(key)}`,
          "gauge",
          "Generic gauge metric from SHOW GLOBAL VARIABLES.",
          value,
        );
    }
    const of = (name: string): string => texts.get(name) ?? "";
    const versions = ["innodb_version", "version", "version_comment"];
    out
      .family("mysql_version_info", "gauge", "MySQL version and distribution.")
      .add(1, Object.fromEntries(versions.map((name) => [name, of(name)])));
    if (of("wsrep_cluster_name") !== "")
      out
        .family("mysql_galera_variables_info", "gauge", "PXC/Galera variables information.")
        .add(1, { wsrep_cluster_name: of("wsrep_cluster_name") });
    const [, size, unit] = /gcache\.size = (\d+)([MG]?);/.exec(of("wsrep_provider_options")) ?? [];
    if (size === undefined) return;
    const factor = unit === "G" ? 2 ** 30 : unit === "M" ? 2 ** 20 : 1;
    out.one(
      "mysql_galera_gcache_size_bytes",
      "gauge",
      "PXC/Galera gcache size.",
      Number(size) * factor,
    );
  },
};

/** The first that the server knows: MariaDB's, MySQL's newer and older. */
const replicaStatements = ["SHOW ALL SLAVES STATUS", "SHOW SLAVE STATUS", "SHOW REPLICA STATUS"];

const slaveStatus: MysqlPart = {
  name: "slave_status",
  since: 5.1,
  async collect(client, out) {
    for (const row of await firstThatWorks(client, replicaStatements)) {
      const of = (...names: readonly string[]): string =>
        names.map((name) => row[name] ?? "").find((value) => value !== "") ?? "";
      const labels = {
        master_host: of("Master_Host", "Source_Host"),
        master_uuid: of("Master_UUID", "Source_UUID"),
        channel_name: of("Channel_Name"),
        connection_name: of("Connection_name"),
      };
      for (const [column, text] of Object.entries(row)) {
        const value = statusValue(text);
        if (value === undefined) continue;
        // MySQL 8.4 has new words for the same columns; dashboards have the old ones.
        const name = column
          .toLowerCase()
          .replace("source_", "master_")
          .replace("replica_", "slave_");
        out
          .family(
            `mysql_slave_status_${metricName(name)}`,
            "untyped",
            "Generic metric from SHOW SLAVE STATUS.",
          )
          .add(value, labels);
      }
    }
  },
};

async function firstThatWorks(
  client: MysqlClient,
  statements: readonly string[],
): Promise<readonly MysqlRow[]> {
  let failure: unknown;
  for (const statement of statements)
    try {
      return await client.rows(statement);
    } catch (error) {
      if (!client.isOpen) throw error;
      failure ??= error;
    }
  throw failure;
}

type TableColumn = readonly [column: string, name: string, type: FamilyType, help: string];

/** A table of the information schema: labels from some columns, a metric from each of the others. */
const table = (
  name: string,
  part: {
    readonly since: number;
    readonly labels: readonly string[];
    readonly columns: readonly TableColumn[];
  },
): MysqlPart => ({
  name: `info_schema.${name}`,
  since: part.since,
  async collect(client, out) {
    const columns = [...part.labels, ...part.columns.map(([column]) => column)];
    const rows = await client.rows(
      `SELECT ${columns.join(", ")} FROM information_schema.${name} LIMIT 1000`,
    );
    for (const row of rows) {
      const low = new Map(
        Object.entries(row).map(([column, text]) => [column.toLowerCase(), text]),
      );
      const labels = Object.fromEntries(
        part.labels.map((label) => [
          label === "buffer_pool_instance" ? "buffer_pool" : label,
          low.get(label) ?? "",
        ]),
      );
      for (const [column, metric, type, help] of part.columns) {
        const value = statusValue(low.get(column) ?? null);
        if (value !== undefined)
          out.family(`mysql_info_schema_${metric}`, type, help).add(value, labels);
      }
    }
  },
});

const innodbCmp = table("innodb_cmp", {
  since: 5.5,
  labels: ["page_size"],
  columns: [
    [
      "compress_ops",
      "innodb_cmp_compress_ops_total",
      "counter",
      "Number of times a B-tree page of the size PAGE_SIZE has been compressed.",
    ],
    [
      "compress_ops_ok",
      "innodb_cmp_compress_ops_ok_total",
      "counter",
      "Number of times a B-tree page of the size PAGE_SIZE has been successfully compressed.",
    ],
    [
      "compress_time",
      "innodb_cmp_compress_time_seconds_total",
      "counter",
      "Total time in seconds spent in attempts to compress B-tree pages.",
    ],
    [
      "uncompress_ops",
      "innodb_cmp_uncompress_ops_total",
      "counter",
      "Number of times a B-tree page of the size PAGE_SIZE has been uncompressed.",
    ],
    [
      "uncompress_time",
      "innodb_cmp_uncompress_time_seconds_total",
      "counter",
      "Total time in seconds spent in uncompressing B-tree pages.",
    ],
  ],
});

const innodbCmpmem = table("innodb_cmpmem", {
  since: 5.5,
  labels: ["page_size", "buffer_pool_instance"],
  columns: [
    [
      "pages_used",
      "innodb_cmpmem_pages_used_total",
      "counter",
      "Number of blocks of the size PAGE_SIZE that are currently in use.",
    ],
    [
      "pages_free",
      "innodb_cmpmem_pages_free_total",
      "counter",
      "Number of blocks of the size PAGE_SIZE that are currently available for allocation.",
    ],
    [
      "relocation_ops",
      "innodb_cmpmem_relocation_ops_total",
      "counter",
      "Number of times a block of the size PAGE_SIZE has been relocated.",
    ],
    [
      "relocation_time",
      "innodb_cmpmem_relocation_time_seconds_total",
      "counter",
      "Total time in seconds spent in relocating blocks.",
    ],
  ],
});

/** Off in mysqld_exporter, but one small table, and what dashboards of InnoDB ask for. */
const innodbMetrics: MysqlPart = {
  name: "info_schema.innodb_metrics",
  since: 5.6,
  async collect(client, out) {
    const rows = await firstThatWorks(client, [
      "SELECT name, subsystem, type, comment, count FROM information_schema.innodb_metrics WHERE status = 'enabled'",
      "SELECT name, subsystem, type, comment, count FROM information_schema.innodb_metrics WHERE enabled = 1",
    ]);
    for (const row of rows) {
      const of = (name: string): string => row[name] ?? row[name.toUpperCase()] ?? "";
      const value = Number(of("count"));
      if (Number.isNaN(value)) continue;
      const base = `mysql_info_schema_innodb_metrics_${metricName(`${of("subsystem")}_${of("name")}`)}`;
      if (of("type") === "counter") out.one(`${base}_total`, "counter", of("comment"), value);
      else if (of("type") === "value") out.one(base, "gauge", of("comment"), value);
    }
  },
};

export const mysqlParts: readonly MysqlPart[] = [
  globalStatus,
  globalVariables,
  slaveStatus,
  innodbCmp,
  innodbCmpmem,
  innodbMetrics,
];
