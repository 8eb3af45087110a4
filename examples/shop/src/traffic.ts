/** The traffic generator: customers who look around and buy. It goes on whatever happens to the shop. */
import { getTelemetry } from "@triptych/telemetry";
import { readNumber, startService } from "./service.ts";

/** Slow answers pile up to this many. */
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

/** Calls `act` about `perSecond` times a second, at random distances like real customers. 0: never. */
function repeat(perSecond: number, act: () => Promise<void>): () => void {
  let running = 0;
  let complainedMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const complain = (error: unknown) => {
    if (performance.now() - complainedMs < complainEveryMs) return;
    complainedMs = performance.now();
    telemetry.logWarning("the shop does not answer", {}, error);
  };
  const next = () => {
    timer = setTimeout(next, (-Math.log(1 - Math.random()) * 1000) / perSecond);
    if (running >= concurrencyMax) return; // this customer goes away again
    running++;
    void act()
      .catch(complain)
      .finally(() => running--);
  };
  if (perSecond > 0) next();
  return () => clearTimeout(timer);
}

await startService({
  name: "traffic",
  async run() {
    const stops = [
      repeat(readNumber("CHECKOUTS_PER_SECOND", 8), () =>
        telemetry.trace("buy", () => visit("POST", "/checkout")),
      ),
      repeat(readNumber("VISITS_PER_SECOND", 2), () =>
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
