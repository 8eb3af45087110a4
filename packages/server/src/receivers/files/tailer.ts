/**
 * Reads the files of one job as they grow. Polling is the truth, what the system tells of changes only makes it
 * faster. A position moves once its lines are durable; what is about to be sent is written down before.
 */
import { asTriptychError } from "@triptych/model";
import { repeat } from "../../self/repeat.ts";
import { createArrivals, submitLines } from "../log-lines/submit.ts";
import { createFileSet, type FileSet } from "./file-set.ts";
import type { FileTarget } from "./find-files.ts";
import { type Prepared, prepareChunk } from "./read-chunk.ts";
import {
  CHUNK_BYTES,
  isSameFile,
  newState,
  nextChunk,
  positionOf,
  sourceOf,
  type Tail,
} from "./tail.ts";
import type { TailerDeps, TailerOptions } from "./tailer-options.ts";

export interface FileTailer {
  setTargets(targets: readonly FileTarget[]): void;
  start(): void;
  /** Looks for files if it is time, and reads what there is. Never runs twice at once. */
  tick(): Promise<void>;
  /** What cannot be read now. */
  problems(): readonly string[];
  /** Ends the waiting for what cannot be stored; what was read stays to be read again. */
  close(): Promise<void>;
}

const POLL_MS = 250;
/** Read at once, of one file or of many small ones. */
const ROUND_BYTES = 16 * CHUNK_BYTES;
const ROUND_FILES = 128;
const DESCRIPTORS_MAX = 512;

export function createFileTailer(options: TailerOptions, deps: TailerDeps): FileTailer {
  const { clock, counters } = deps;
  const abort = new AbortController();
  const set = createFileSet(options, deps);
  const unwatch = counters.watch(() => set.gauges());
  let running: Promise<void> | undefined;
  let stop = (): void => {};
  const reader = createReader(options, { ...deps, set, signal: abort.signal });

  const work = async (): Promise<void> => {
    await set.scan();
    // A file that never ends must not keep others from being found.
    const untilMs = clock.monotonicMs() + options.scanMs;
    while (!abort.signal.aborted && (await reader.round()))
      if (clock.monotonicMs() > untilMs) await set.scan();
    await deps.positions.save().catch((error: unknown) => set.failed("positions", error));
  };
  const tick = (): Promise<void> => {
    running ??= work()
      .catch((error: unknown) =>
        deps.log("error", "reading files failed", {
          job: options.job,
          error: asTriptychError(error).message,
        }),
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  return {
    setTargets: (targets) => set.setTargets(targets),
    start() {
      void tick();
      stop = repeat(clock, POLL_MS, tick);
    },
    tick,
    problems: () => set.problems(),
    async close() {
      stop();
      unwatch();
      abort.abort();
      await running;
      await set.close();
      await deps.positions.save().catch(() => {});
    },
  };
}

function createReader(
  options: TailerOptions,
  deps: TailerDeps & { readonly set: FileSet; readonly signal: AbortSignal },
) {
  const { clock, positions, set, counters } = deps;
  const arrivals = createArrivals(clock);
  const decoder = options.encoding === "" ? undefined : new TextDecoder(options.encoding);
  const chunkDeps = { ...options, clock, limits: deps.limits, arrivals, decoder };
  let at = 0;

  /** Reads the next chunk of a file; undefined when there is nothing to send. */
  const prepare = async (tail: Tail): Promise<Prepared | undefined> => {
    const source = await sourceOf(tail);
    if (
      tail.options.compression === undefined &&
      !(await isSameFile(source, tail.state, tail.size))
    ) {
      counters.truncated.add(1);
      tail.state = newState(set.bornOf(tail));
      await isSameFile(source, tail.state, tail.size);
    }
    const ended = set.hasEnded(tail);
    const chunk = await nextChunk(tail, source, ended);
    if (chunk === undefined) {
      if (tail.options.compression !== undefined) set.finishCompressed(tail);
      return undefined;
    }
    const heldMs = tail.heldSinceMs === undefined ? 0 : clock.monotonicMs() - tail.heldSinceMs;
    const flush = options.stage !== undefined && heldMs >= options.stage.maxWaitMs && heldMs > 0;
    const prepared = await prepareChunk(tail, chunk, { ...chunkDeps, flush });
    if (prepared === undefined) tail.heldSinceMs ??= clock.monotonicMs();
    else tail.heldSinceMs = undefined;
    return prepared;
  };
  const prepareSafely = async (tail: Tail): Promise<Prepared | undefined> => {
    try {
      const prepared = await prepare(tail);
      set.worked(tail);
      if (prepared === undefined) {
        tail.drainedSize = tail.size;
        await set.drained(tail);
      }
      return prepared;
    } catch (error) {
      await set.unreadable(tail, error);
      return undefined;
    }
  };
  const send = async (prepared: Prepared): Promise<void> => {
    const { tail, to } = prepared;
    const isTaken = await submitLines(deps, {
      hash: prepared.hash,
      bytes: prepared.bytes,
      make: prepared.make,
      source: tail.path,
      signal: deps.signal,
    });
    if (!isTaken) return;
    prepared.done();
    counters.bytes.add(prepared.bytes, tail.name);
    counters.lines.add(prepared.lines, tail.name);
    Object.assign(tail.state, { offset: to, skipping: prepared.isCut, pendingTo: -1 });
    positions.set(tail.key, positionOf(tail));
  };
  return {
    /** Sends a chunk of each of some files that have one; false when none has. */
    async round(): Promise<boolean> {
      const ready = await set.ready();
      if (ready.length === 0) return false;
      const chosen: Tail[] = [];
      let left = ROUND_BYTES;
      for (let i = 0; i < Math.min(ready.length, ROUND_FILES) && left > 0; i++) {
        const tail = ready[(at + i) % ready.length] as Tail;
        chosen.push(tail);
        left -=
          tail.options.compression === undefined
            ? Math.min(CHUNK_BYTES, Math.max(0, tail.size - tail.state.offset))
            : CHUNK_BYTES;
      }
      at = (at + chosen.length) % ready.length;
      const prepared: Prepared[] = [];
      for (const one of await Promise.all(chosen.map(prepareSafely)))
        if (one !== undefined) prepared.push(one);
      for (const { tail, to, isCut } of prepared) {
        Object.assign(tail.state, { pendingTo: to, pendingSkipping: isCut });
        positions.set(tail.key, positionOf(tail));
      }
      if (prepared.length > 0) {
        // Without it a crash may send lines twice; that is no reason to send none.
        await positions.save().then(
          () => set.recovered("positions"),
          (error: unknown) => set.failed("positions", error),
        );
        await Promise.all(prepared.map(send));
      }
      await set.limitOpen(DESCRIPTORS_MAX);
      return !deps.signal.aborted;
    },
  };
}
