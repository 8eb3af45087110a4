/** Hands derived series on every interval, through the same way that every other sample takes. */
import { asTriptychError, type Clock } from "@triptych/model";
import type { IngestNext } from "../../receivers/next.ts";
import { repeat } from "../../self/repeat.ts";
import type { DerivedSeries } from "./derived-series.ts";

export interface EmitLoopDeps {
  readonly next: IngestNext;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** What is emitted; looked at each time. Called right before, to let what has run out of time be counted. */
  readonly tables: () => readonly DerivedSeries[];
  /** Told when samples were not taken. They are cumulative, so the next emission repairs it. */
  readonly onLost: (message: string) => void;
}

export interface EmitLoop {
  start(): void;
  /** Emits now; calls do not overlap. */
  emit(): Promise<void>;
  /** Stops, and emits what came since the last time. Safe to call twice. */
  close(): Promise<void>;
}

export function createEmitLoop(deps: EmitLoopDeps): EmitLoop {
  const { next, clock, intervalMs, tables, onLost } = deps;
  let stop: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;
  const emitOne = async (table: DerivedSeries): Promise<void> => {
    const emission = table.emit(clock.nowMs());
    for (const batch of emission.batches) {
      try {
        await next.accept(batch, null);
        emission.sent(batch);
      } catch (thrown) {
        onLost(asTriptychError(thrown).message);
      }
    }
    emission.end();
  };
  const emit = (): Promise<void> => {
    running = running.then(async () => {
      for (const table of tables()) await emitOne(table);
    });
    return running;
  };
  return {
    start() {
      if (!closed) stop ??= repeat(clock, intervalMs, emit);
    },
    emit,
    async close() {
      if (closed) return running;
      closed = true;
      stop?.();
      await emit();
    },
  };
}
