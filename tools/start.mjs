/**
 * `npm start`: installs, builds, runs the server with the demo shop beside it, and stops both on Ctrl-C.
 * Arguments after `--` go to `triptych up`. What the processes write goes to files under `.triptych/logs`.
 */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "./build.mjs";
import { buildShop } from "./build-shop.mjs";
import { ensureInstalled, root } from "./setup.mjs";
import { startShop } from "./shop.mjs";

const readyWithinMs = 60_000;
/** The server flushes its journal; after this it is taken for hung. */
const serverStopMs = 10_000;
/** As much of the server's last words as fits on a screen. */
const tailLinesMax = 20;

const args = process.argv.slice(2);
const ports = {
  http: Number(readFlag("--http") ?? 4320),
  otlpGrpc: Number(readFlag("--otlp-grpc") ?? 4317),
  otlpHttp: Number(readFlag("--otlp-http") ?? 4318),
  gateway: Number(process.env.GATEWAY_PORT ?? 8080),
  orders: Number(process.env.ORDER_PORT ?? 8081),
  payments: Number(process.env.PAYMENT_PORT ?? 8082),
};
const purposes = {
  http: "the UI and the HTTP APIs, see --http",
  otlpGrpc: "OTLP over gRPC, see --otlp-grpc",
  otlpHttp: "OTLP over HTTP, see --otlp-http",
  gateway: "the shop's gateway, see GATEWAY_PORT",
  orders: "the shop's order-service, see ORDER_PORT",
  payments: "the shop's payment-service, see PAYMENT_PORT",
};

/** The value of `--name value` or `--name=value`; the last one counts, as for the command itself. */
function readFlag(name) {
  let value;
  for (const [i, arg] of args.entries()) {
    if (arg === name) value = args[i + 1];
    else if (arg.startsWith(`${name}=`)) value = arg.slice(name.length + 1);
  }
  return value;
}

/** An error whose message is all the user needs, and the exit code that goes with it. */
class StartError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

async function refuseBusyPorts() {
  for (const [key, port] of Object.entries(ports)) {
    const host = purposes[key].startsWith("the shop's") ? "127.0.0.1" : (readFlag("--listen") ?? "127.0.0.1");
    const problem = await tryPort(port, host);
    if (problem === undefined) continue;
    const reason = problem.code === "EADDRINUSE" ? "is in use" : `cannot be had (${problem.code})`;
    throw new StartError(`Port ${port} ${reason}: it is needed for ${purposes[key]}`, 2);
  }
}

function tryPort(port, host) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", resolve);
    try {
      probe.listen(port, host, () => probe.close(() => resolve(undefined)));
    } catch (error) {
      resolve(error); // not a port at all
    }
  });
}

function openLog(name) {
  const folder = join(root, ".triptych", "logs");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.log`);
  const stream = createWriteStream(path);
  const tail = [];
  return {
    path,
    write(line) {
      stream.write(`${line}\n`);
      tail.push(line);
      if (tail.length > tailLinesMax) tail.shift();
    },
    tail: () => tail.join("\n"),
  };
}

function startServer(log) {
  const command = [join(root, "packages", "server", "bin", "triptych.cjs"), "up", "--demo", ...args];
  // In a process group of its own, so that Ctrl-C reaches us alone and the shop can flush before the server ends.
  const child = spawn(process.execPath, command, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) log.write(line);
    });
    stream.on("end", () => rest && log.write(rest));
  }
  // "close", not "exit": by then its last words have been read.
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return {
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), serverStopMs);
      await ended;
      clearTimeout(kill);
    },
    kill: () => child.kill("SIGKILL"),
  };
}

async function waitUntilReady(server, log) {
  const url = `http://127.0.0.1:${ports.http}/readyz`;
  let how;
  void server.ended.then((reason) => {
    how = reason;
  });
  const deadlineMs = performance.now() + readyWithinMs;
  while (performance.now() < deadlineMs) {
    if (how !== undefined) throw new StartError(`The server did not start (${how}):\n${log.tail()}`);
    const ready = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await delay(50);
  }
  throw new StartError(`The server was not ready within ${readyWithinMs / 1000} s, see ${log.path}`);
}

async function main() {
  const started = [];
  let stopping;
  const stopAll = () => {
    stopping ??= (async () => {
      for (const part of started.reverse()) await part.stop();
    })();
    return stopping;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (stopping !== undefined && signal === "SIGINT") {
        for (const part of started) part.kill?.();
      }
      void stopAll().then(() => process.exit(0));
    });
  }
  try {
    ensureInstalled();
    await refuseBusyPorts();
    await Promise.all([build(), buildShop()]);
    const serverLog = openLog("server");
    const server = startServer(serverLog);
    started.push(server);
    await waitUntilReady(server, serverLog);
    const shopLog = openLog("shop");
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports.otlpHttp}` };
    const onLine = (name, line) => shopLog.write(`${name}: ${line}`);
    const shop = await startShop({ env, onLine });
    started.push(shop);
    if (stopping !== undefined) return await shop.stop();
    process.stdout.write(`Triptych is ready: http://127.0.0.1:${ports.http}\n`);
    process.stdout.write("The demo shop trades beside it; examples/shop/README.md tells how to make it fail.\n");
    const how = await server.ended;
    if (stopping === undefined) throw new StartError(`The server ended (${how}):\n${serverLog.tail()}`);
  } catch (error) {
    if (stopping !== undefined) return;
    await stopAll();
    process.stderr.write(`${error instanceof StartError ? error.message : error.stack}\n`);
    process.exit(error.exitCode ?? 1);
  }
}

await main();
