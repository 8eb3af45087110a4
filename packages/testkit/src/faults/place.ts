/** F5, F17: the disk is full, taken, read-only or forbidden; a port is taken. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { openAckLedger } from "../ack-ledger.ts";
import { freePort } from "../free-port.ts";
import { createGrpcClient, createHttpClient } from "../otlp-client.ts";
import { encodePayload } from "../otlp-payload.ts";
import { type Exit, type RunningServer, startServer } from "../start-server.ts";
import { expectThat, type FaultCase, type Figures, pause, percentile, Skipped } from "./case.ts";
import { createLoad } from "./load.ts";
import { drained, expectExact, verifyEmbedded } from "./verify.ts";

const MiB = 1024 * 1024;

/** A file system of its own in a file; the caller unmounts it. */
function mountDisk(directory: string, bytes: number): string {
  if (process.getuid?.() !== 0) throw new Skipped("needs root to mount a small disk");
  const image = join(directory, "disk.img");
  const mount = join(directory, "disk");
  mkdirSync(mount);
  execFileSync("truncate", ["-s", String(bytes), image]);
  try {
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", image], { stdio: "pipe" });
    execFileSync("mount", ["-o", "loop", image, mount], { stdio: "pipe" });
  } catch (error) {
    throw new Skipped(
      `cannot mount a loop device here: ${(error as Error).message.split("\n")[0]}`,
    );
  }
  return mount;
}

/** Takes all free space. */
function fill(path: string): void {
  spawnSync("dd", ["if=/dev/zero", `of=${path}`, "bs=1M"], { stdio: "ignore" });
  // What is left after whole megabytes.
  spawnSync("dd", ["if=/dev/zero", `of=${path}2`, "bs=4k"], { stdio: "ignore" });
}

function unmount(mount: string): void {
  for (let i = 0; i < 20; i++) {
    if (spawnSync("umount", [mount], { stdio: "ignore" }).status === 0) return;
    spawnSync("sleep", ["0.2"]);
  }
}

async function queryWorks(server: RunningServer): Promise<boolean> {
  const to = Date.now() * 1000;
  const url = `${server.url}/jaeger/api/traces?service=testkit&limit=5&start=${to - 3_600_000_000}&end=${to}`;
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    (answer) => answer.ok,
    () => false,
  );
}

/** Sends one small request each over HTTP and gRPC until neither is taken; returns how long the refusals took. */
async function refusals(server: RunningServer, nowMs: number): Promise<number[]> {
  const http = createHttpClient(server.otlpHttpUrl, "protobuf");
  const grpc = createGrpcClient(server.otlpGrpcUrl);
  const ms: number[] = [];
  // Ids of a key that nobody counts.
  const body = (i: number) =>
    encodePayload(
      { signal: "logs", firstId: i * 1_000, rows: 500, idKey: "other", nowMs },
      "protobuf",
    );
  try {
    for (let i = 0; i < 20; i++) {
      for (const [name, client] of [
        ["HTTP", http],
        ["gRPC", grpc],
      ] as const) {
        const answer = await client.send("logs", body(i * 2 + (name === "HTTP" ? 0 : 1)));
        if (answer.status === 200) continue;
        const want = name === "HTTP" ? 503 : 1014;
        expectThat(answer.status === want, `${name} on a full disk answers ${answer.status}`);
        expectThat(answer.retryAfterSeconds !== undefined, `${name} says when to try again`);
        ms.push(answer.ms);
      }
    }
    return ms;
  } finally {
    http.close();
    grpc.close();
  }
}

const diskFull: FaultCase = {
  name: "F5",
  title: "the disk is full for a while",
  async run({ directory, rng, short, log }) {
    const mount = mountDisk(directory, 1_024 * MiB);
    let server: RunningServer | undefined;
    try {
      const dataDir = join(mount, "data");
      const ledger = openAckLedger(join(directory, "acked"));
      const load = createLoad({ rng, ledger });
      server = await startServer({ dataDir });
      const sending = load.start(server);
      await pause(2_000);
      expectThat(await queryWorks(server), "queries work before");
      const filler = join(mount, "filler");
      fill(filler);
      const hold = performance.now() + (short ? 6_000 : 30_000);
      let refused: number[] = [];
      while (performance.now() < hold) {
        fill(`${filler}-more`);
        refused = refused.concat(await refusals(server, Date.now()));
        expectThat(await queryWorks(server), "queries work on a full disk");
        await pause(200);
      }
      expectThat(refused.length > 0, "a full disk refuses");
      log(`${refused.length} refusals, slowest ${Math.round(Math.max(...refused))} ms`);
      expectThat(Math.max(...refused) <= 1_000, `a refusal took ${Math.max(...refused)} ms`);
      const freed = performance.now();
      for (const name of readdirSync(mount))
        if (name.startsWith("filler")) rmSync(join(mount, name));
      const acked = load.acked;
      while (load.acked <= acked && performance.now() - freed < 15_000) await pause(20);
      const resumeMs = performance.now() - freed;
      expectThat(resumeMs <= 10_000, `requests were refused ${resumeMs} ms after space was freed`);
      await pause(500);
      await sending.stop();
      await load.finish(server, 30_000);
      await drained(server, 60_000);
      const exit = await server.stop();
      expectThat(exit.code === 0, `the process ended with ${exit.code ?? exit.signal}`);
      const verdict = await verifyEmbedded(dataDir, load.sent, ledger.ids());
      expectExact(verdict);
      return {
        ...verdict,
        refusals: refused.length,
        refusalMsP99: percentile(refused, 0.99),
        resumeMs: Math.round(resumeMs),
      };
    } finally {
      await server?.kill();
      unmount(mount);
    }
  },
};

