/**
 * One scrape of one target: ask, parse in slices, shape, report, hand on. Never throws: what goes wrong is part of
 * the outcome, and of `up`.
 */
import {
  asTriptychError,
  type Clock,
  type Limits,
  SampleBatch,
  TriptychError,
} from "@triptych/model";
import type { KnownMetadata } from "./known-metadata.ts";
import { type DecodedExposition, parseExposition } from "@triptych/wire";
import { scrapeProtocols } from "../../config/prometheus/global-config.ts";
import type { ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import type { IngestNext } from "../next.ts";
import { createReservation } from "../reservation.ts";
import { drive } from "../slices.ts";
import { acceptHeader, contentTypeOf } from "./exposition-type.ts";
import { BodyTooLarge, DeadlineExceeded, type HttpClient } from "../../http-client/client.ts";
import { addReport } from "./report-samples.ts";
import {
  markAllStale,
  nothingShaped,
  type Shaped,
  type ShapeRules,
  shapeSamples,
} from "./shape-samples.ts";
import type { Target } from "./target.ts";
import type { TargetMemory } from "./target-memory.ts";

export interface ScrapeDeps {
  readonly clock: Clock;
  readonly next: IngestNext;
  readonly limits: Limits;
  /** Of OpenMetrics: `…_created` is a start time, not a series; goes with `pipeline/start-time-zeros.ts`. */
  readonly createdAsStart?: boolean | undefined;
}

export interface ScrapeJob {
  readonly config: ScrapeConfig;
  readonly client: HttpClient;
  readonly rules: ShapeRules;
  /** Why no target of the pool is scraped now, "" when they are. */
  readonly refusal: () => string;
}

/** Kept from scrape to scrape, and handed to the next loop when the configuration changes. */
export interface TargetState {
  readonly memory: TargetMemory;
  readonly metadata: KnownMetadata;
  metadataText: string;
  metadataAtMs: number;
}

export interface ScrapeOutcome {
  /** "" when it went well. */
  readonly error: string;
  readonly shaped: Shaped;
  readonly seconds: number;
  readonly isTooLarge: boolean;
  readonly isLate: boolean;
  /** We had no room for the answer: the target is not to blame and nothing is written. */
  readonly isSkipped: boolean;
  /** What `next` refused with; undefined when the samples are kept. */
  readonly lost: TriptychError | undefined;
}

/** Metadata that did not change is sent again this often, for a store that lost it. */
const METADATA_EVERY_MS = 3_600_000;

interface Body {
  readonly bytes: Uint8Array;
  /** Throws when it is none that we read. */
  readonly contentType: () => string;
}

export async function scrapeTarget(
  target: Target,
  scrape: {
    readonly job: ScrapeJob;
    readonly state: TargetState;
    readonly atMs: number;
    readonly signal: AbortSignal;
  },
  deps: ScrapeDeps,
): Promise<ScrapeOutcome> {
  const { job, state, atMs } = scrape;
  const { clock, next } = deps;
  const startMs = clock.monotonicMs();
  const reservation = createReservation(next);
  let bodyBytes = 0;
  let shaped = nothingShaped();
  let batch: SampleBatch | undefined;
  let failure: unknown;
  try {
    const body = await fetchBody(target, scrape, { deps, hold: reservation.hold });
    bodyBytes = body.bytes.length;
    const parsed = await parse(body, target, scrape, deps);
    state.metadata.see(parsed.batch.metadata);
    shaped = await drive(
      shapeSamples(parsed.batch, {
        rules: job.rules,
        memory: state.memory,
        nowMs: atMs,
        newestMs: atMs + deps.limits.futureMsMax,
        failure: parsed.failure?.message ?? "",
        isEmpty: bodyBytes === 0,
        isProtobuf: parsed.isProtobuf,
        isOpenMetrics: parsed.isOpenMetrics,
        hiddenLabels: job.config.honor_labels ? target.labels : undefined,
      }),
      clock,
    );
    if (shaped.outOfBounds > 0) next.discarded("sample_too_new", shaped.outOfBounds);
    // Refused one by one: Prometheus counts them.
    shaped.scraped += parsed.rejected;
    shaped.kept += parsed.rejected;
    if (shaped.problem === "") batch = parsed.batch;
    else failure = parsed.failure ?? new Error(shaped.problem);
  } catch (error) {
    failure = error;
    if (error instanceof BodyTooLarge) bodyBytes = -1;
  } finally {
    reservation.release();
  }
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const outcome = outcomeOf(failure, { shaped, seconds });
  if (scrape.signal.aborted || outcome.isSkipped) return outcome;
  state.metadata.end(failure === undefined && bodyBytes > 0);
  if (batch === undefined) {
    batch = new SampleBatch();
    await drive(markAllStale(batch, state.memory, atMs), clock);
  } else keepMetadata(batch, state, clock.nowMs());
  addReport(
    batch,
    {
      isUp: failure === undefined,
      seconds,
      shaped,
      bodyBytes,
      timeoutMs: target.timeoutMs,
      sampleLimit: job.config.sample_limit,
    },
    { labels: target.labels, withExtra: job.config.extra_scrape_metrics, atMs },
  );
  return { ...outcome, lost: await handOn(batch, next) };
}

/** Staleness markers for a target that is gone: all it showed, and what was reported about it. */
export async function endTarget(
  target: Target,
  scrape: { readonly job: ScrapeJob; readonly state: TargetState; readonly atMs: number },
  { clock, next }: ScrapeDeps,
): Promise<TriptychError | undefined> {
  const batch = new SampleBatch();
  await drive(markAllStale(batch, scrape.state.memory, scrape.atMs), clock);
  const withExtra = scrape.job.config.extra_scrape_metrics;
  addReport(batch, undefined, { labels: target.labels, withExtra, atMs: scrape.atMs });
  return handOn(batch, next);
}

async function handOn(batch: SampleBatch, next: IngestNext): Promise<TriptychError | undefined> {
  try {
    await next.accept(batch, null);
    return undefined;
  } catch (error) {
    next.discarded("scrape_not_kept", batch.rows);
    return asTriptychError(error);
  }
}

async function fetchBody(
  target: Target,
  { job, signal }: { readonly job: ScrapeJob; readonly signal: AbortSignal },
  { deps, hold }: { readonly deps: ScrapeDeps; readonly hold: (bytes: number) => void },
): Promise<Body> {
  const refusal = job.refusal();
  if (refusal !== "") throw new Error(refusal);
  const { config } = job;
  const answer = await job.client.fetch(
    {
      url: target.url,
      headers: {
        accept: acceptHeader(config.scrape_protocols, config.metric_name_escaping_scheme),
        "accept-encoding": config.enable_compression ? "gzip" : "identity",
        "x-prometheus-scrape-timeout-seconds": String(target.timeoutMs / 1000),
      },
      timeoutMs: target.timeoutMs,
      signal,
      socketPath: target.unixSocket,
    },
    // Prometheus has no limit unless told; ours is that of every body.
    { bytesMax: config.body_size_limit || deps.limits.bodyBytesMax, hold },
  );
  if (answer.status !== 200)
    throw new Error(`server returned HTTP status ${answer.status} ${answer.statusText}`.trim());
  return {
    bytes: answer.body,
    contentType: () =>
      contentTypeOf(answer.headers["content-type"], config.fallback_scrape_protocol),
  };
}

async function parse(
  { bytes, contentType }: Body,
  target: Target,
  { job, atMs }: { readonly job: ScrapeJob; readonly atMs: number },
  { clock, limits, next, createdAsStart = false }: ScrapeDeps,
): Promise<DecodedExposition & { readonly isProtobuf: boolean; readonly isOpenMetrics: boolean }> {
  const { config } = job;
  // An empty answer is one without series, whatever it calls itself.
  const type = bytes.length === 0 ? "text/plain" : contentType();
  const steps = parseExposition(bytes, type, {
    limits,
    nowMs: atMs,
    honorTimestamps: config.honor_timestamps,
    extraLabels: [...target.labels],
    onConflict: config.honor_labels ? "keep" : "rename",
    createdAsStart,
    keepClassicHistograms: target.keepsClassic,
    ignoreNativeHistograms: !target.withNative,
    keepsPartial: true,
    keepsUntimely: true,
  });
  const decoded = await drive(steps, clock);
  for (const [reason, count] of decoded.rejections) next.discarded(reason, count);
  return {
    ...decoded,
    isProtobuf: type === scrapeProtocols.PrometheusProto,
    isOpenMetrics: type.startsWith("application/openmetrics-text"),
  };
}

/** Leaves metadata out of the batch that was sent already. */
function keepMetadata(batch: SampleBatch, state: TargetState, nowMs: number): void {
  const text = JSON.stringify(batch.metadata);
  const isKnown = text === state.metadataText && nowMs - state.metadataAtMs < METADATA_EVERY_MS;
  if (isKnown) {
    batch.metadata.length = 0;
    return;
  }
  state.metadataText = text;
  state.metadataAtMs = nowMs;
}

function outcomeOf(
  failure: unknown,
  { shaped, seconds }: { readonly shaped: Shaped; readonly seconds: number },
): ScrapeOutcome {
  const isOurs = failure instanceof TriptychError && failure.code === "memory_pressure";
  const isTooLarge = failure instanceof BodyTooLarge;
  return {
    error:
      failure === undefined ? "" : failure instanceof Error ? failure.message : String(failure),
    shaped,
    seconds,
    isTooLarge,
    isLate: failure instanceof DeadlineExceeded,
    isSkipped: isOurs,
    lost: undefined,
  };
}
