/** How fast the server is there, on an empty and on a small store, and what it holds when nothing happens. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause, percentile } from "../faults/case.ts";
import { drained } from "../faults/verify.ts";
import { createHttpClient } from "../otlp-client.ts";
import { startServer } from "../start-server.ts";
import { benchBody } from "./payload.ts";
import type { Row } from "./table.ts";

const RUNS = 5;
const IDLE_MS = 10_000;

export async function benchStart(nodeArgs: readonly string[]): Promise<Row[]> {
  const emptyMs: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const server = await startServer({ nodeArgs });
    emptyMs.push(server.readyMs);
    await server.stop();
  }
  const dataDir = mkdtempSync(join(tmpdir(), "triptych-bench-"));
  try {
    const first = await startServer({ dataDir, nodeArgs });
    const client = createHttpClient(first.otlpHttpUrl, "protobuf");
    for (const signal of ["traces", "logs"] as const) {
      const body = benchBody(signal, 500, Date.now());
      for (let i = 0; i < 100; i++) await client.send(signal, body.fill(i));
    }
    client.close();
    await drained(first, 60_000);
    await first.stop();
    const smallMs: number[] = [];
    let idle = 0;
    for (let i = 0; i < RUNS; i++) {
      const server = await startServer({ dataDir, nodeArgs });
      smallMs.push(server.readyMs);
      if (i === 0) {
        await pause(IDLE_MS);
        idle = server.memory().resident;
      }
      await server.stop();
    }
    return [
      {
        name: "ready, empty store",
        value: percentile(emptyMs, 0.5),
        unit: "ms",
        budget: 1_500,
        better: "less",
      },
      {
        name: "ready, 100,000 rows",
        value: percentile(smallMs, 0.5),
        unit: "ms",
        budget: 1_500,
        better: "less",
      },
      {
        name: "resident after 10 s idle",
        value: idle / 1024 / 1024,
        unit: "MiB",
        budget: 350,
        better: "less",
      },
    ];
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}
