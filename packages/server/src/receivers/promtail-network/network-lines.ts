/**
 * Lines that come over the network for a job of promtail: gathered, sent through the job's stages and made durable, one
 * batch after another. Nobody is answered, so a batch that cannot be taken now is tried again, and meanwhile `add`
 * refuses: streams wait, datagrams are lost.
 */
import type { Stage } from "../log-stages/entry.ts";
import { type RawLine, runStages } from "../log-stages/pipeline.ts";
import { drive } from "../slices.ts";
import {
  batchOfEntries,
  type LogSourceDeps,
  sleepUnless,
  submitLines,
} from "../log-lines/submit.ts";

export interface NetworkLines {
  /** False when there is no room; nothing was taken then. */
  add(line: RawLine): boolean;
  readonly isBusy: boolean;
  /** Resolves when it is worth trying `add` again, at the latest after a moment. */
  room(): Promise<void>;
  /** Makes durable what was taken; what cannot be is counted as discarded. Safe to call twice. */
  close(): Promise<void>;
}

const LINES_MAX = 5_000;
const BYTES_MAX = 1024 * 1024;
/** Lines that wait for a batch under way, and the ones in it. */
const BATCHES_MAX = 4;
/** How long a line waits for others. */
const HOLD_MS = 100;
const ROOM_MS = 100;
/** What a line holds besides its text. */
const LINE_BYTES = 256;

const sizeOf = ({ line }: RawLine): number => line.length + LINE_BYTES;

export function createNetworkLines(
  { source, stage }: { readonly source: string; readonly stage: Stage },
  deps: LogSourceDeps,
): NetworkLines {
  const { clock, next } = deps;
  const abort = new AbortController();
  let lines: RawLine[] = [];
  let bytes = 0;
  let cancelHold: (() => void) | undefined;
  let running: Promise<void> | undefined;
  /** Since when the first line waits for more of its block. */
  let heldSinceMs: number | undefined;

  const isBusy = (): boolean =>
    abort.signal.aborted ||
    lines.length >= BATCHES_MAX * LINES_MAX ||
    bytes >= BATCHES_MAX * BYTES_MAX;
  /** Sends the first lines; false when stages keep all of them back. */
  const send = async (): Promise<boolean> => {
    const count = batchLength(lines);
    const heldMs = heldSinceMs === undefined ? 0 : clock.monotonicMs() - heldSinceMs;
    const isFull = count < lines.length || isBusy();
    const flush = isFull || (heldMs > 0 && heldMs >= stage.maxWaitMs);
    const batch = lines;
    const result = await drive(
      runStages(stage, { count, at: (i) => batch[i] as RawLine }, { labels: new Map(), flush }),
      clock,
    );
    if (result.consumed === 0) {
      heldSinceMs ??= clock.monotonicMs();
      return false;
    }
    heldSinceMs = undefined;
    const done = lines.slice(0, result.consumed).reduce((sum, line) => sum + sizeOf(line), 0);
    const arrivalNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    const isTaken = await submitLines(deps, {
      hash: null,
      bytes: done,
      source,
      signal: abort.signal,
      make: () => drive(batchOfEntries(result.entries, { limits: deps.limits, arrivalNs }), clock),
    });
    if (isTaken) result.done();
    else next.discarded("shutting_down", result.consumed);
    lines = lines.slice(result.consumed);
    bytes -= done;
    return true;
  };
  const work = async (): Promise<void> => {
    while (lines.length > 0) {
      if (await send()) continue;
      // Blocks that are open wait for more, and a limit for its time; closing waits for neither.
      if (abort.signal.aborted) break;
      await sleepUnless(abort.signal, clock, HOLD_MS);
    }
  };
  const run = (): void => {
    cancelHold?.();
    cancelHold = undefined;
    running ??= work()
      .catch((error: unknown) => {
        next.discarded("internal", lines.length);
        lines = [];
        bytes = 0;
        deps.log("error", "lines could not be sent", { source, error: String(error) });
      })
      .finally(() => {
        running = undefined;
        if (lines.length > 0 && !abort.signal.aborted) run();
      });
  };
  return {
    add(line) {
      if (isBusy()) return false;
      lines.push(line);
      bytes += sizeOf(line);
      if (lines.length >= LINES_MAX || bytes >= BYTES_MAX) run();
      else cancelHold ??= clock.after(HOLD_MS, run);
      return true;
    },
    get isBusy() {
      return isBusy();
    },
    room: () => sleepUnless(abort.signal, clock, ROOM_MS),
    async close() {
      abort.abort();
      await running;
      if (lines.length > 0) run();
      await running;
      if (lines.length > 0) next.discarded("shutting_down", lines.length);
      lines = [];
    },
  };
}

/** How many of the lines make one batch. */
function batchLength(lines: readonly RawLine[]): number {
  let bytes = 0;
  let count = 0;
  while (count < lines.length && count < LINES_MAX && bytes < BYTES_MAX)
    bytes += sizeOf(lines[count++] as RawLine);
  return count;
}
