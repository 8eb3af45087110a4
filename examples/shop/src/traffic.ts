/** The traffic generator: customers who look around and buy. It goes on whatever happens to the shop. */
import { getTelemetry } from "@triptych/telemetry";
import { startService } from "./service.ts";

/** Slow answers pile up to this many; customers who come then go away again. */
const concurrencyMax = 50;
const timeoutMs = 25_000;
/** One line about trouble in this time is enough. */
const complainEveryMs = 30_000;

const base = process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8080";
const telemetry = getTelemetry("traffic");

async function visit(method: "GET" | "POST", path: string): Promise<void> {
  const response = await fetch(base + path, { method, signal: AbortSignal.timeout(timeoutMs) });
  await response.arrayBuffer();
}

/** Calls `act` about `perSecond` times a second, at random distances like real customers. */
function repeat(perSecond: number, act: () => Promise<void>): () => void {
  let running = 0;
  let complainedMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout;
  const complain = (error: unknown) => {
    if (performance.now() - complainedMs < complainEveryMs) return;
    complainedMs = performance.now();
    telemetry.logWarning("the shop does not answer", {}, error);
  };
  const next = () => {
    timer = setTimeout(next, (-Math.log(1 - Math.random()) * 1000) / perSecond);
    if (running >= concurrencyMax) return;
    running++;
    void act()
      .catch(complain)
      .finally(() => running--);
  };
  timer = setTimeout(next, 1000 / perSecond);
  return () => clearTimeout(timer);
}

function readRate(name: string, fallback: number): number {
  const rate = Number(process.env[name] ?? fallback);
  if (!(rate > 0 && rate <= 1000)) throw new RangeError(`${name} is a number from 0 to 1000`);
  return rate;
}

await startService({
  name: "traffic",
  async run() {
    const stops = [
      repeat(readRate("CHECKOUTS_PER_SECOND", 9), () =>
        telemetry.trace("buy", () => visit("POST", "/checkout")),
      ),
      repeat(readRate("VISITS_PER_SECOND", 3), () =>
        telemetry.trace("browse", () => visit("GET", "/products")),
      ),
    ];
    return {
      close() {
        for (const stop of stops) stop();
      },
    };
  },
});
