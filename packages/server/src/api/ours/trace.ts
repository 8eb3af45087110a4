/**
 * One trace of our own HTTP API: whole, or when it is large and the reader asks for that, its outline; then the details
 * of a span and what is found within the trace.
 */
import type { FoundSpans } from "@triptych/contract";
import { TriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply } from "fastify";
import { paced } from "../../query/traces/paced.ts";
import { shapesSteps, skewMarks, traceTimesSteps } from "../../query/traces/skew.ts";
import {
  selectSpansWithText,
  selectTraceOutline,
  selectTraceSize,
} from "../../store/clickhouse/select/trace-outline.ts";
import { selectTraces, type StoredSpans } from "../../store/clickhouse/select/traces.ts";
import { sendJsonStream } from "./json-stream.ts";
import { invalid } from "./params.ts";
import { traceJson } from "./trace-json.ts";
import { outlineRest, traceOutlineJson } from "./trace-outline-json.ts";
import { type Asked, askOf, type OwnTracesDeps, traceIdOf } from "./traces-asked.ts";

const limits = {
  /** What a browser can hold; beyond it the trace is cut and says so. */
  spansMax: 500_000,
  /** Up to here attributes are no weight: one answer has everything. */
  wholeSpansMax: 2_000,
  /** A span is stored once; more only when senders repeat an id. */
  twinsMax: 100,
} as const;

export function registerTrace(app: FastifyInstance, deps: OwnTracesDeps): void {
  const get = <T>(path: string, answer: (asked: Asked) => Promise<T>): void => {
    app.get(deps.prefix + path, (request, reply) => answer(askOf(deps, request, reply)));
  };
  get("/traces/:id", trace);
  get("/traces/:id/find", find);
  get("/traces/:id/spans/:spanId", span);
}

async function trace(asked: Asked): Promise<FastifyReply> {
  const traceId = traceIdOf(asked.request);
  const correct = asked.params.oneOf("skew", ["off", "on"]) !== "off";
  if (asked.params.oneOf("details", ["all", "small"]) === "small") {
    const size = await selectTraceSize(asked.reader, traceId);
    if (size === undefined || size.rows === 0) throw unknown(traceId);
    if (size.rows > limits.wholeSpansMax) return outline(asked, { traceId, correct, ...size });
  }
  const spans = await selectTraces(asked.reader, {
    traceIds: [traceId],
    spansMax: limits.spansMax,
  });
  return sendSpans(asked, spans, { traceId, correct });
}

const unknown = (traceId: string): TriptychError =>
  new TriptychError("not_found", `no span of trace ${traceId} is stored`);

const cutMark = (cut: boolean): string[] =>
  cut ? [`Only the first ${limits.spansMax} spans of this trace are shown.`] : [];

async function sendSpans(
  asked: Asked,
  spans: StoredSpans,
  { traceId, correct }: { readonly traceId: string; readonly correct: boolean },
): Promise<FastifyReply> {
  if (spans.count === 0) throw unknown(traceId);
  const times = await paced(traceTimesSteps(await paced(shapesSteps(spans)), correct));
  return sendJsonStream(
    asked.reply,
    traceJson(traceId, { spans, times }, () =>
      asked.info([...cutMark(spans.cut), ...skewMarks(times)]),
    ),
  );
}

async function outline(
  asked: Asked,
  {
    traceId,
    correct,
    range,
  }: {
    readonly traceId: string;
    readonly correct: boolean;
    readonly range: Parameters<typeof selectTraceOutline>[2]["range"];
  },
): Promise<FastifyReply> {
  const found = await selectTraceOutline(asked.reader, traceId, {
    range,
    spansMax: limits.spansMax,
  });
  const rest = outlineRest(found.count);
  const shapes = await paced(shapesSteps(found, rest.add));
  const times = await paced(traceTimesSteps(shapes, correct));
  return sendJsonStream(
    asked.reply,
    traceOutlineJson(traceId, { shapes, times, rest }, () =>
      asked.info([...cutMark(found.cut), ...skewMarks(times)]),
    ),
  );
}

async function span(asked: Asked): Promise<FastifyReply> {
  const traceId = traceIdOf(asked.request);
  const { spanId } = asked.request.params as { readonly spanId: string };
  const spans = await selectTraces(asked.reader, {
    traceIds: [traceId],
    spanId: spanId.toLowerCase(),
    spansMax: limits.twinsMax,
  });
  if (spans.count === 0)
    throw new TriptychError(
      "not_found",
      `no span ${JSON.stringify(spanId.slice(0, 40))} of trace ${traceId} is stored`,
    );
  return sendSpans(asked, spans, { traceId, correct: false });
}

async function find(asked: Asked): Promise<FoundSpans> {
  const wanted = asked.params.text("text")?.trim() ?? "";
  if (wanted === "") throw invalid('"text" is missing: it says what to look for');
  const spanIds = await selectSpansWithText(asked.reader, traceIdOf(asked.request), wanted);
  return { spanIds, ...asked.info() };
}
