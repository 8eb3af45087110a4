/** Servers that take remote write and answer PromQL: ours, and those of the machine to stand beside it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { startServer } from "../start-server.ts";
import { nothingKept } from "./nothing-kept.ts";

export interface MetricsServer {
  readonly name: string;
  readonly writeUrl: string;
  /** Before `/query` and `/query_range`. */
  readonly apiUrl: string;
  residentBytes(): number;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

export async function startOurs(
  dataDir: string,
  nodeArgs: readonly string[],
): Promise<MetricsServer> {
  const { args, remove } = nothingKept();
  const server = await startServer({ dataDir, nodeArgs, args });
  return {
    name: "triptych",
    writeUrl: `${server.url}/api/v1/write`,
    apiUrl: `${server.url}/api/v1`,
    residentBytes: () => server.memory().resident,
    cpuSeconds: () => server.cpuSeconds(),
    async stop() {
      await server.stop();
      remove();
    },
  };
}

/** Those that are installed; none on most machines. */
export async function startPeers(): Promise<MetricsServer[]> {
  const peers: MetricsServer[] = [];
  if (has("prometheus"))
    peers.push(
      await startPeer("prometheus", "/api/v1/write", (directory, port) => {
        const file = join(directory, "prometheus.yml");
        writeFileSync(file, "{}\n");
        return [
          `--config.file=${file}`,
          `--storage.tsdb.path=${join(directory, "data")}`,
          `--web.listen-address=127.0.0.1:${port}`,
          "--web.enable-remote-write-receiver",
        ];
      }),
    );
  if (has("victoria-metrics"))
    peers.push(
      await startPeer("victoria-metrics", "/api/v1/write", (directory, port) => [
        `-storageDataPath=${join(directory, "data")}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        "-search.disableCache",
      ]),
    );
  return peers;
}

function has(program: string): boolean {
  return spawnSync("which", [program], { stdio: "ignore" }).status === 0;
}

async function startPeer(
  name: string,
  writePath: string,
  args: (directory: string, port: number) => readonly string[],
): Promise<MetricsServer> {
  const directory = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  const port = await freePort();
  const child = spawn(name, args(directory, port), { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries++) {
    const ok = await fetch(`${url}/api/v1/query?query=1`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    name,
    writeUrl: url + writePath,
    apiUrl: `${url}/api/v1`,
    residentBytes: () => residentOf(child),
    cpuSeconds: () => cpuOf(child),
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await gone;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function residentOf({ pid }: ChildProcess): number {
  const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}

function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
