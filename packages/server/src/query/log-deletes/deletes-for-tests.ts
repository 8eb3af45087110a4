/** A journal over a test's store: what is appended waits until it is drained, and can be sent again as after a crash. */
import type { LogBatch } from "@triptych/model";
import { createBlockEncoder } from "../../store/clickhouse/encode/block-encoder.ts";
import { encodeState } from "../../store/clickhouse/encode/state.ts";
import { readState } from "../../store/clickhouse/select/state.ts";
import { createBlockSink } from "../../store/clickhouse/sink.ts";
import type { SavedState } from "../../store/saved-state.ts";
import type { TestClock, TestStore } from "../../store/store-for-tests.ts";
import { createLogDeletes, deleteStates, type LogDeletes } from "./log-deletes.ts";

const WRITER = 77;

export interface TestJournal {
  append(batch: LogBatch): number;
  drained(): Promise<void>;
  /** Sends a record once more. */
  again(seq: number): Promise<void>;
  saved<T>(kind: string): SavedState<T>;
}

export function createTestJournal(store: TestStore, clock: TestClock): TestJournal {
  const encoder = createBlockEncoder({ clock, seriesMax: 1000 });
  const sink = createBlockSink(store.engine);
  const records = new Map<number, () => Promise<void>>();
  let waiting: number[] = [];
  let seq = 0;
  const add = (send: (seq: number) => Promise<void>): number => {
    const mine = ++seq;
    records.set(mine, () => send(mine));
    waiting.push(mine);
    return mine;
  };
  const send = async (mine: number): Promise<void> => records.get(mine)?.();
  const drained = async (): Promise<void> => {
    const taken = waiting;
    waiting = [];
    for (const mine of taken) await send(mine);
  };
  return {
    append(batch) {
      const steps = encoder.encode([batch]);
      let step = steps.next();
      while (!step.done) step = steps.next();
      const blocks = step.value;
      return add(async (mine) => {
        for (const block of blocks)
          await sink.insert([{ ...block, seq: mine, writer: WRITER }], null);
      });
    },
    drained,
    again: send,
    saved: <T>(kind: string): SavedState<T> => ({
      async load() {
        await drained();
        return (await readState(store.engine, kind)).map(({ json }) => JSON.parse(json) as T);
      },
      async save({ key, version, value }) {
        const block = encodeState([{ kind, key, version, json: JSON.stringify(value) }]);
        add((mine) => sink.insert([{ ...block, seq: mine, writer: WRITER }], null));
      },
    }),
  };
}

export function testDeletes(
  store: TestStore,
  {
    clock,
    journal,
    cancelMs = 0,
  }: {
    readonly clock: TestClock;
    readonly journal: TestJournal;
    readonly cancelMs?: number;
  },
): LogDeletes {
  let ids = 0;
  return createLogDeletes({
    engine: store.engine,
    clock,
    requests: journal.saved(deleteStates.request),
    runs: journal.saved(deleteStates.run),
    drained: journal.drained,
    newId: () => `id${++ids}`,
    cancelMs,
    report: (error) => {
      throw error;
    },
  });
}

/** Resolves when no request waits. */
export async function allDone(deletes: LogDeletes): Promise<void> {
  while (deletes.list().some(({ status }) => status === "received" || status === "running"))
    await new Promise((resolve) => setImmediate(resolve));
}
