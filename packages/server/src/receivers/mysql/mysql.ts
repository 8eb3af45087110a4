/** The MySQL collector: asks one server and gives mysqld_exporter's metrics, `mysql_up 0` when it does not answer. */
import { readFile } from "node:fs/promises";
import type { Clock } from "@triptych/model";
import type { MysqlCollectorConfig } from "../../config/collect-schema.ts";
import type { Collector } from "../collector/collector.ts";
import { createFamilies, type Families } from "../collector/families.ts";
import { type MysqlClient, openMysql } from "./client.ts";
import { parseDsn } from "./dsn.ts";
import { mysqlParts } from "./queries.ts";

export type MysqlTarget = Pick<
  MysqlCollectorConfig,
  "dsn" | "passwordFile" | "tls" | "tlsCaFile" | "intervalSeconds"
>;

/** To connect, and for each statement. */
const CONNECT_MS_MAX = 10_000;

/** Throws `config_invalid` when the DSN is none; the message does not show it, as there may be a password in it. */
export function createMysqlCollector(
  target: MysqlTarget,
  deps: { readonly clock: Clock; readonly onFailure: (message: string) => void },
): Collector {
  const address = parseDsn(target.dsn);
  const { clock } = deps;
  const timeoutMs = Math.min(target.intervalSeconds * 1000, CONNECT_MS_MAX);
  let client: MysqlClient | undefined;
  let version = 0;
  const connect = async (signal: AbortSignal): Promise<MysqlClient> => {
    if (client?.isOpen === true) return client;
    const password =
      target.passwordFile === ""
        ? address.password
        : (await readFile(target.passwordFile, "utf8")).replace(/\r?\n$/, "");
    const tls = { mode: target.tls, caFile: target.tlsCaFile };
    client = await openMysql(address, { password, tls, timeoutMs, signal });
    // A table that somebody alters must not hold us: the next collection asks again.
    await client.rows("SET SESSION lock_wait_timeout = 2");
    const [row] = await client.rows("SELECT @@version AS version");
    version = versionOf(row?.["version"] ?? "");
    return client;
  };
  return {
    kind: "mysql",
    address: address.shown,
    async collect(signal) {
      const out = createFamilies();
      const report = reportInto(out);
      const startMs = clock.monotonicMs();
      const stop = (): void => client?.close();
      signal.addEventListener("abort", stop, { once: true });
      let isUp = false;
      try {
        const open = await connect(signal);
        isUp = true;
        report.duration("connection", (clock.monotonicMs() - startMs) / 1000);
        await collectParts(open, { out, version, clock, onFailure: deps.onFailure, report });
      } catch (error) {
        client?.close();
        client = undefined;
        isUp = false;
        const text = error instanceof Error ? error.message : String(error);
        deps.onFailure(signal.aborted ? "the server did not answer in time" : text);
      } finally {
        signal.removeEventListener("abort", stop);
      }
      out.one("mysql_up", "gauge", "Whether the MySQL server is up.", isUp ? 1 : 0);
      return out.render();
    },
    async close() {
      client?.close();
    },
  };
}

interface Report {
  readonly duration: (collector: string, seconds: number) => void;
  readonly success: (collector: string, isOk: boolean) => void;
}

function reportInto(out: Families): Report {
  const duration = out.family(
    "mysql_exporter_collector_duration_seconds",
    "gauge",
    "Collector time duration.",
  );
  const success = out.family(
    "mysql_exporter_collector_success",
    "gauge",
    "mysqld_exporter: Whether a collector succeeded.",
  );
  return {
    duration: (collector, seconds) => duration.add(seconds, { collector }),
    success: (collector, isOk) => success.add(isOk ? 1 : 0, { collector }),
  };
}

/** One after another on one connection. Throws when that is lost; what the server refuses is reported. */
async function collectParts(
  client: MysqlClient,
  context: {
    readonly out: Families;
    readonly version: number;
    readonly clock: Clock;
    readonly onFailure: (message: string) => void;
    readonly report: Report;
  },
): Promise<void> {
  const { out, version, clock, onFailure, report } = context;
  for (const part of mysqlParts) {
    if (version < part.since) continue;
    const collector = `collect.${part.name}`;
    const startMs = clock.monotonicMs();
    let isOk = true;
    try {
      await part.collect(client, out);
    } catch (error) {
      if (!client.isOpen) throw error;
      isOk = false;
      onFailure(`${part.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    report.success(collector, isOk);
    report.duration(collector, (clock.monotonicMs() - startMs) / 1000);
  }
}

/** `8.0.36-log` is 8, `10.11.6-MariaDB` is 10.11. */
function versionOf(text: string): number {
  return Number.parseFloat(/^\d+(?:\.\d+)?/.exec(text)?.[0] ?? "0");
}
