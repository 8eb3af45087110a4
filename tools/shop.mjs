/**
 * Runs the demo shop's processes. As a module: `startShop`, for `npm start` and others. As a program,
 * `node tools/shop.mjs`: builds the shop and runs it until Ctrl-C, against `OTEL_EXPORTER_OTLP_ENDPOINT`.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildShop, shopFolder } from "./build-shop.mjs";

/** In this order, so that each finds the one it calls; `urlVariable` tells the later ones where it is. */
const services = [
  { name: "payment-service", urlVariable: "PAYMENT_URL" },
  { name: "order-service", urlVariable: "ORDER_URL" },
  { name: "gateway", urlVariable: "GATEWAY_URL" },
  { name: "traffic" },
];

/** The services end themselves within 2 s; what is left then is hung. */
const killAfterMs = 4_000;

/**
 * Starts every process and waits until each listens. Rejects, with nothing left running, when one cannot.
 * `env` is added to the processes' environment; `onLine(name, line)` hears what they write to standard error.
 * @returns {Promise<{ urls: Record<string, string>, pids: Record<string, number>, stop(): Promise<void> }>}
 */
export async function startShop({ env = {}, traffic = true, onLine = () => {} } = {}) {
  const urls = {};
  const running = new Map();
  const stop = async () => {
    await Promise.all([...running.values()].reverse().map(stopProcess));
  };
  const known = { ...process.env, ...env };
  for (const service of services.filter(({ name }) => traffic || name !== "traffic")) {
    try {
      const { child, port } = await startProcess(service.name, { env: known, onLine });
      running.set(service.name, child);
      if (port === undefined) continue;
      urls[service.name] = `http://127.0.0.1:${port}`;
      known[service.urlVariable] = urls[service.name];
    } catch (error) {
      await stop();
      throw error;
    }
  }
  const pids = Object.fromEntries([...running].map(([name, child]) => [name, child.pid]));
  return { urls, pids, stop };
}

function startProcess(name, { env, onLine }) {
  // A small young generation keeps five Node processes on a laptop small; the shop makes little garbage.
  const args = ["--max-semi-space-size=2", join(shopFolder, "dist", `${name}.js`)];
  // A process group of its own: Ctrl-C reaches the launcher only, which then stops them in order.
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe", "ipc"], detached: true });
  let last = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    for (const line of text.split("\n").filter(Boolean)) {
      last = line;
      onLine(name, line);
    }
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${name} did not start (${last || `exit code ${code}`})`)));
    child.once("message", ({ port }) => {
      child.removeAllListeners("exit");
      child.once("exit", (code, signal) => {
        if (code !== 0) onLine(name, `ended by itself (${signal ?? `exit code ${code}`})`);
      });
      resolve({ child, port });
    });
  });
}

function stopProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    child.removeAllListeners("exit");
    child.once("exit", () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

async function main() {
  await buildShop();
  const onLine = (name, line) => process.stderr.write(`${name}: ${line}\n`);
  const shop = await startShop({ onLine, traffic: process.env.SHOP_TRAFFIC !== "off" });
  process.stdout.write(`${JSON.stringify({ urls: shop.urls, pids: shop.pids })}\n`);
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    void shop.stop().then(() => process.exit(0));
  };
  for (const event of ["SIGINT", "SIGTERM", "disconnect"]) process.on(event, end);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  });
}
