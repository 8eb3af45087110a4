/**
 * A small ClickHouse server: the HTTP interface as far as the official client and our remote driver use it, before
 * chDB. Its own process, because chDB belongs on a main thread and because tests kill it. Arguments: directory, port,
 * database to create (or `-`).
 */
import { randomUUID } from "node:crypto";
import { createWriteStream, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type FrontFaults, type FrontMessage, noFaults } from "./faults.ts";
import { openSessions, quoted } from "./sessions.ts";

const [directory = "", portText = "0", database = "-"] = process.argv.slice(2);
const sessions = openSessions(directory, 4);
let faults: FrontFaults = noFaults;
let inserts = 0;
let dropped = 0;
const sockets = new Set<Socket>();

/** Names that are not settings of the query. */
interface Asked {
  readonly text: string;
  readonly database: string | undefined;
  readonly queryId: string;
  readonly format: string | undefined;
  readonly params: Map<string, string>;
}

function parse(url: URL, body: string): Asked {
  const params = new Map<string, string>();
  for (const [name, value] of url.searchParams)
    if (name.startsWith("param_")) params.set(name.slice("param_".length), value);
  const inAddress = url.searchParams.get("query") ?? "";
  const whole = [inAddress, body]
    .filter((part) => part !== "")
    .join("\n")
    .trim();
  const text = whole.replace(/;\s*$/, "");
  const found = /\bFORMAT\s+(\w+)\s*$/i.exec(text);
  return {
    text: found === null ? text : text.slice(0, found.index),
    database: url.searchParams.get("database") ?? undefined,
    queryId: url.searchParams.get("query_id") ?? randomUUID(),
    format: found?.[1] ?? url.searchParams.get("default_format") ?? undefined,
    params,
  };
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** At 1 KiB a second in the slow mode, as it comes otherwise. */
function throttled(request: IncomingMessage): Readable {
  if (faults.mode !== "slow") return request;
  return Readable.from(
    (async function* () {
      for await (const chunk of request) {
        const bytes = chunk as Buffer;
        for (let at = 0; at < bytes.length && faults.mode === "slow"; at += 256) {
          yield bytes.subarray(at, at + 256);
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
        if (faults.mode !== "slow") throw new Error("the slow connection was reset");
      }
    })(),
  );
}

async function insert(asked: Asked, request: IncomingMessage): Promise<void> {
  const file = join(tmpdir(), `front-${process.pid}-${randomUUID()}.native`);
  try {
    await pipeline(throttled(request), createWriteStream(file));
    if (faults.mode === "too_many_parts")
      throw new Error("Code: 252. DB::Exception: Too many parts (10000). (TOO_MANY_PARTS)");
    if (faults.commitDelayMs > 0) {
      running.add(asked.queryId);
      await new Promise((resolve) => setTimeout(resolve, faults.commitDelayMs));
    }
    const text = asked.text.replace(
      /\binput\(('(?:[^'\\]|\\.)*')\)/,
      (_all, structure: string) => `file(${quoted(file)}, Native, ${structure})`,
    );
    await sessions.run({ ...asked, text, format: "Null" });
    inserts++;
  } finally {
    running.delete(asked.queryId);
    rmSync(file, { force: true });
  }
}

/** Inserts that wait to be committed: a server would list them among its processes. */
const running = new Set<string>();

function withProcesses(text: string): string {
  const ids = [...running].map(quoted).join(", ");
  return text.replace(
    /\bsystem\.processes\b/,
    `(SELECT arrayJoin(['', ${ids || "''"}]) AS query_id)`,
  );
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://front");
  if (url.pathname === "/ping") return void response.end("Ok.\n");
  const head = url.searchParams.get("query") ?? "";
  const isInsert = /^\s*INSERT\b/i.test(head);
  const asked = parse(url, isInsert ? "" : await readText(throttled(request)));
  if (isInsert) await insert(asked, request);
  if (isInsert && Math.random() < faults.dropAfterCommit) {
    dropped++;
    request.socket.resetAndDestroy();
    return;
  }
  const format = asked.format ?? "TabSeparated";
  const answer = isInsert
    ? { bytes: new Uint8Array(0), rowsRead: 0, bytesRead: 0 }
    : await sessions.run({ ...asked, text: withProcesses(asked.text), format });
  response.writeHead(200, {
    "content-type": format === "JSON" ? "application/json" : "application/octet-stream",
    "x-clickhouse-query-id": asked.queryId,
    "x-clickhouse-format": format,
    "x-clickhouse-summary": JSON.stringify({
      read_rows: String(answer.rowsRead),
      read_bytes: String(answer.bytesRead),
      written_rows: "0",
      written_bytes: "0",
    }),
  });
  response.end(answer.bytes);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const text = error instanceof Error ? error.message : String(error);
  const found = /Code: (\d+)/.exec(text);
  const code = found?.[1] ?? "1000";
  const status = code === "81" || code === "60" ? 404 : code === "62" ? 400 : 500;
  const from = found === null ? `Code: ${code}. DB::Exception: ${text}` : text.slice(found.index);
  response.writeHead(status, {
    "content-type": "text/plain; charset=UTF-8",
    "x-clickhouse-exception-code": code,
  });
  response.end(`${from}\n`);
}

const server = createServer((request, response) => {
  if (faults.mode === "hang") return;
  if (faults.mode === "down") {
    response.writeHead(503, { "content-type": "text/html" });
    response.end("<html>upstream is away</html>");
    return;
  }
  serve(request, response).catch((error: unknown) => fail(response, error));
});
server.requestTimeout = 0;
server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  if (faults.mode === "half_open") socket.pause();
});

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

const tell = (message: FrontMessage): void => void process.send?.(message);
if (database !== "-")
  await sessions.run({
    text: `CREATE DATABASE IF NOT EXISTS ${database}`,
    database: undefined,
    format: "Null",
    params: new Map(),
  });
const port = await listen(Number(portText));
tell({ kind: "listening", port });

process.on("message", (message: Partial<FrontFaults>) => {
  faults = { ...faults, ...message };
  void (async () => {
    // Whoever is connected meets the new state, as after a failover.
    if (message.mode !== undefined) for (const socket of sockets) socket.destroy();
    if (faults.mode === "refuse") await new Promise((resolve) => server.close(resolve));
    else if (!server.listening) await listen(port);
    tell({ kind: "faults_set", inserts, dropped });
  })();
});
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => {
  sessions.close();
  process.exit(0);
});
