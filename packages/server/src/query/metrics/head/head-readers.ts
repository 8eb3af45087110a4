/**
 * Threads that compute leaves of queries over the head's samples: the event loop only asks and takes the results. They
 * are started when a query could use them, which waits only when it is large, and ended when none did for a while.
 * Without them, and whenever one fails, queries are computed on the event loop, with the same result.
 */
import type { Ask } from "../source.ts";
import { createPriorityLine, type Priority } from "../../../self/priority-line.ts";
import { TriptychError } from "@triptych/model";
import type { LeafJob, LeafResult } from "./leaf-job.ts";
import type { ReaderReply, ReaderRequest } from "./reader-messages.ts";
import type { SharedTables } from "./shared-tables.ts";
import { joinParts, partsOf } from "./leaf-parts.ts";

/** A thread, as `Worker` is one. */
export interface ReaderThread {
  postMessage(message: ReaderRequest): void;
  on(event: "message", take: (reply: ReaderReply) => void): unknown;
  on(event: "error", take: (error: Error) => void): unknown;
  on(event: "exit", take: () => void): unknown;
  terminate(): Promise<unknown>;
}

export interface HeadReadersOptions {
  readonly threads: number;
  readonly start: (version: Int32Array) => ReaderThread;
  readonly tables: SharedTables;
  readonly nowMs: () => number;
  /** A thread ended by itself. */
  readonly failed: (error: Error) => void;
}

export interface HeadReaders {
  /** `undefined`: it must be computed otherwise. Throws `query_cancelled` when nobody waits any more. */
  run(
    work: Omit<LeafJob, "cancelled">,
    ask: Pick<Ask, "signal" | "priority">,
  ): Promise<LeafResult | undefined>;
  /** Ends the threads when they were not needed for long. */
  rest(): void;
  close(): Promise<void>;
  /** Since the start. */
  readonly counts: { readonly jobs: number; readonly workedMs: number };
  readonly waiting: number;
}

/** Twice as many are begun only while threads die again and again. */
const FAILURES_MAX = 5;
const IDLE_MS = 600_000;
/** So many are looked at on the event loop in about the time in which a thread starts. */
const SERIES_THAT_WAIT = 5_000;
const START_WAIT_MS = 2_000;
/** Of answers that memory was made meanwhile. */
const TRIES_MAX = 3;

interface Task {
  readonly job: LeafJob;
  readonly resolve: (result: LeafResult | undefined) => void;
  tries: number;
}

interface Seat {
  readonly thread: ReaderThread;
  readonly unwatch: () => void;
  isReady: boolean;
  task: Task | undefined;
}

export function createHeadReaders(options: HeadReadersOptions): HeadReaders {
  const { tables } = options;
  const line = createPriorityLine<Task>();
  const counts = { jobs: 0, workedMs: 0 };
  let seats: Seat[] = [];
  /** Told when a thread is ready. */
  const starting: (() => void)[] = [];
  let failures = 0;
  let usedAtMs = 0;
  let isClosed = false;

  const next = (): void => {
    for (const seat of seats) {
      if (!seat.isReady || seat.task !== undefined) continue;
      const task = line.shift();
      if (task === undefined) return;
      seat.task = task;
      task.tries++;
      seat.thread.postMessage({ kind: "job", job: task.job });
    }
  };
  const unseat = (seat: Seat): void => {
    if (!seats.includes(seat)) return;
    seats = seats.filter((one) => one !== seat);
    seat.unwatch();
    seat.task?.resolve(undefined);
    if (seats.length > 0) return;
    for (let task = line.shift(); task !== undefined; task = line.shift()) task.resolve(undefined);
  };
  const take = (seat: Seat, reply: ReaderReply): void => {
    if (reply.kind === "ready") {
      seat.isReady = true;
      for (const go of starting.splice(0)) go();
    } else {
      const { task } = seat;
      seat.task = undefined;
      counts.jobs++;
      counts.workedMs += reply.workedMs;
      if (task !== undefined && reply.result.kind === "behind" && task.tries < TRIES_MAX)
        // What it did not know was told before this comes to it.
        line.push(task, "rules");
      else task?.resolve(reply.result);
    }
    next();
  };
  const sit = (): void => {
    const thread = options.start(tables.version);
    const unwatch = tables.watch({
      made: (number, buffer) => thread.postMessage({ kind: "page", number, buffer }),
      dropped: (number) => thread.postMessage({ kind: "dropped", number }),
      slab: (number, buffer) => thread.postMessage({ kind: "slab", number, buffer }),
    });
    const seat: Seat = { thread, unwatch, isReady: false, task: undefined };
    seats.push(seat);
    thread.on("message", (reply) => take(seat, reply));
    thread.on("error", (error) => {
      failures++;
      options.failed(error);
    });
    thread.on("exit", () => unseat(seat));
  };
  const hasReady = (): boolean => seats.some(({ isReady }) => isReady);
  /** Whether there is a thread that takes work; what is much work waits for one to start. */
  const isUp = async (series: number): Promise<boolean> => {
    if (isClosed || failures > FAILURES_MAX) return false;
    while (seats.length < options.threads) sit();
    if (hasReady() || series < SERIES_THAT_WAIT) return hasReady();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, START_WAIT_MS);
      starting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return hasReady();
  };
  /** `wait` gets the task, to take it out of the line when nobody waits any more. */
  const runPart = (
    job: LeafJob,
    priority: Priority,
    wait: (task: Task) => void,
  ): Promise<LeafResult | undefined> =>
    new Promise((resolve) => {
      const task: Task = { job, resolve, tries: 0 };
      wait(task);
      line.push(task, priority);
      next();
    });

  return {
    counts,
    get waiting() {
      return line.length;
    },
    async run(work, ask) {
      usedAtMs = options.nowMs();
      if (!(await isUp(work.refs.length))) return undefined;
      const cancelled = new Int32Array(new SharedArrayBuffer(4));
      const free = seats.filter(({ isReady, task }) => isReady && task === undefined).length;
      const parts = partsOf({ ...work, cancelled }, line.length === 0 ? free : 1);
      const tasks: Task[] = [];
      const leave = (): void => {
        Atomics.store(cancelled, 0, 1);
        for (const task of tasks) {
          line.remove(task);
          task.resolve(undefined);
        }
      };
      ask.signal?.addEventListener("abort", leave);
      const wait = (task: Task): void => void tasks.push(task);
      const priority = ask.priority ?? "interactive";
      const results = await Promise.all(parts.map(({ job }) => runPart(job, priority, wait)));
      // Rules have one signal for as long as the process runs.
      ask.signal?.removeEventListener("abort", leave);
      if (ask.signal?.aborted === true) {
        const message = "the query was stopped because nobody waits for it";
        throw new TriptychError("query_cancelled", message);
      }
      return joinParts(parts, results);
    },
    rest() {
      if (seats.length === 0 || options.nowMs() - usedAtMs < IDLE_MS) return;
      for (const seat of [...seats]) {
        if (seat.task === undefined) {
          unseat(seat);
          void seat.thread.terminate();
        }
      }
    },
    async close() {
      isClosed = true;
      const all = [...seats];
      for (const seat of all) unseat(seat);
      await Promise.all(all.map(({ thread }) => thread.terminate()));
    },
  };
}
