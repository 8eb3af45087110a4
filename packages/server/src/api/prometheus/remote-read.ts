/** Prometheus remote read: samples in one message, or chunks in a stream, whichever the client names first. */
import { TriptychError } from "@triptych/model";
import {
  chunkedReadFrames,
  decodeReadRequest,
  decodeSnappy,
  encodeReadResponse,
  MessageWriter,
  type ReadMatcher,
  type ReadQuery,
  ReadResponseType,
  type ReadSeries,
  writeReadSeries,
} from "@triptych/wire";
import type { FastifyReply } from "fastify";
import type { SeriesMatcher } from "../../query/metrics/source.ts";
import { storeMatcher } from "../../query/metrics/matchers.ts";
import { createPacing } from "../../query/pacing.ts";
import { readSeriesData } from "../../query/remote-read/series-data.ts";
import type { Context, Exchange } from "./exchange.ts";
import { plainError } from "./federate.ts";
import { sendPieces } from "./send-stream.ts";

export const READ_BODY_BYTES_MAX = 32 * 1024 * 1024;
/** An answer of samples is held as a whole: this many take about 250 MB. Streams have no such limit. */
const SAMPLES_MAX = 10_000_000;
const BYTES_PER_SAMPLE = 25;
const FRAME_BYTES_MAX = 1024 * 1024;
const CUSTOM = "x-prometheus-remote-read-version";

/** Errors are plain text here, as the specification has it. */
export async function remoteRead(context: Context, exchange: Exchange): Promise<FastifyReply> {
  const { reply, ask } = exchange;
  let leave: (() => void) | undefined;
  try {
    leave = await context.readGate.enter(ask);
    await ask.memory?.admit(ask);
    const request = decodeReadRequest(bodyOf(exchange));
    const queries = request.queries.map((query) => localQuery(query, context.externalLabels()));
    const type = responseType(request.accepts);
    reply.header(CUSTOM, "0.1.0");
    if (type === ReadResponseType.samples) return await sendSamples(context, exchange, queries);
    const entered = leave;
    leave = undefined;
    return await sendChunks(context, exchange, { queries, leave: entered });
  } catch (thrown) {
    return plainError(reply, thrown);
  } finally {
    leave?.();
  }
}

function bodyOf({ request }: Exchange): Uint8Array {
  const { body } = request;
  if (!(body instanceof Uint8Array))
    throw new TriptychError("wire_malformed", "A remote read request is a Snappy block.");
  const steps = decodeSnappy(body, READ_BODY_BYTES_MAX);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The first of the list that is known; samples when the list is empty. */
function responseType(accepts: readonly number[]): number {
  const wanted = accepts.length === 0 ? [ReadResponseType.samples] : accepts;
  const found = wanted.find(
    (type) => type === ReadResponseType.samples || type === ReadResponseType.streamedChunks,
  );
  if (found !== undefined) return found;
  throw new TriptychError(
    "query_invalid",
    `server does not support any of the requested response types: [${wanted.join(" ")}]; supported: [SAMPLES STREAMED_XOR_CHUNKS]`,
  );
}

interface LocalQuery {
  readonly matchers: readonly SeriesMatcher[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** External labels are not stored: who asks for the one we add asks for series that do not have it. */
function localQuery(
  query: ReadQuery,
  external: readonly (readonly [name: string, value: string])[],
): LocalQuery {
  const matchers = query.matchers.map((matcher): SeriesMatcher => {
    const isOurs = external.some(
      ([name, value]) => name === matcher.name && value === matcher.value,
    );
    return matcher.op === "=" && isOurs
      ? { name: matcher.name, op: "=", value: "" }
      : checkedMatcher(matcher);
  });
  return { matchers, fromMs: Math.max(0, query.startMs), toMs: query.endMs };
}

function checkedMatcher({ name, op, value }: ReadMatcher): SeriesMatcher {
  const span = { start: 0, end: 0 };
  return storeMatcher({ name, op, value, span, valueSpan: span });
}

/** The series with the external labels that they lack. */
function withExternal(
  series: ReadSeries,
  external: readonly (readonly [name: string, value: string])[],
): ReadSeries {
  const names = new Set(series.labels.map(([name]) => name));
  const added = external.filter(([name]) => !names.has(name));
  if (added.length === 0) return series;
  const labels = [...series.labels, ...added].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { ...series, labels };
}

async function* seriesOf(
  { source, externalLabels }: Context,
  { matchers, fromMs, toMs }: LocalQuery,
  { ask }: Exchange,
): AsyncGenerator<ReadSeries> {
  if (toMs < fromMs) return;
  const range = { afterMs: fromMs - 1, toMs };
  const external = externalLabels();
  for await (const group of readSeriesData(source, { matchers, range }, ask))
    for (const series of group) yield withExternal(series, external);
}

async function sendSamples(
  context: Context,
  exchange: Exchange,
  queries: readonly LocalQuery[],
): Promise<FastifyReply> {
  const pacing = createPacing(exchange.ask.signal);
  const results: Uint8Array[] = [];
  for (const query of queries) {
    const out = new MessageWriter();
    let samples = 0;
    for await (const series of seriesOf(context, query, exchange)) {
      const count = series.end - series.start + series.histograms.length;
      samples += count;
      exchange.ask.memory?.take(count * BYTES_PER_SAMPLE);
      if (samples > SAMPLES_MAX)
        throw new TriptychError("query_invalid", `exceeded sample limit (${SAMPLES_MAX})`);
      writeReadSeries(out, series);
      await pacing.pause();
    }
    results.push(out.bytes());
  }
  const steps = encodeReadResponse(results);
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      exchange.reply.headers({
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
      });
      return exchange.reply.send(Buffer.concat(step.value));
    }
    await pacing.pause();
  }
}

async function sendChunks(
  context: Context,
  exchange: Exchange,
  { queries, leave }: { readonly queries: readonly LocalQuery[]; readonly leave: () => void },
): Promise<FastifyReply> {
  const pacing = createPacing(exchange.ask.signal);
  exchange.reply.type("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  return sendPieces(
    exchange.reply,
    (async function* () {
      try {
        for (const [index, query] of queries.entries())
          for await (const series of seriesOf(context, query, exchange))
            for (const frame of chunkedReadFrames(series, index, FRAME_BYTES_MAX)) {
              yield frame;
              await pacing.pause();
            }
      } finally {
        leave();
      }
    })(),
  );
}
