/** F1, F2, F16: the process dies at a random moment, at a named one, or is told to end. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openAckLedger } from "../ack-ledger.ts";
import { freePort } from "../free-port.ts";
import { type RunningServer, repositoryRoot, startServer } from "../start-server.ts";
import {
  type CaseContext,
  expectThat,
  type FaultCase,
  type Figures,
  pause,
  percentile,
} from "./case.ts";
import { createLoad } from "./load.ts";
import { drained, expectExact, verifyEmbedded } from "./verify.ts";

async function scene(context: CaseContext, options: { rowsMax?: number; pauseMs?: number } = {}) {
  const dataDir = join(context.directory, "data");
  const ledger = openAckLedger(join(context.directory, "acked"));
  const load = createLoad({ rng: context.rng, ledger, ...options });
  const ports = {
    http: await freePort(),
    otlpHttp: await freePort(),
    otlpGrpc: await freePort(),
  };
  return { dataDir, ledger, load, ports };
}

/** The last life: everything is sent until it is acknowledged, drained, stopped, counted. */
async function judge(
  it: Awaited<ReturnType<typeof scene>>,
  last?: RunningServer,
): Promise<Figures> {
  const server = last ?? (await startServer({ dataDir: it.dataDir, ports: it.ports }));
  await it.load.finish(server, 30_000);
  await drained(server, 60_000);
  const duplicates = /^triptych_duplicate_requests_total (\d+)/m.exec(
    await (await fetch(`${server.url}/metrics`)).text(),
  )?.[1];
  const exit = await server.stop();
  expectThat(exit.code === 0, `SIGTERM ended with ${exit.code ?? exit.signal}`);
  const verdict = await verifyEmbedded(it.dataDir, it.load.sent, it.ledger.ids());
  expectExact(verdict);
  return { ...verdict, suppressedInLastLife: Number(duplicates ?? 0) };
}

const killAnywhere: FaultCase = {
  name: "F1",
  title: "kill -9 at random moments of ingest and of recovery",
  async run(context) {
    const { rng, short } = context;
    const kills = short ? 30 : 160;
    const recoveryKills = short ? 10 : 40;
    const it = await scene(context);
    const readyMs: number[] = [];
    for (let i = 0; i < kills + recoveryKills; i++) {
      // Every fifth life ends before it is ready, or just then.
      const early = i % 5 === 4;
      const server = await startServer({
        dataDir: it.dataDir,
        ports: it.ports,
        waitReady: !early,
      });
      const load = it.load.start(server);
      if (!early) readyMs.push(server.readyMs);
      await pause(early ? rng.between(50, 900) : rng.between(0, 250));
      await server.kill();
      await load.stop();
      if (i % 20 === 19) context.log(`${i + 1} kills, ${it.load.acked} requests acknowledged`);
    }
    const figures = await judge(it);
    return {
      kills: kills + recoveryKills,
      ...figures,
      readyMsP50: percentile(readyMs, 0.5),
      readyMsP99: percentile(readyMs, 0.99),
    };
  },
};

/** All names that stand in the sources. */
export function failpointNames(): string[] {
  const names = new Set<string>();
  const root = join(repositoryRoot, "packages/server/src");
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    for (const [, name] of readFileSync(join(root, file), "utf8").matchAll(
      /failpoint\("([^"]+)"\)/g,
    ))
      if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

const killAtFailpoints: FaultCase = {
  name: "F2",
  title: "kill at each named failpoint",
  async run(context) {
    const { rng, short } = context;
    const it = await scene(context);
    const names = failpointNames();
    const missed = new Map<string, number>();
    let kills = 0;
    for (let round = 0; round < (short ? 1 : 10); round++) {
      for (const name of names) {
        // How often a place is passed in a second or so: never, a few times, all the time.
        const rare = /^(checkpoint|file|wal\.segment)/.test(name);
        const times = rare ? 1 : rng.between(1, name.startsWith("apply") ? 3 : 8);
        const server = await startServer({
          dataDir: it.dataDir,
          ports: it.ports,
          env: { TRIPTYCH_FAILPOINT: `${name}@${times}:kill` },
          waitReady: false,
        });
        const load = it.load.start(server);
        // A process that ends in order passes the rare places too.
        await Promise.race([
          server.exited,
          server.ready().then(
            () => pause(rare ? 600 : 2_000),
            () => {},
          ),
        ]);
        const { signal } = await server.stop();
        await load.stop();
        if (signal === "SIGKILL") kills++;
        else missed.set(name, (missed.get(name) ?? 0) + 1);
      }
    }
    const figures = await judge(it);
    const never = [...missed]
      .filter(([, times]) => times === (short ? 1 : 10))
      .map(([name]) => name);
    return { failpoints: names.length, kills, neverReached: never.join(" "), ...figures };
  },
};

const orderlyEnd: FaultCase = {
  name: "F16",
  title: "SIGTERM under load, SIGHUP with good and bad configuration",
  async run(context) {
    const { rng, short } = context;
    const it = await scene(context);
    const stopMs: number[] = [];
    for (let i = 0; i < (short ? 5 : 20); i++) {
      const server = await startServer({ dataDir: it.dataDir, ports: it.ports });
      const load = it.load.start(server);
      await pause(rng.between(50, 500));
      const started = performance.now();
      const exit = await server.stop();
      stopMs.push(performance.now() - started);
      await load.stop();
      expectThat(
        exit.code === 0,
        `SIGTERM ended with ${exit.code ?? exit.signal}: ${server.logs()}`,
      );
    }
    expectThat(Math.max(...stopMs) <= 10_000, `an end took ${Math.max(...stopMs)} ms`);
    const config = join(context.directory, "triptych.yaml");
    writeFileSync(config, "retention:\n  traces:\n    days: 3\n");
    const server = await startServer({
      dataDir: it.dataDir,
      ports: it.ports,
      args: ["--config", config],
    });
    const load = it.load.start(server);
    const reloads = short ? 20 : 100;
    const count = (text: string): number => server.logs().split(text).length - 1;
    for (let i = 0; i < reloads; i++) {
      const good = i % 2 === 0;
      writeFileSync(config, `retention:\n  traces:\n    ${good ? `days: ${i + 1}` : "dayz: 3"}\n`);
      const before = count("reloaded");
      server.signal("SIGHUP");
      const deadline = performance.now() + 5_000;
      while (count("reloaded") === before && performance.now() < deadline) await pause(5);
    }
    await load.stop();
    expectThat(count("configuration reloaded") === reloads / 2, "good configurations are taken");
    expectThat(count("configuration not reloaded") === reloads / 2, "bad ones are refused");
    expectThat(server.logs().includes(`${config}:3:5`), "a refusal names file, line and column");
    const figures = await judge(it, server);
    return {
      ...figures,
      reloads,
      stopMsP50: percentile(stopMs, 0.5),
      stopMsMax: Math.max(...stopMs),
    };
  },
};

export const crashCases: readonly FaultCase[] = [killAnywhere, killAtFailpoints, orderlyEnd];
