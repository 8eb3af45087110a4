/**
 * The files of one job: finds them, notices growth, truncation, renaming and deletion, and says which have something
 * to read. Holds few descriptors open: a file that is left alone is opened again when it grows.
 */
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "@triptych/model";
import type { FileGauges } from "./counters.ts";
import { openPlain } from "./byte-source.ts";
import { createDirectoryWatch } from "./directory-watch.ts";
import { createFileProblems } from "./file-problems.ts";
import {
  type FileTarget,
  findInode,
  findTargets,
  matchesTarget,
  STATS_AT_ONCE,
} from "./find-files.ts";
import {
  isSameFile,
  newState,
  positionOf,
  sameInode,
  stateOf,
  type Tail,
  type TailOptions,
  type TailState,
} from "./tail.ts";
import type { TailerDeps, TailerOptions } from "./tailer-options.ts";

export interface FileSet {
  setTargets(targets: readonly FileTarget[]): void;
  /** Looks for files, if it is time. */
  scan(): Promise<void>;
  /** Files that have something to read, or blocks that have waited long enough. */
  ready(): Promise<readonly Tail[]>;
  /** Nothing can be read now; a file that ended is forgotten. */
  drained(tail: Tail): Promise<void>;
  /** A file that is no longer at its path and was left alone ends where it ends. */
  hasEnded(tail: Tail): boolean;
  finishCompressed(tail: Tail): void;
  worked(tail: Tail): void;
  unreadable(tail: Tail, error: unknown): Promise<void>;
  failed(what: string, error: unknown): void;
  recovered(what: string): void;
  /** A new name for the life of a file that begins again. */
  bornOf(file: { readonly dev: number; readonly ino: number }): string;
  limitOpen(max: number): Promise<void>;
  gauges(): FileGauges;
  problems(): readonly string[];
  close(): Promise<void>;
}

const CHECK_MS = 250;
/** Files that do not grow are looked at less often, up to this. */
const CHECK_MS_MAX = 2000;
const RETRY_MS = 5000;
/** A renamed file may be written on for a while. */
const GONE_IDLE_MS = 60_000;
const FILES_MAX = 20_000;

