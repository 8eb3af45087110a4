/** Lines of a source become a batch and are made durable; what is refused for a while is tried again for ever. */
import {
  asTriptychError,
  type Clock,
  type Limits,
  type LogBatch,
  sleep,
  type TriptychError,
} from "@triptych/model";
import { type PushOptions, PushWriter } from "@triptych/wire";
import type { Log } from "../../self/log.ts";
import type { Metrics } from "../../self/metrics.ts";
import type { Problems } from "../../self/problems.ts";
import type { Entry } from "../log-stages/entry.ts";
import type { IngestNext, RequestHash } from "../next.ts";

export interface LogSourceDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly problems: Problems;
}

const RETRY_MS_FIRST = 250;
const RETRY_MS_MAX = 10_000;
const BUG_ATTEMPTS_MAX = 5;

/**
 * Resolves when the lines are durable, or were refused for good (which is counted); false when `signal` ended the
 * waiting. `make` is called anew for each attempt, as a batch belongs to whom it was given.
 */
export async function submitLines(
  deps: Pick<LogSourceDeps, "next" | "clock" | "log">,
  request: {
    /** Null for what nobody can send again. */
    readonly hash: RequestHash | null;
    readonly bytes: number;
    readonly make: () => Promise<LogBatch>;
    readonly source: string;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const { next, clock, log } = deps;
  let waitMs = RETRY_MS_FIRST;
  for (let attempt = 0; ; attempt++) {
    const error = await attemptOnce(next, request);
    if (error === undefined) return true;
    // A bug of ours may be one of the moment; but it must not keep a source from going on for ever.
    const isBug = error.code === "internal" && attempt < BUG_ATTEMPTS_MAX;
    if (!error.spec.retry && !isBug) {
      next.discarded(error.code, 1);
      log("warn", `lines refused: ${error.message}`, { source: request.source });
      return true;
    }
    if (attempt === 0)
      log("info", `lines wait: ${error.message}`, { source: request.source, code: error.code });
    if (request.signal.aborted) return false;
    await sleepUnless(request.signal, clock, waitMs);
    if (request.signal.aborted) return false;
    waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
  }
}

async function attemptOnce(
  next: IngestNext,
  request: {
    readonly hash: RequestHash | null;
    readonly bytes: number;
    readonly make: () => Promise<LogBatch>;
  },
): Promise<TriptychError | undefined> {
  let release: (() => void) | undefined;
  try {
    const earlier = request.hash === null ? null : next.duplicateOf(request.hash);
    if (earlier !== null) {
      await earlier;
      return undefined;
    }
    release = next.admit(request.bytes);
    const batch = await request.make();
    if (batch.rows > 0) await next.accept(batch, request.hash);
    return undefined;
  } catch (thrown) {
    return asTriptychError(thrown);
  } finally {
    release?.();
  }
}

/** Resolves after the time, or when `signal` is aborted; it takes its listener away again. */
export function sleepUnless(signal: AbortSignal, clock: Clock, ms: number): Promise<void> {
  return unlessAborted(signal, sleep(clock, ms));
}

/** Resolves with the work, or when `signal` is aborted; it takes its listener away again. */
export async function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  if (signal.aborted) return;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  signal.addEventListener("abort", end, { once: true });
  try {
    await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

const encoder = new TextEncoder();
/** Entries between two looks at the clock. */
const STEP_ENTRIES = 256;

/** Entries as a batch, streams by their labels. */
export function* batchOfEntries(
  entries: readonly Entry[],
  options: PushOptions,
): Generator<void, LogBatch> {
  const streams = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = keyOf(entry.labels);
    const stream = streams.get(key);
    if (stream === undefined) streams.set(key, [entry]);
    else stream.push(entry);
  }
  const writer = new PushWriter(options, entries.length);
  // Nobody is there to be told that a line was refused.
  const newestNs = options.arrivalNs + BigInt(options.limits.futureMsMax) * 1_000_000n;
  let done = 0;
  for (const stream of streams.values()) {
    const [first] = stream;
    if (first === undefined) continue;
    beginStream(writer, first.labels);
    for (const { line, timeNs, metadata } of stream) {
      const bytes = encoder.encode(line);
      writer.begin(timeNs > newestNs ? options.arrivalNs : timeNs);
      writer.line(bytes, 0, bytes.length);
      let left = options.limits.attributesPerItemMax;
      for (const [name, value] of metadata) if (left-- > 0) writer.meta(name, value);
      writer.end();
      if (++done % STEP_ENTRIES === 0) yield;
    }
  }
  return writer.batch;
}

/** Begins a stream with those labels that a stream can have. */
export function beginStream(writer: PushWriter, labels: ReadonlyMap<string, string>): void {
  const { labelValueBytesMax, labelsPerSeriesMax, labelNameBytesMax } = writer.limits;
  const pairs: [string, string][] = [];
  for (const [name, value] of labels) {
    if (name.startsWith("__") || value === "") continue;
    if (Buffer.byteLength(name) > labelNameBytesMax) continue;
    if (pairs.length >= labelsPerSeriesMax) break;
    pairs.push([name, value.slice(0, labelValueBytesMax)]);
  }
  // Loki wants at least one label; a source that gives none is still heard.
  if (pairs.length === 0) pairs.push(["service_name", "unknown_service"]);
  writer.stream(pairs);
}

function keyOf(labels: ReadonlyMap<string, string>): string {
  return [...labels]
    .map(([name, value]) => `${name}\u{1}${value}`)
    .sort()
    .join("\u{2}");
}

/** Gives nanoseconds of arrival for so many lines, later than those given before: lines keep their order. */
export type Arrivals = (count: number) => bigint;

export function createArrivals(clock: Pick<Clock, "nowMs">): Arrivals {
  let lastNs = 0n;
  return (count) => {
    const nowNs = BigInt(Math.floor(clock.nowMs())) * 1_000_000n;
    const first = nowNs > lastNs ? nowNs : lastNs + 1n;
    lastNs = first + BigInt(count);
    return first;
  };
}
