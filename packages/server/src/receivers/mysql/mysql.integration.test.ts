/** Debian's MariaDB, started on a directory of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureProgram, freePort } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { realClock } from "../otlp/recording-next.ts";
import { openMysql } from "./client.ts";
import { parseDsn } from "./dsn.ts";
import { createMysqlCollector, type MysqlTarget } from "./mysql.ts";

const run = promisify(execFile);
const PROGRAM = "mariadbd";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

/** The server does not run as root. */
async function startMariadb(directory: string, port: number): Promise<ChildProcess> {
  const data = join(directory, "data");
  const socket = join(directory, "m.sock");
  const user: string[] = [];
  mkdirSync(data);
  if (process.getuid?.() === 0) {
    const { stdout } = await run("id", ["-u", "mysql"]);
    chmodSync(directory, 0o755);
    chownSync(directory, Number(stdout), 0);
    chownSync(data, Number(stdout), 0);
    user.push("--user=mysql");
  }
  await run("mariadb-install-db", [
    "--no-defaults",
    `--datadir=${data}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    ...user,
  ]);
  const init = join(directory, "init.sql");
  writeFileSync(
    init,
    "CREATE USER watcher@'%' IDENTIFIED BY 'p@s:s/w';\nGRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR, SELECT ON *.* TO watcher@'%';\nCREATE DATABASE shop;\nCREATE TABLE shop.orders (id INT PRIMARY KEY);\nINSERT INTO shop.orders VALUES (1),(2),(3);\n",
  );
  chmodSync(init, 0o644);
  return spawn(
    PROGRAM,
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--pid-file=${join(directory, "m.pid")}`,
      `--init-file=${init}`,
      "--innodb-buffer-pool-size=16M",
      ...user,
    ],
    { stdio: "ignore" },
  );
}

const never = new AbortController().signal;

function readingOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test("a real MariaDB", { timeout: 120_000 }, async (context) => {
  const program = await ensureProgram(PROGRAM, "mariadb-server");
  if (program === undefined) return context.skip("no MariaDB, and it cannot be installed");
  const directory = mkdtempSync(join(tmpdir(), "triptych-mysql-"));
  const port = await freePort();
  const server = await startMariadb(directory, port);
  const exited = new Promise((resolve) => server.once("close", resolve));
  const failures: string[] = [];
  const collector = (dsn: string, more: Partial<MysqlTarget> = {}) => {
    const target: MysqlTarget = {
      dsn,
      passwordFile: "",
      tls: "off",
      tlsCaFile: "",
      intervalSeconds: 15,
      ...more,
    };
    const made = createMysqlCollector(target, {
      clock: realClock,
      onFailure: (message) => failures.push(message),
    });
    cleanup.unshift(() => made.close());
    return made;
  };
  cleanup.push(
    () => server.kill("SIGTERM"),
    () => exited,
    () => rmSync(directory, { recursive: true }),
  );
  const mysql = collector(`watcher:p@s:s/w@tcp(127.0.0.1:${port})/`);
  expect(mysql.address).toBe(`127.0.0.1:${port}`);
  let text = "";
  for (let left = 300; left > 0; left--) {
    text = await mysql.collect(never);
    if (readingOf(text, "mysql_up") === 1) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  failures.length = 0;
  text = await mysql.collect(never);
  expect(failures).toEqual([]);
  const check = (series: string, want: number): void =>
    expect([series, readingOf(text, series)]).toEqual([series, want]);
  check("mysql_up", 1);
  check("mysql_global_status_threads_connected", 1);
  check('mysql_global_status_commands_total{command="create_db"}', 1);
  check('mysql_global_status_commands_total{command="insert"}', 1);
  check("mysql_global_variables_innodb_buffer_pool_size", 16 * 1024 * 1024);
  check("mysql_global_variables_read_only", 0);
  check('mysql_global_status_connection_errors_total{error="internal"}', 0);
  check('mysql_info_schema_innodb_cmp_compress_ops_total{page_size="1024"}', 0);
  for (const part of [
    "global_status",
    "global_variables",
    "slave_status",
    "info_schema.innodb_cmp",
  ])
    check(`mysql_exporter_collector_success{collector="collect.${part}"}`, 1);
  expect(readingOf(text, "mysql_global_status_uptime")).toBeGreaterThanOrEqual(0);
  expect(readingOf(text, 'mysql_global_status_buffer_pool_pages{state="free"}')).toBeGreaterThan(0);
  expect(text).toMatch(/mysql_version_info\{.*version="\d+\.[^"]*MariaDB/);
  expect(text.split("\n").length).toBeGreaterThan(1000);

  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, "p@s:s/w\n");
  const bySocket = collector(`watcher@unix(${join(directory, "m.sock")})/`, { passwordFile });
  expect(readingOf(await bySocket.collect(never), "mysql_up")).toBe(1);

  const wrong = collector(`mysql://watcher:secret@127.0.0.1:${port}/`);
  expect(await wrong.collect(never)).toMatch(/^mysql_up 0$/m);
  expect(failures.join()).toContain("Access denied");
  expect(failures.join()).not.toContain("secret");

  // A replica that cannot reach its source shows so.
  const root = await openMysql(parseDsn(`root@unix(${join(directory, "m.sock")})/`), {
    password: "",
    tls: { mode: "off", caFile: "" },
    timeoutMs: 5_000,
    signal: never,
  });
  await root.rows("CHANGE MASTER TO MASTER_HOST='192.0.2.1', MASTER_USER='nobody'");
  text = await mysql.collect(never);
  check('mysql_slave_status_slave_sql_running{master_host="192.0.2.1"}', 0);
  root.close();

  server.kill("SIGTERM");
  await exited;
  const down = await mysql.collect(never);
  expect(down).toMatch(/^mysql_up 0$/m);
  expect(down).not.toContain("mysql_global_status");
});