export function createFileSet(options: TailerOptions, deps: TailerDeps): FileSet {
  const { clock, positions } = deps;
  const prefix = `file\n${options.job}\n`;
  const tails = new Map<string, Tail>();
  const problems = createFileProblems(options.job, deps);
  const { say, settle } = problems;
  const hadPositions = positions.keys().some((key) => key.startsWith(prefix));
  let targets: readonly FileTarget[] = [];
  let nextScanMs = Number.NEGATIVE_INFINITY;
  let isFirst = true;
  let born = 0;
  const watch = createDirectoryWatch((directory, name) => {
    nextScanMs = Math.min(nextScanMs, clock.monotonicMs());
    for (const tail of tails.values())
      if (name === undefined || tail.path === join(directory, name)) tail.nextCheckMs = 0;
  });

  const bornOf = ({ dev, ino }: { readonly dev: number; readonly ino: number }): string =>
    `${dev}:${ino}:${Math.floor(clock.nowMs())}:${born++}`;
  const hasEnded = (tail: Tail): boolean =>
    tail.options.compression !== undefined ||
    (tail.isGone && clock.monotonicMs() - tail.lastGrowthMs >= GONE_IDLE_MS);

  const remove = async (tail: Tail): Promise<void> => {
    tails.delete(tail.key);
    positions.delete(tail.key);
    settle(tail.path);
    await closeSource(tail);
  };
  const add = (path: string, stats: Stats, more: Pick<Tail, "labels"> & Partial<Tail>): Tail => {
    const key = `${prefix}${stats.dev}:${stats.ino}`;
    const known = positions.get(key);
    const nowMs = clock.monotonicMs();
    const kept = known?.["name"];
    const tail: Tail = {
      key,
      dev: stats.dev,
      ino: stats.ino,
      options: tailOptions(path, options),
      state: stateOf(known) ?? firstState(path, stats),
      path,
      // A file that was renamed while nobody looked keeps the name its lines have.
      name: typeof kept === "string" && more.isGone === true ? kept : path,
      source: undefined,
      size: stats.size,
      mtimeMs: stats.mtimeMs,
      isGone: false,
      lastGrowthMs: nowMs,
      nextCheckMs: 0,
      checkMs: CHECK_MS,
      heldSinceMs: undefined,
      drainedSize: -1,
      blockedUntilMs: 0,
      failedMtimeMs: undefined,
      ...more,
    };
    tails.set(key, tail);
    positions.set(key, positionOf(tail));
    return tail;
  };
  const firstState = (path: string, stats: Stats): TailState => {
    const state = newState(bornOf(stats));
    const inherited = options.inherited.get(path);
    if (inherited !== undefined && inherited <= stats.size) state.offset = inherited;
    else if (isFirst && !hadPositions && options.startAt === "end") state.offset = stats.size;
    return state;
  };

  const look = async (): Promise<void> => {
    const found = await findTargets(targets, { options, problems });
    watch.set(found.directories);
    const seen = new Set<string>();
    for (const { path, stats, labels } of found.files) {
      const key = `${prefix}${stats.dev}:${stats.ino}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const tail = tails.get(key);
      if (tail !== undefined) {
        tail.path = path;
        tail.labels = labels;
        tail.isGone = false;
        continue;
      }
      const isOld =
        options.ignoreOlderMs > 0 && clock.nowMs() - stats.mtimeMs > options.ignoreOlderMs;
      if (isOld && positions.get(key) === undefined) continue;
      if (tails.size >= FILES_MAX) {
        say("files", `more than ${FILES_MAX} files: the rest is left out`, "too_many");
        break;
      }
      add(path, stats, { labels });
    }
    for (const tail of [...tails.values()])
      if (!seen.has(tail.key) && !tail.isGone) await gone(tail);
    if (isFirst) await resumeRenamed(seen);
    isFirst = false;
  };

  /** Its path is another file's, or nobody's: what is left of it is read through its descriptor. */
  const gone = async (tail: Tail): Promise<void> => {
    tail.isGone = true;
    tail.lastGrowthMs = clock.monotonicMs();
    tail.nextCheckMs = 0;
    if (tail.source !== undefined) return;
    const path = await findInode(dirname(tail.path), tail);
    if (path !== undefined) {
      tail.path = path;
      try {
        tail.source = (await openPlain(path)).source;
        return;
      } catch (error) {
        say(path, `${path}: ${codeOf(error)}`, codeOf(error));
      }
    }
    if (tail.size > tail.state.offset) {
      const lost = tail.size - tail.state.offset;
      say(tail.path, `${tail.path} is gone with ${lost} bytes not read`, "deleted_unread");
    }
    await remove(tail);
  };

  /** Files that were renamed while we did not run, and have something that was not read. */
  const resumeRenamed = async (seen: ReadonlySet<string>): Promise<void> => {
    for (const key of positions.keys()) {
      if (!key.startsWith(prefix) || seen.has(key)) continue;
      const position = positions.get(key);
      const state = stateOf(position);
      const { path, dev, ino } = position ?? {};
      if (state === undefined || typeof path !== "string") continue;
      if (typeof dev !== "number" || typeof ino !== "number") continue;
      const now = await findInode(dirname(path), { dev, ino });
      const labels = targets.find((target) => matchesTarget(target, path))?.labels;
      if (now === undefined || labels === undefined || state.done) continue;
      try {
        const { source, handle } = await openPlain(now);
        const stats = await handle.stat();
        if (await isSameFile(source, state, stats.size))
          add(now, stats, { labels, isGone: true, source, state });
        else {
          await source.close();
          positions.delete(key);
        }
      } catch (error) {
        say(now, `${now}: ${codeOf(error)}`, codeOf(error));
      }
    }
  };

  const check = async (tail: Tail): Promise<void> => {
    const nowMs = clock.monotonicMs();
    let stats: Stats;
    try {
      stats = tail.isGone ? await gonePlace(tail) : await stat(tail.path);
    } catch {
      tail.nextCheckMs = nowMs + CHECK_MS;
      if (tail.isGone) await remove(tail);
      else nextScanMs = 0;
      return;
    }
    if (!sameInode(tail, stats)) {
      nextScanMs = 0;
      await gone(tail);
      return;
    }
    const hasChanged = stats.size !== tail.size || stats.mtimeMs !== tail.mtimeMs;
    if (hasChanged) {
      tail.lastGrowthMs = nowMs;
      // Lines were written anew in place: sizes alone do not tell.
      if (stats.size === tail.size) tail.drainedSize = -1;
    }
    tail.size = stats.size;
    tail.mtimeMs = stats.mtimeMs;
    tail.checkMs = hasChanged ? CHECK_MS : Math.min(CHECK_MS_MAX, tail.checkMs * 2);
    tail.nextCheckMs = nowMs + tail.checkMs;
  };
  /** The path of a gone file is where it was found again, if that is still so. */
  const gonePlace = async (tail: Tail): Promise<Stats> => {
    const stats = await stat(tail.path).catch(() => undefined);
    if (stats !== undefined && sameInode(tail, stats)) return stats;
    const path = await findInode(dirname(tail.path), tail);
    if (path !== undefined) {
      tail.path = path;
      return stat(path);
    }
    // Deleted: the descriptor still knows its size, if there is one.
    if (tail.source?.stats === undefined) throw new Error("gone");
    return tail.source.stats();
  };

  const hasWork = (tail: Tail): boolean =>
    hasEnded(tail) && tail.options.compression === undefined && tail.state.done === false
      ? clock.monotonicMs() >= tail.blockedUntilMs
      : hasNews(tail, options, clock);

  return {
    setTargets(given) {
      targets = given;
      nextScanMs = 0;
    },
    async scan() {
      const nowMs = clock.monotonicMs();
      if (nowMs < nextScanMs) return;
      nextScanMs = nowMs + options.scanMs;
      await look();
    },
    async ready() {
      const nowMs = clock.monotonicMs();
      const due = [...tails.values()].filter(({ nextCheckMs }) => nowMs >= nextCheckMs);
      for (let i = 0; i < due.length; i += STATS_AT_ONCE)
        await Promise.all(due.slice(i, i + STATS_AT_ONCE).map(check));
      return [...tails.values()].filter(hasWork);
    },
    async drained(tail) {
      if (tail.isGone && hasEnded(tail)) await remove(tail);
      else if (tail.options.compression === undefined) return;
      if (tail.state.done) await closeSource(tail);
    },
    hasEnded,
    finishCompressed(tail) {
      tail.state.done = true;
      positions.set(tail.key, positionOf(tail));
    },
    worked(tail) {
      settle(tail.path);
    },
    async unreadable(tail, error) {
      await closeSource(tail);
      const code = codeOf(error);
      tail.blockedUntilMs = clock.monotonicMs() + RETRY_MS;
      if (code === "ENOENT") nextScanMs = 0;
      else say(tail.path, `${tail.path}: ${code}`, code);
      if (tail.options.compression !== undefined) tail.failedMtimeMs = tail.mtimeMs;
    },
    failed: (what, error) => say(what, `${what}: ${codeOf(error)}`, codeOf(error)),
    recovered: settle,
    bornOf,
    limitOpen: (max) => closeOldest([...tails.values()], max),
    gauges: () => gaugesOf(tails.values()),
    problems: () => problems.list(),
    async close() {
      watch.close();
      for (const tail of tails.values()) await closeSource(tail);
    },
  };
}

async function closeSource(tail: Tail): Promise<void> {
  const { source } = tail;
  tail.source = undefined;
  await source?.close().catch(() => {});
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message ?? String(error);
}

function tailOptions(path: string, { encoding, compression }: TailerOptions): TailOptions {
  const name = encoding === "" ? "utf-8" : new TextDecoder(encoding).encoding;
  const byName = /\.gz$/i.test(path) ? ("gz" as const) : undefined;
  return {
    unit: name.startsWith("utf-16") ? 2 : 1,
    bigEndian: name === "utf-16be",
    compression: compression === "by-name" ? byName : compression,
  };
}

/** Whether something of it was not read, or waits and may not wait longer. */
function hasNews(tail: Tail, options: TailerOptions, clock: Clock): boolean {
  const nowMs = clock.monotonicMs();
  if (tail.state.done || nowMs < tail.blockedUntilMs) return false;
  if (tail.options.compression !== undefined) {
    const { compressionDelayMs: delayMs } = options;
    const isSettled = delayMs === 0 || clock.nowMs() - tail.mtimeMs >= delayMs;
    return isSettled && tail.failedMtimeMs !== tail.mtimeMs;
  }
  if (tail.size !== tail.drainedSize) return true;
  const waitMs = options.stage?.maxWaitMs ?? 0;
  return tail.heldSinceMs !== undefined && nowMs - tail.heldSinceMs >= waitMs;
}

/** Gone files cannot be opened again, so they stay open. */
async function closeOldest(tails: readonly Tail[], max: number): Promise<void> {
  const open = tails.filter(({ source }) => source !== undefined);
  if (open.length <= max) return;
  open.sort((a, b) => Number(a.isGone) - Number(b.isGone) || a.lastGrowthMs - b.lastGrowthMs);
  for (const tail of open.slice(0, open.length - max)) if (!tail.isGone) await closeSource(tail);
}

function gaugesOf(tails: Iterable<Tail>): FileGauges {
  let files = 0;
  let open = 0;
  let lagBytes = 0;
  for (const { source, size, state, options } of tails) {
    files++;
    if (source !== undefined) open++;
    if (options.compression === undefined) lagBytes += Math.max(0, size - state.offset);
  }
  return { files, open, lagBytes };
}