/** Names, sizes and content of everything below a directory. */
function fingerprint(directory: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(directory, name);
    const stat = statSync(path);
    hash.update(`${name} ${stat.isFile() ? stat.size : "d"}\n`);
    if (stat.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

async function refusedStart(
  name: string,
  options: Parameters<typeof startServer>[0],
  says: RegExp,
): Promise<void> {
  const server = await startServer({ ...options, waitReady: false });
  const timer = setTimeout(() => void server.kill(), 15_000);
  const exit: Exit = await server.exited;
  clearTimeout(timer);
  const lines = server.logs().trim().split("\n");
  expectThat(exit.code === 2, `${name}: exit ${exit.code ?? exit.signal}\n${server.logs()}`);
  expectThat(lines.length === 1, `${name}: ${lines.length} lines\n${server.logs()}`);
  expectThat(says.test(server.logs()), `${name}: says ${server.logs()}`);
}

const wrongPlace: FaultCase = {
  name: "F17",
  title: "two processes on one directory, taken ports, forbidden directories",
  async run({ directory, rng }): Promise<Figures> {
    const dataDir = join(directory, "data");
    const ledger = openAckLedger(join(directory, "acked"));
    const load = createLoad({ rng, ledger });
    const first = await startServer({ dataDir });
    const sending = load.start(first);
    await pause(300);
    await sending.stop();
    let refused = 0;
    for (let i = 0; i < 3; i++, refused++)
      await refusedStart("a second process", { dataDir }, /in use by process \d+/);
    await load.finish(first, 10_000);
    await first.stop();
    const before = fingerprint(dataDir);

    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    for (const which of ["http", "otlpHttp", "otlpGrpc"] as const) {
      const ports = {
        http: await freePort(),
        otlpHttp: await freePort(),
        otlpGrpc: await freePort(),
        [which]: port,
      };
      const other = join(directory, `port-${which}`);
      await refusedStart(
        `taken ${which} port`,
        { dataDir: other, ports },
        /another process|in use/,
      );
      refused++;
    }
    taken.close();

    const blocked = join(directory, "a-file");
    writeFileSync(blocked, "not a directory");
    await refusedStart(
      "a file as directory",
      { dataDir: blocked },
      /cannot use the data directory/,
    );
    await refusedStart("below a file", { dataDir: join(blocked, "x") }, /cannot use the data/);
    refused += 2;
    const format = join(directory, "newer");
    mkdirSync(format);
    writeFileSync(join(format, "FORMAT.json"), '{"format":99,"engine":"chdb"}\n');
    const newer = fingerprint(format);
    await refusedStart("a newer format", { dataDir: format }, /format 99/);
    expectThat(fingerprint(format) === newer, "a directory of another format is not touched");
    refused++;
    refused += await readOnly(directory);
    expectThat(fingerprint(dataDir) === before, "refused starts leave the data alone");
    const verdict = await verifyEmbedded(dataDir, load.sent, ledger.ids());
    expectExact(verdict);
    return { refusedStarts: refused, ...verdict };
  },
};

/** A read-only mount as root; as anyone else, a directory without permission. */
async function readOnly(directory: string): Promise<number> {
  if (process.getuid?.() !== 0) {
    const forbidden = join(directory, "forbidden");
    mkdirSync(forbidden);
    chmodSync(forbidden, 0o500);
    await refusedStart("no permission", { dataDir: forbidden }, /cannot use the data directory/);
    return 1;
  }
  const mount = mountDisk(directory, 64 * MiB);
  try {
    mkdirSync(join(mount, "data"));
    execFileSync("mount", ["-o", "remount,ro", mount], { stdio: "pipe" });
    await refusedStart(
      "read-only",
      { dataDir: join(mount, "data") },
      /cannot use the data directory/,
    );
    return 1;
  } finally {
    unmount(mount);
  }
}

export const placeCases: readonly FaultCase[] = [diskFull, wrongPlace];
