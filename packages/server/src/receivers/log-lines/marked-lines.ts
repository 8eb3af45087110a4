/**
 * Lines of a source that says after each where one could go on: Docker's times, the journal's cursors. Collects them
 * into batches, by size or time; writes down which one it is about to send, and moves the position once it is durable.
 */
import type { Clock } from "@triptych/model";
import type { Stage } from "../log-stages/entry.ts";
import { type RawLine, runStages } from "../log-stages/pipeline.ts";
import { drive, requestHash } from "../slices.ts";
import type { Positions } from "./positions.ts";
import {
  batchOfEntries,
  createArrivals,
  type LogSourceDeps,
  submitLines,
  unlessAborted,
} from "./submit.ts";

export interface MarkedLine extends RawLine {
  /** Names the place behind this line; unique within the source. */
  readonly mark: string;
}

export interface MarkedLines {
  /** Where to go on; "" at the beginning. */
  mark(): string;
  /** Resolves when there is room for more: the source waits for it. */
  push(line: MarkedLine): Promise<void> | undefined;
  /** Sends what there is; blocks that are open are handed on. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface MarkedOptions {
  /** Names the source among all positions and hashes. */
  readonly key: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly stage: Stage;
}

const LINES_MAX = 5000;
const BYTES_MAX = 1024 * 1024;
/** How long a line waits for others. */
const WAIT_MS = 250;
/** A batch that was about to be sent is waited for so long, should its last line not come again. */
const AGAIN_WAIT_MS = 5000;

export function createMarkedLines(
  { key, labels, stage }: MarkedOptions,
  deps: LogSourceDeps & { readonly positions: Positions },
): MarkedLines {
  const { clock, positions } = deps;
  const abort = new AbortController();
  const arrivals = createArrivals(clock);
  const known = positions.get(key);
  let mark = String(known?.["mark"] ?? "");
  /** A batch up to here was about to be sent when the process ended: the same lines are sent as one batch again. */
  let againTo = String(known?.["pending"] ?? "");
  let againUntilMs = Number.POSITIVE_INFINITY;
  let lines: MarkedLine[] = [];
  let bytes = 0;
  let sending: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  /** Since when the first line waits for more of its block. */
  let heldSinceMs: number | undefined;

  const send = async (flush: boolean): Promise<void> => {
    const batch = lines;
    const isAgain = againTo !== "" && batch.some((line) => line.mark === againTo);
    // The rest of that batch is still on its way.
    const isPartAgain = againTo !== "" && !isAgain && clock.monotonicMs() < againUntilMs;
    if (isPartAgain && batch.length < LINES_MAX && bytes < BYTES_MAX && !flush) return;
    const count = isAgain ? batch.findIndex((line) => line.mark === againTo) + 1 : batch.length;
    if (count === 0) return;
    const heldMs = heldSinceMs === undefined ? 0 : clock.monotonicMs() - heldSinceMs;
    const isFull = count >= LINES_MAX || bytes >= BYTES_MAX;
    const arrivalNs = arrivals(count);
    const result = await drive(
      runStages(
        stage,
        { count, at: (i) => timed(batch[i] as MarkedLine, arrivalNs + BigInt(i)) },
        { labels, flush: flush || isAgain || isFull || (heldMs > 0 && heldMs >= stage.maxWaitMs) },
      ),
      clock,
    );
    if (result.consumed === 0) {
      heldSinceMs ??= clock.monotonicMs();
      return;
    }
    heldSinceMs = undefined;
    const sent = batch.slice(0, result.consumed);
    const to = (sent.at(-1) as MarkedLine).mark;
    positions.set(key, { mark, pending: to });
    await positions
      .save()
      .catch((error: unknown) =>
        deps.problems.raise("positions", `positions cannot be saved: ${String(error)}`, 60_000),
      );
    const body = Buffer.from(sent.map(({ line, mark: of }) => `${of}\n${line}`).join("\n"));
    const hash = await requestHash({ tenant: "lines", path: `${key}\n${mark}`, body }, clock);
    const isTaken = await submitLines(deps, {
      hash,
      bytes: body.length,
      source: key,
      signal: abort.signal,
      make: () =>
        drive(
          batchOfEntries(result.entries, { limits: deps.limits, arrivalNs, isOwnReading: true }),
          clock,
        ),
    });
    if (!isTaken) return;
    result.done();
    mark = to;
    againTo = "";
    positions.set(key, { mark });
    lines = lines.slice(result.consumed);
    bytes = lines.reduce((sum, { line }) => sum + line.length, 0);
  };
  const run = (flush: boolean): Promise<void> => {
    cancel?.();
    cancel = undefined;
    sending ??= send(flush)
      .catch((error: unknown) =>
        deps.log("error", "lines could not be sent", { source: key, error: String(error) }),
      )
      .finally(() => {
        sending = undefined;
        if (lines.length > 0 && !abort.signal.aborted) schedule();
      });
    return sending;
  };
  const schedule = (): void => {
    cancel ??= clock.after(WAIT_MS, () => void run(false));
  };
  return {
    mark: () => mark,
    push(line) {
      if (lines.length === 0 && againTo !== "") againUntilMs = clock.monotonicMs() + AGAIN_WAIT_MS;
      lines.push(line);
      bytes += line.line.length;
      if (lines.length < LINES_MAX && bytes < BYTES_MAX) {
        schedule();
        return undefined;
      }
      return unlessAborted(abort.signal, roomFor());
      async function roomFor(): Promise<void> {
        while (!abort.signal.aborted && (lines.length >= LINES_MAX || bytes >= BYTES_MAX)) {
          const before = lines.length;
          await run(false);
          // Stages that make lines wait (a limit) are asked again a little later.
          if (lines.length === before) await pause(clock);
        }
      }
    },
    async drain() {
      await sending;
      await run(true);
    },
    async close() {
      cancel?.();
      abort.abort();
      await sending;
      await positions.save().catch(() => {});
    },
  };
}

/** A line that does not say when it was written was written when it came. */
function timed(line: MarkedLine, arrivalNs: bigint): MarkedLine {
  return line.timeNs > 0n ? line : { ...line, timeNs: arrivalNs };
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(WAIT_MS, resolve));
}
