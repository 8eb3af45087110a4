/**
 * Requests to delete log lines: kept in the journal, so that an acknowledged one survives, and run one after another.
 *
 * A request means the lines that were acknowledged before it: its own record in the journal says which those are, and
 * it runs once the store has what came before. Lines that come later stay, whatever their time. A journal that has to
 * send records again after a crash would bring deleted lines back, so what ran not long ago runs again at each start.
 */
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import type { SavedState } from "../../store/saved-state.ts";
import type { Engine } from "../../store/clickhouse/engine.ts";
import { newestRecordsSql } from "../../store/clickhouse/select/logs.ts";
import { bigintCells, numberCells, readRows } from "../../store/clickhouse/select/rows.ts";
import { readStateOrigins } from "../../store/clickhouse/select/state.ts";
import { deleteQuery, type JournalHead, runDelete } from "./run-delete.ts";

/** Kinds of state: a request never changes, its run does. */
export const deleteStates = { request: "log_delete", run: "log_delete_run" } as const;

/** A request as it is saved; nanoseconds as decimal text. */
export interface SavedDelete {
  readonly id: string;
  readonly query: string;
  readonly fromNs: string;
  /** Exclusive. */
  readonly toNs: string;
  readonly createdMs: number;
}

export interface SavedRun {
  readonly id: string;
  readonly status: "running" | "processed" | "failed" | "cancelled";
  readonly heads: readonly (readonly [writer: number, seq: string])[];
  readonly lines: number;
  readonly message: string;
  readonly atMs: number;
}

export interface DeleteView extends SavedDelete {
  readonly status: "received" | SavedRun["status"];
  /** How much of a running request is done, 0 to 1. */
  readonly done: number;
  readonly lines: number;
  readonly message: string;
}

export interface LogDeletes {
  /** Resolves with the request's id when it will survive a crash. Throws `query_invalid`, `queue_full`. */
  add(request: {
    readonly query: string;
    readonly fromNs: bigint;
    readonly toNs: bigint;
  }): Promise<string>;
  /** Newest first; without those that were cancelled. */
  list(): readonly DeleteView[];
  /** Throws `not_found`, and `query_invalid` for one that has run, or runs and `force` is not given. */
  cancel(id: string, force: boolean): Promise<void>;
  /** Reads what was asked for earlier, and goes on with it. */
  start(): Promise<void>;
  /** Stops after the statement under way. Safe to call twice. */
  close(): Promise<void>;
}

export interface LogDeletesDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly requests: SavedState<SavedDelete>;
  readonly runs: SavedState<SavedRun>;
  /** Resolves when the store has what was acknowledged until now. */
  readonly drained: () => Promise<void>;
  readonly newId: () => string;
  /** How long a request waits before it runs, so that it can be cancelled. */
  readonly cancelMs: number;
  /** Told of what keeps requests from being done. */
  readonly report: (error: TriptychError) => void;
}

const WAITING_MAX = 1_000;
const RETRY_MS = 10_000;
/** Far longer than between two checkpoints of the journal. */
const AGAIN_MS = 86_400_000;

interface Request extends SavedDelete {
  run: SavedRun | undefined;
  done: number;
}

