/** Starts the front in its own process, sets its faults, and asks it questions past its faults' reach. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FrontFaults, FrontMessage } from "./faults.ts";

export interface ClickhouseFront {
  readonly url: string;
  readonly pid: number;
  /** Resolves when they are in force, with what was counted so far. */
  setFaults(faults: Partial<FrontFaults>): Promise<{ inserts: number; dropped: number }>;
  /** Rows of an answer in JSONCompact. */
  query(text: string): Promise<unknown[][]>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export async function startClickhouseFront(options: {
  readonly directory: string;
  readonly port?: number;
  /** Created when missing; none unless given, as in a new ClickHouse. */
  readonly database?: string;
}): Promise<ClickhouseFront> {
  const child = fork(
    fileURLToPath(new URL("./front-main.ts", import.meta.url)),
    [options.directory, String(options.port ?? 0), options.database ?? "-"],
    {
      execArgv: ["--import", "tsx"],
      env: { ...process.env, UV_THREADPOOL_SIZE: "8", NODE_OPTIONS: "" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const next = <K extends FrontMessage["kind"]>(kind: K) =>
    new Promise<Extract<FrontMessage, { kind: K }>>((resolve, reject) => {
      const onMessage = (message: FrontMessage): void => {
        if (message.kind !== kind) return;
        child.off("message", onMessage);
        resolve(message as Extract<FrontMessage, { kind: K }>);
      };
      child.on("message", onMessage);
      void exited.then(() => reject(new Error("the ClickHouse front ended")));
    });
  const { port } = await next("listening");
  const url = `http://127.0.0.1:${port}`;
  const end = (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    return exited;
  };
  return {
    url,
    pid: child.pid ?? 0,
    async setFaults(faults) {
      const set = next("faults_set");
      child.send(faults);
      const { inserts, dropped } = await set;
      return { inserts, dropped };
    },
    async query(text) {
      const answer = await fetch(`${url}/`, { method: "POST", body: `${text} FORMAT JSONCompact` });
      const body = await answer.text();
      if (!answer.ok) throw new Error(`${text}: ${body}`);
      // A statement that gives no rows has no answer at all.
      return body === "" ? [] : (JSON.parse(body) as { data: unknown[][] }).data;
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}
