/** `search`: traces by TraceQL, or by tags as before it. */
import { metricsQueries, ROOT_MISSING, type Traceql } from "@triptych/lang";
import { assert } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { type FoundSpanset, type FoundTrace, searchTraceql } from "../../query/traceql/search.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import { checkedQuery, type Exchange } from "./exchange.ts";
import { legacyQuery } from "./legacy-tags.ts";
import { bad, param, searchRange, unsigned } from "./params.ts";
import { keyValue } from "./values.ts";

const LIMIT_STANDARD = 20;
const LIMIT_MAX = 10_000;
const SPANS_PER_SPANSET_STANDARD = 3;
const SPANS_PER_SPANSET_MAX = 10_000;

export async function search({
  params,
  reader,
  reply,
  clock,
  signal,
}: Exchange): Promise<FastifyReply> {
  const text = param(params, "q");
  if (text !== undefined && param(params, "tags") !== undefined)
    throw bad("invalid request: can't specify tags and q in the same query");
  const limit = unsigned(params, "limit") ?? LIMIT_STANDARD;
  if (limit === 0) throw bad("invalid limit: must be a positive number");
  const spss = unsigned(params, "spss") ?? SPANS_PER_SPANSET_STANDARD;
  const range = searchRange(params, clock);
  const query = checkedQuery(text ?? legacyQuery(params));
  const found = await searchTraceql(reader, searched(query), {
    range,
    limit: Math.min(limit, LIMIT_MAX),
    // None means as many as there are.
    spansPerSpanset: spss === 0 ? SPANS_PER_SPANSET_MAX : Math.min(spss, SPANS_PER_SPANSET_MAX),
    signal,
  });
  const metrics = {
    inspectedTraces: found.inspectedTraces,
    inspectedBytes: String(reader.bytesRead),
    inspectedSpans: String(found.inspectedSpans),
    totalJobs: 1,
    completedJobs: found.complete ? 1 : 0,
    totalBlocks: 1,
  };
  return sendJsonStream(
    reply,
    (function* () {
      yield '{"traces":[';
      for (const [i, trace] of found.traces.entries())
        yield `${i === 0 ? "" : ","}${JSON.stringify(traceJson(trace))}`;
      yield `],"metrics":${JSON.stringify(metrics)}}`;
    })(),
  );
}

/** Of a metrics query the spans that its first function counts. */
function searched(query: Traceql.TraceqlQuery): Traceql.Pipeline {
  if (query.kind === "spansets") return query.pipeline;
  const [first] = metricsQueries(query.expr);
  assert(first !== undefined, "a metrics expression has a query");
  return first.pipeline;
}

/** As Tempo writes it: ids without zeros in front, and nothing that is zero or empty. */
function traceJson(trace: FoundTrace): object {
  const spanSets = trace.spansets.map(spansetJson);
  const durationMs = Math.min(Math.floor(trace.durationNs / 1e6), 0xffff_ffff);
  return {
    traceID: trace.traceId.replace(/^0+(?=.)/, ""),
    rootServiceName: trace.rootServiceName || ROOT_MISSING,
    ...(trace.rootName === "" ? {} : { rootTraceName: trace.rootName }),
    startTimeUnixNano: String(trace.startNs),
    ...(durationMs === 0 ? {} : { durationMs }),
    // The first one once more under its old name, which older data sources read.
    ...(spanSets[0] === undefined ? {} : { spanSet: spanSets[0] }),
    spanSets,
    serviceStats: Object.fromEntries(
      [...trace.services].map(([service, { spans, errors }]) => [
        service,
        { spanCount: spans, ...(errors === 0 ? {} : { errorCount: errors }) },
      ]),
    ),
  };
}

function spansetJson({ matched, spans, attributes }: FoundSpanset): object {
  return {
    spans: spans.map((span) => ({
      spanID: span.spanId,
      ...(span.name === undefined ? {} : { name: span.name }),
      startTimeUnixNano: String(span.startNs),
      ...(span.durationNs === 0 ? {} : { durationNanos: String(span.durationNs) }),
      ...(span.attributes.length === 0
        ? {}
        : { attributes: span.attributes.map(([key, value]) => keyValue(key, value)) }),
    })),
    matched,
    ...(attributes.length === 0
      ? {}
      : { attributes: attributes.map(([key, value]) => keyValue(key, value)) }),
  };
}