export function createLogDeletes(deps: LogDeletesDeps): LogDeletes {
  const { clock, engine } = deps;
  const requests = new Map<string, Request>();
  const repairs: Request[] = [];
  let wake: (() => void) | undefined;
  let working: Promise<void> | undefined;
  let current: { readonly id: string; readonly abort: AbortController } | undefined;
  let version = 0;
  let closed = false;

  const waiting = (): Request[] =>
    [...requests.values()].filter(({ run }) => run === undefined || run.status === "running");
  const saveRun = async (request: Request, change: Partial<SavedRun>): Promise<void> => {
    const before = request.run ?? first(request.id);
    const run: SavedRun = { ...before, ...change, atMs: clock.nowMs() };
    version = Math.max(version + 1, clock.nowMs());
    await deps.runs.save({ key: request.id, version, value: run });
    request.run = run;
  };
  const begun = async (request: Request): Promise<SavedRun> => {
    await deps.drained();
    if (request.run !== undefined) return request.run;
    const heads = await headsOf(engine, request);
    await saveRun(request, { heads });
    return request.run ?? first(request.id);
  };
  const process = async (request: Request, signal: AbortSignal): Promise<void> => {
    const run = await begun(request);
    if (signal.aborted) return;
    const lines = await runDelete(
      deps,
      {
        query: deleteQuery(request.query, clock),
        range: { fromNs: BigInt(request.fromNs), toNs: BigInt(request.toNs) },
        heads: run.heads.map(([writer, seq]) => ({ writer, seq: BigInt(seq) })),
      },
      {
        signal,
        progress: ({ days, daysDone }) => {
          request.done = daysDone / days;
        },
      },
    );
    if (run.status !== "running" || signal.aborted) return;
    await saveRun(request, { status: "processed", lines: run.lines + lines });
  };
  /** What the store cannot do now it may do later; what it will never do is told and left. */
  const attempt = async (request: Request): Promise<boolean> => {
    const abort = new AbortController();
    current = { id: request.id, abort };
    try {
      await process(request, abort.signal);
      return true;
    } catch (thrown) {
      const error = asTriptychError(thrown);
      if (closed || abort.signal.aborted) return true;
      deps.report(error);
      if (error.spec.retry || error.code === "internal") return false;
      await saveRun(request, { status: "failed", message: error.message });
      return true;
    } finally {
      current = undefined;
    }
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  const work = async (): Promise<void> => {
    while (!closed) {
      const [repair] = repairs;
      const request = repair ?? waiting()[0];
      if (request === undefined) return;
      const restMs = request.createdMs + deps.cancelMs - clock.nowMs();
      if (request.run === undefined && restMs > 0) await pause(restMs);
      else if (!(await attempt(request).catch(() => false))) await pause(RETRY_MS);
      else if (request === repair) repairs.shift();
    }
  };
  const goOn = (): void => {
    wake?.();
    if (closed) return;
    working ??= work().finally(() => {
      working = undefined;
      // One may have come after the last look.
      if (!closed && waiting().length > 0) goOn();
    });
  };

  return {
    async add({ query, fromNs, toNs }) {
      deleteQuery(query, clock);
      if (waiting().length >= WAITING_MAX)
        throw new TriptychError("queue_full", `${WAITING_MAX} delete requests wait already`, {
          retryAfterSeconds: 60,
        });
      const value: SavedDelete = {
        id: deps.newId(),
        query,
        fromNs: String(fromNs),
        toNs: String(toNs),
        createdMs: clock.nowMs(),
      };
      await deps.requests.save({ key: value.id, version: 1, value });
      requests.set(value.id, { ...value, run: undefined, done: 0 });
      goOn();
      return value.id;
    },
    list: () =>
      [...requests.values()]
        .filter(({ run }) => run?.status !== "cancelled")
        .map(viewOf)
        .sort((a, b) => b.createdMs - a.createdMs),
    async cancel(id, force) {
      const request = requests.get(id);
      const status = request?.run?.status;
      if (request === undefined || status === "cancelled")
        throw new TriptychError("not_found", "could not find delete request with given id");
      if (status === "processed" || status === "failed")
        throw wrong("deletion of request which is in process or already processed is not allowed");
      if (status === "running" && !force)
        throw wrong(
          "Unable to cancel partially deleted delete request. To force, use the ?force query parameter",
        );
      if (current?.id === id) current.abort.abort();
      await saveRun(request, { status: "cancelled" });
      goOn();
    },
    async start() {
      const runs = new Map((await deps.runs.load()).map((run) => [run.id, run]));
      for (const saved of await deps.requests.load())
        if (!requests.has(saved.id))
          requests.set(saved.id, { ...saved, run: runs.get(saved.id), done: 0 });
      const sinceMs = clock.nowMs() - AGAIN_MS;
      for (const request of requests.values())
        if (request.run?.status === "processed" && request.run.atMs >= sinceMs)
          repairs.push(request);
      goOn();
    },
    async close() {
      closed = true;
      current?.abort.abort();
      wake?.();
      await working;
    },
  };
}

const first = (id: string): SavedRun => ({
  id,
  status: "running",
  heads: [],
  lines: 0,
  message: "",
  atMs: 0,
});

const wrong = (message: string): TriptychError => new TriptychError("query_invalid", message);

function viewOf({ run, done, ...saved }: Request): DeleteView {
  const status = run?.status ?? "received";
  return { ...saved, status, done, lines: run?.lines ?? 0, message: run?.message ?? "" };
}

/** Which records a request means: of its own journal those up to its own, of others what the store has. */
async function headsOf(engine: Engine, request: SavedDelete): Promise<SavedRun["heads"]> {
  const own = (await readStateOrigins(engine, deleteStates.request)).get(request.id);
  if (own === undefined)
    throw new TriptychError("store_unavailable", "the store does not have the delete request yet");
  const result = await engine.select(newestRecordsSql(BigInt(request.fromNs)));
  const newest = readRows(result, (block) => {
    const writer = numberCells(block, "writer");
    const head = bigintCells(block, "head");
    return (row): JournalHead => ({ writer: writer(row), seq: head(row) });
  });
  const others = newest.filter(({ writer }) => writer !== own.writer);
  return [own, ...others].map(({ writer, seq }) => [writer, String(seq)]);
}
