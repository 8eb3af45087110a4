/** Debian's redis-server: over TCP with a user, and over a Unix socket. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureProgram, freePort } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { realClock } from "../otlp/recording-next.ts";
import { createRedisCollector } from "./redis.ts";
import { openRedis, type RedisConnection } from "./resp.ts";

const run = promisify(execFile);
const PROGRAM = "redis-server";
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

const never = new AbortController().signal;

async function connected(port: number): Promise<RedisConnection> {
  for (let left = 200; ; left--)
    try {
      return await openRedis(
        { host: "127.0.0.1", port, socketPath: undefined, tls: undefined },
        never,
      );
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

function readingOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test("over TLS", { timeout: 60_000 }, async (context) => {
  const program = await ensureProgram(PROGRAM);
  if (program === undefined) return context.skip("no redis-server, and it cannot be installed");
  const hasOpenssl = await run("openssl", ["version"]).then(
    () => true,
    () => false,
  );
  if (!hasOpenssl) return context.skip("no openssl to make a certificate");
  const directory = mkdtempSync(join(tmpdir(), "triptych-redis-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
  ]);
  const port = await freePort();
  const server = spawn(
    program,
    [
      ...["--port", "0", "--tls-port", String(port), "--tls-cert-file", cert],
      ...["--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"],
      ...["--dir", directory, "--save", ""],
    ],
    { stdio: "ignore" },
  );
  const exited = new Promise((resolve) => server.once("close", resolve));
  cleanup.push(
    () => server.kill("SIGTERM"),
    () => exited,
    () => rmSync(directory, { recursive: true }),
  );
  const ask = async (tlsCaFile: string): Promise<string> => {
    const collector = createRedisCollector(
      { url: `rediss://localhost:${port}`, passwordFile: "", tlsCaFile, tlsInsecure: false },
      { clock: realClock, onFailure: () => {} },
    );
    const text = await collector.collect(never);
    await collector.close();
    return text;
  };
  let text = "";
  for (let left = 200; left > 0; left--) {
    text = await ask(cert);
    if (readingOf(text, "redis_up") === 1) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(readingOf(text, "redis_up")).toBe(1);
  // Nobody vouches for it.
  expect(readingOf(await ask(""), "redis_up")).toBe(0);
});

test("a real Redis", { timeout: 60_000 }, async (context) => {
  const program = await ensureProgram(PROGRAM);
  if (program === undefined) return context.skip("no redis-server, and it cannot be installed");
  const directory = mkdtempSync(join(tmpdir(), "triptych-redis-"));
  const port = await freePort();
  const socket = join(directory, "redis.sock");
  const server = spawn(
    program,
    ["--port", String(port), "--unixsocket", socket, "--dir", directory, "--save", ""],
    { stdio: "ignore" },
  );
  const exited = new Promise((resolve) => server.once("close", resolve));
  cleanup.push(
    () => server.kill("SIGTERM"),
    () => exited,
    () => rmSync(directory, { recursive: true }),
  );
  const admin = await connected(port);
  await admin.command("ACL", "SETUSER", "watcher", "on", ">p:w/d", "+@all");
  for (let i = 0; i < 25; i++) await admin.command("SET", `key ${i}`, "x", "EX", "1000");
  await admin.command("GET", "key 1");
  await admin.command("GET", "no such key");
  await admin.command("CONFIG", "SET", "maxmemory", "104857600");
  await expect(admin.command("LPUSH", "key 1", "x")).rejects.toThrow("WRONGTYPE");
  await admin.command("ACL", "SETUSER", "default", "resetpass", ">other");

  const failures: string[] = [];
  const collector = (url: string) => {
    const made = createRedisCollector(
      { url, passwordFile: "", tlsCaFile: "", tlsInsecure: false },
      { clock: realClock, onFailure: (message) => failures.push(message) },
    );
    cleanup.unshift(() => made.close());
    return made;
  };
  const over = collector(`redis://watcher:p%3Aw%2Fd@127.0.0.1:${port}`);
  expect(over.address).toBe(`127.0.0.1:${port}`);
  const text = await over.collect(never);
  const check = (series: string, want: number): void =>
    expect([series, readingOf(text, series)]).toEqual([series, want]);
  check("redis_up", 1);
  check('redis_db_keys{db="db0"}', 25);
  check('redis_db_keys_expiring{db="db0"}', 25);
  check('redis_commands_total{cmd="set"}', 25);
  check('redis_commands_failed_calls_total{cmd="lpush"}', 1);
  check('redis_errors_total{err="WRONGTYPE"}', 1);
  check("redis_keyspace_hits_total", 1);
  check("redis_keyspace_misses_total", 1);
  check("redis_memory_max_bytes", 104857600);
  check("redis_config_maxmemory", 104857600);
  check("redis_connected_slaves", 0);
  check("redis_slowlog_length", 0);
  check('redis_latency_percentiles_usec_count{cmd="set"}', 25);
  expect(readingOf(text, "redis_memory_used_bytes")).toBeGreaterThan(100_000);
  expect(readingOf(text, "redis_connected_clients")).toBe(2);
  expect(text).toMatch(/redis_instance_info\{role="master",redis_version="\d/);
  // The connection is kept.
  const again = await over.collect(never);
  expect(readingOf(again, "redis_connections_received_total")).toBe(
    readingOf(text, "redis_connections_received_total"),
  );

  expect(readingOf(await collector(`unix://:other@${socket}`).collect(never), "redis_up")).toBe(1);
  const bySocket = collector(`unix://watcher:p%3Aw%2Fd@local${socket}`);
  expect(readingOf(await bySocket.collect(never), "redis_up")).toBe(1);
  expect(failures).toEqual([]);

  const wrong = await collector(`redis://watcher:secret@127.0.0.1:${port}`).collect(never);
  expect(readingOf(wrong, "redis_up")).toBe(0);
  expect(wrong).toContain("WRONGPASS");
  expect(wrong).not.toContain("secret");

  // Gone, and back with the next collection.
  server.kill("SIGTERM");
  await exited;
  const down = await over.collect(never);
  expect(readingOf(down, "redis_up")).toBe(0);
  expect(down).not.toContain("redis_db_keys");
});
