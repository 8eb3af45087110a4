/** F7, F8: the store is a ClickHouse over HTTP that is away, slow, or silent about what it took. */
import { join } from "node:path";
import { openAckLedger } from "../ack-ledger.ts";
import {
  type ClickhouseFront,
  startClickhouseFront,
} from "../clickhouse-front/clickhouse-front.ts";
import type { FrontFaults } from "../clickhouse-front/faults.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import {
  type CaseContext,
  expectThat,
  type FaultCase,
  type Figures,
  pause,
  percentile,
  Skipped,
} from "./case.ts";
import { createLoad, type Load, type LoadOptions } from "./load.ts";
import { drained, expectExact, verify } from "./verify.ts";

interface Scene {
  readonly front: ClickhouseFront;
  readonly server: RunningServer;
  readonly load: Load;
  readonly acked: () => Set<string>;
}

async function withScene(
  context: CaseContext,
  options: Partial<LoadOptions>,
  run: (scene: Scene) => Promise<Figures>,
): Promise<Figures> {
  const front = await startClickhouseFront({ directory: join(context.directory, "clickhouse") });
  const ledger = openAckLedger(join(context.directory, "acked"));
  const load = createLoad({ rng: context.rng, ledger, ...options });
  try {
    const server = await startServer({
      dataDir: join(context.directory, "data"),
      args: ["--store", front.url],
    });
    try {
      return await run({ front, server, load, acked: ledger.ids });
    } finally {
      await server.kill();
    }
  } finally {
    await front.stop();
  }
}

async function judge({ front, server, load, acked }: Scene, drainMsMax: number): Promise<Figures> {
  await load.finish(server, 30_000);
  const drainMs = await drained(server, drainMsMax);
  const verdict = await verify(front, load.sent, acked());
  expectExact(verdict);
  return { ...verdict, drainMs: Math.round(drainMs) };
}

const away: FaultCase = {
  name: "F7",
  title: "the remote store is away in every way",
  run: (context) =>
    withScene(context, { pauseMs: 20 }, async (scene) => {
      const { front, server, load } = scene;
      const modes: readonly FrontFaults["mode"][] = [
        "refuse",
        "hang",
        "too_many_parts",
        "slow",
        "half_open",
        "down",
      ];
      const sending = load.start(server);
      await pause(1_000);
      const before = server.memory().resident;
      const awayMs = (context.short ? 10_000 : 60_000) / modes.length;
      for (const mode of modes) {
        await front.setFaults({ mode });
        await pause(awayMs);
        const live = await fetch(`${server.url}/healthz`, { signal: AbortSignal.timeout(1_000) });
        expectThat(live.ok, `alive while the store is away (${mode})`);
        const acked = load.acked;
        await pause(300);
        expectThat(
          load.acked > acked,
          `requests are acknowledged while the store is away (${mode})`,
        );
        if (!context.short) await front.setFaults({ mode: "none" });
        if (!context.short) await pause(1_000);
      }
      const grown = server.memory().resident - before;
      await front.setFaults({ mode: "none" });
      await sending.stop();
      const figures = await judge(scene, 120_000);
      expectThat(grown <= 150e6, `resident memory grew by ${Math.round(grown / 1e6)} MB`);
      const ms = load.answers.filter((answer) => answer.status === 200).map((answer) => answer.ms);
      return {
        ...figures,
        rssGrownMB: Math.round(grown / 1e6),
        ackMsP50: percentile(ms, 0.5),
        ackMsP99: percentile(ms, 0.99),
      };
    }),
};

const ambiguous: FaultCase = {
  name: "F8",
  title: "one insert in five is committed and the connection dropped",
  run: (context) =>
    withScene(context, { lanes: 3, rowsMax: 50, pauseMs: 30 }, async (scene) => {
      const { front, server, load } = scene;
      await front.setFaults({ dropAfterCommit: 0.2 });
      const sending = load.start(server);
      const wanted = context.short ? 60 : 5_000;
      const deadline = performance.now() + (context.short ? 30_000 : 1_500_000);
      let inserts = 0;
      let dropped = 0;
      while (inserts < wanted && performance.now() < deadline) {
        await pause(1_000);
        ({ inserts, dropped } = await front.setFaults({}));
      }
      await sending.stop();
      await front.setFaults({ dropAfterCommit: 0 });
      const figures = await judge(scene, 60_000);
      expectThat(dropped > 0, "some connections were dropped");
      return { inserts, dropped, ...figures };
    }),
};

const late: FaultCase = {
  name: "F81",
  title: "an insert is committed after the driver gave up on it",
  run: (context) =>
    withScene(context, { lanes: 2, rowsMax: 50, pauseMs: 100 }, async (scene) => {
      const { front, server, load } = scene;
      if (context.short) throw new Skipped("runs in the long form only: it takes a minute");
      const sending = load.start(server);
      await pause(2_000);
      // Longer than the driver waits for an answer, so that it asks before the commit and sends again.
      await front.setFaults({ commitDelayMs: 33_000 });
      await pause(3_000);
      await sending.stop();
      await pause(29_000);
      await front.setFaults({ commitDelayMs: 0 });
      const figures = await judge(scene, 90_000);
      await pause(10_000);
      expectExact(await verify(front, load.sent, scene.acked()));
      return figures;
    }),
};

export const remoteCases: readonly FaultCase[] = [away, ambiguous, late];
