/**
 * The core of the remote write receiver: a decompressed message in, durable or refused, and how much of it was
 * written. Knows nothing of HTTP.
 */
import type { Clock, Limits, SampleBatch } from "@triptych/model";
import {
  createSeriesCache,
  decodeRemoteWrite,
  type RemoteWriteVersion,
  type SeriesCache,
} from "@triptych/wire";
import type { IngestNext, Refused } from "../next.ts";
import { drive, requestHash } from "../slices.ts";
import { createExemplarOrder, type ExemplarOrder } from "./exemplar-order.ts";
import { type CheckedOrder, createSampleOrder, type SampleOrder } from "./sample-order.ts";

export interface RemoteWriteRequest {
  /** Kept unchanged, and in the caller's budget, until the promise settles. */
  readonly body: Uint8Array;
  readonly version: RemoteWriteVersion;
  readonly tenant: string;
  /** What the request is told apart by; made from the body unless given. */
  readonly hash?: Uint8Array;
}

/** The hash of a request as it was sent, which is a tenth of what it decodes to. */
export const sentHash = (
  sent: {
    readonly tenant: string;
    readonly version: RemoteWriteVersion;
    readonly encoding: string;
    readonly body: Uint8Array;
  },
  clock: Clock,
): Promise<Uint8Array> => {
  const { tenant, version, encoding, body } = sent;
  return requestHash({ tenant, path: `/api/v1/write ${version} ${encoding}`, body }, clock);
};

export interface RemoteWriteDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /**
   * How late a sample may be behind the newest one, in ms; 0 lets none be behind the last of its series. Any sample is
   * taken unless it is given.
   */
  readonly outOfOrderMs?: (() => number) | undefined;
}

export interface RemoteWriteOutcome {
  readonly written: Written;
  /** Samples and histograms that were refused for good; the others are written. */
  readonly rejected: number;
  /** Why the first of them was. */
  readonly reason: string;
}

export interface Written {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
}

export type RemoteWriteReceiver = (request: RemoteWriteRequest) => Promise<RemoteWriteOutcome>;

/**
 * Resolves when all that is valid is durable. A byte-identical resend, also one that arrives while the first is
 * still under way, is answered as the first was and stored once.
 */
export function createRemoteWriteReceiver(deps: RemoteWriteDeps): RemoteWriteReceiver {
  /** Requests between hash and durability, by hash: a twin that arrives meanwhile waits for the first. */
  const running = new Map<string, Promise<RemoteWriteOutcome>>();
  const known = createSeriesCache(deps.limits);
  const order = deps.outOfOrderMs && createSampleOrder(deps.outOfOrderMs);
  const exemplars = deps.outOfOrderMs && createExemplarOrder(deps.outOfOrderMs);
  return async (request) => {
    const { body, tenant, version } = request;
    const path = `/api/v1/write ${version}`;
    const hash = request.hash ?? (await requestHash({ tenant, path, body }, deps.clock));
    const key = Buffer.from(hash).toString("latin1");
    const twin = running.get(key);
    if (twin !== undefined) return twin;
    const work = ingest(request, hash, { ...deps, known, order, exemplars });
    running.set(key, work);
    try {
      return await work;
    } finally {
      running.delete(key);
    }
  };
}

async function ingest(
  { body, version }: RemoteWriteRequest,
  hash: Uint8Array,
  deps: RemoteWriteDeps & {
    readonly known: SeriesCache;
    readonly order: SampleOrder | undefined;
    readonly exemplars: ExemplarOrder | undefined;
  },
): Promise<RemoteWriteOutcome> {
  const { next, limits, clock, known } = deps;
  const earlier = next.duplicateOf(hash);
  // Also a resend is decoded: the sender of 2.0 must be told how much of it is written.
  const nowMs = clock.nowMs();
  const steps = decodeRemoteWrite(body, version, { limits, nowMs, known });
  const { batch, rejected, reason, rejections } = await drive(steps, clock);
  // Taken before the batch is given away, and before what is there already is left out of it.
  const all = writtenOf(batch);
  // A resend has the last samples of its series itself.
  const order = earlier === null ? deps.order?.check(batch) : undefined;
  const exemplars = earlier === null ? deps.exemplars?.check(batch, nowMs) : undefined;
  let refused: Refused | undefined;
  if (earlier !== null) await earlier;
  else if (hasContent(batch)) refused = (await next.accept(batch, hash)) ?? undefined;
  order?.taken();
  exemplars?.taken();
  for (const [code, count] of [...rejections, ...(order?.reasons ?? [])])
    next.discarded(code, count);
  const late = exemplars?.refused ?? 0;
  if (late > 0) next.discarded("exemplar_out_of_order", late);
  const sorted = inOrder({ written: all, rejected, reason }, order);
  // Of 1.0 Prometheus tells no sender what became of exemplars.
  const outcome = version === "1.0" || late === 0 ? sorted : withoutExemplars(sorted, late);
  return refused === undefined ? outcome : without(refused, outcome);
}

function inOrder(
  { written, rejected, reason }: RemoteWriteOutcome,
  order: CheckedOrder | undefined,
): RemoteWriteOutcome {
  if (order === undefined) return { written, rejected, reason };
  const { refusedFloats, refusedHistograms } = order;
  return {
    written: {
      ...written,
      samples: written.samples - refusedFloats,
      histograms: written.histograms - refusedHistograms,
    },
    rejected: rejected + refusedFloats + refusedHistograms,
    reason: reason === "" ? order.reason : reason,
  };
}

function withoutExemplars(
  { written, rejected, reason }: RemoteWriteOutcome,
  late: number,
): RemoteWriteOutcome {
  return {
    written: { ...written, exemplars: written.exemplars - late },
    rejected: rejected + late,
    reason: reason === "" ? "out of order exemplar" : reason,
  };
}

/** What the pipeline cut out is not written either. */
function without(
  { samples, histograms, exemplars, message }: Refused,
  { written, rejected, reason }: RemoteWriteOutcome,
): RemoteWriteOutcome {
  return {
    written: {
      samples: written.samples - samples,
      histograms: written.histograms - histograms,
      exemplars: written.exemplars - exemplars,
    },
    rejected: rejected + samples + histograms,
    reason: reason === "" ? message : reason,
  };
}

function writtenOf({ samples, histograms, exemplars }: SampleBatch): Written {
  return { samples: samples.rows, histograms: histograms.rows, exemplars: exemplars.rows };
}

/** Prometheus sends metadata in requests of their own. */
function hasContent(batch: SampleBatch): boolean {
  return batch.rows > 0 || batch.exemplars.rows > 0 || batch.metadata.length > 0;
}
