/** What the process says of itself: ready or why not, and the status page's facts. */
import type { StatusAnswer } from "@triptych/contract";
import { systemClock as clock } from "../self/clock.ts";
import { createCached } from "../self/repeat.ts";
import { listPartitions } from "../store/clickhouse/retention.ts";
import type { Core } from "./core.ts";
import type { Storage } from "./storage.ts";

export const VERSION = "0.1.0";

export function createStatus(core: Core, storage: Storage): () => Promise<StatusAnswer> {
  const { journal, store } = storage;
  const storeBytes = createCached(clock, 10_000, async () =>
    (await listPartitions(store.engine)).reduce((sum, part) => sum + part.bytes, 0),
  );
  return async () => {
    const { quarantinedRecords, refusedBlocks, ...journalStatus } = journal.status();
    const setAside = quarantinedRecords + refusedBlocks;
    return {
      version: VERSION,
      startedAt: core.startedAt,
      ready: notReady(core, storage) === undefined,
      lagSeconds: journalStatus.lagMs / 1000,
      residentBytes: process.memoryUsage.rss(),
      store: { kind: store.engine.kind, bytes: await storeBytes() },
      journal: {
        pendingRecords: journalStatus.pendingRecords,
        pendingBytes: journalStatus.pendingBytes,
        bytesMax: journalStatus.pendingBytesMax,
        quarantinedRecords: setAside,
      },
      received: { ...core.received },
      addresses: {
        otlpHttp: core.address(core.ports.otlpHttp),
        otlpGrpc: core.address(core.ports.otlpGrpc),
        http: core.address(core.ports.http),
      },
      problems: [
        ...quarantineProblem(setAside, core.startedAt),
        ...damageProblem(store.damaged?.status().parts ?? 0, core.startedAt),
        ...core.problems.list(),
      ],
    };
  };
}

/** What keeps us from taking data or answering about it; undefined when nothing does. */
export function notReady(core: Core, { journal, store }: Storage): string | undefined {
  if (!core.ready) return "starting or stopping";
  if (!store.reachable()) return "the store does not answer";
  const { pendingBytes, pendingBytesMax } = journal.status();
  if (pendingBytes >= pendingBytesMax)
    return "the journal is full because the store does not take data";
  return undefined;
}

function quarantineProblem(count: number, since: string): StatusAnswer["problems"] {
  if (count === 0) return [];
  const message = `${count} damaged records or refused blocks were set aside; look into the journal's quarantine directory`;
  return [{ code: "quarantine", message, since }];
}

function damageProblem(count: number, since: string): StatusAnswer["problems"] {
  if (count === 0) return [];
  const message = `${count} damaged parts of the store were set aside, what they held is not shown; their files are in the data directory under clickhouse/store/*/*/detached, to be restored from a backup or deleted`;
  return [{ code: "store_damaged", message, since }];
}
