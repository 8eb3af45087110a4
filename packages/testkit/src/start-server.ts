/** Runs the real server as a child process on free ports, for tests, fault runs and benchmarks. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";

export interface ServerPorts {
  readonly http: number;
  readonly otlpHttp: number;
  readonly otlpGrpc: number;
}

export interface StartServerOptions {
  /** Kept when given; otherwise a temporary one that `stop` and `kill` remove. */
  readonly dataDir?: string;
  /** More arguments of `triptych up`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly ports?: ServerPorts;
  /** The program; `TRIPTYCH_ENTRY` or the built server unless given. */
  readonly entry?: string;
  readonly readyMsMax?: number;
  /** False returns as soon as the process runs. */
  readonly waitReady?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningServer {
  readonly url: string;
  readonly otlpHttpUrl: string;
  readonly otlpGrpcUrl: string;
  readonly ports: ServerPorts;
  readonly dataDir: string;
  readonly pid: number;
  /** Milliseconds from spawn to the first good `/readyz`; 0 when that was not waited for. */
  readonly readyMs: number;
  /** What the process wrote, the last megabyte of it. */
  logs(): string;
  ready(msMax?: number): Promise<void>;
  /** Bytes: resident now, the most there was, and the part that is not pages of files. Zero where the system does not tell. */
  memory(): { resident: number; peak: number; anonymous: number };
  /** User and system CPU seconds so far. */
  cpuSeconds(): number;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<Exit>;
  /** SIGTERM, and waits. */
  stop(): Promise<Exit>;
}

export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url));

export function defaultEntry(): string {
  return process.env["TRIPTYCH_ENTRY"] ?? join(repositoryRoot, "packages/server/bin/triptych.cjs");
}

const LOG_CHARS_MAX = 1_000_000;

export async function startServer(options: StartServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "triptych-data-"));
  const ports = options.ports ?? {
    http: await freePort(),
    otlpHttp: await freePort(),
    otlpGrpc: await freePort(),
  };
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...(options.nodeArgs ?? []),
      options.entry ?? defaultEntry(),
      "up",
      ...["--data", dataDir, "--http", String(ports.http)],
      ...["--otlp-http", String(ports.otlpHttp), "--otlp-grpc", String(ports.otlpGrpc)],
      ...(options.args ?? []),
    ],
    { env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const logs = collect(child);
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", () => resolve({ code: 127, signal: null }));
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  let ended: Exit | undefined;
  void exited.then((exit) => {
    ended = exit;
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  });
  const end = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  let readyMs = 0;
  const pid = child.pid ?? 0;
  const url = `http://127.0.0.1:${ports.http}`;
  const ready = async (msMax = options.readyMsMax ?? 30_000): Promise<void> => {
    const deadline = performance.now() + msMax;
    for (;;) {
      if (ended !== undefined)
        throw new Error(`the server ended (${ended.code ?? ended.signal}):\n${logs()}`);
      const good = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.ok;
        },
        () => false,
      );
      if (good) return;
      if (performance.now() > deadline) throw new Error(`not ready in ${msMax} ms:\n${logs()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  if (options.waitReady !== false) {
    try {
      await ready();
    } catch (error) {
      await end("SIGKILL");
      throw error;
    }
    readyMs = performance.now() - started;
  }
  return {
    url,
    otlpHttpUrl: `http://127.0.0.1:${ports.otlpHttp}`,
    otlpGrpcUrl: `http://127.0.0.1:${ports.otlpGrpc}`,
    ports,
    dataDir,
    pid,
    readyMs,
    logs,
    ready,
    memory: () => memoryOf(pid),
    cpuSeconds: () => cpuSecondsOf(pid),
    signal: (signal) => void child.kill(signal),
    exited,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}

function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      text = (text + chunk).slice(-LOG_CHARS_MAX);
    });
  }
  return () => text;
}

function memoryOf(pid: number): { resident: number; peak: number; anonymous: number } {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return { resident: 0, peak: 0, anonymous: 0 };
  try {
    const text = readFileSync(file, "utf8");
    const kiB = (name: string): number =>
      Number(text.split(`${name}:`)[1]?.trim().split(" ")[0] ?? 0);
    return {
      resident: kiB("VmRSS") * 1024,
      peak: kiB("VmHWM") * 1024,
      anonymous: kiB("RssAnon") * 1024,
    };
  } catch {
    return { resident: 0, peak: 0, anonymous: 0 };
  }
}

/** Linux counts in ticks of 10 ms. */
const TICKS_PER_SECOND = 100;

function cpuSecondsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
