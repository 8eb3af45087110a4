/** `traces/{id}`, first and second version: a trace as JSON or protobuf. */
import { TriptychError } from "@triptych/model";
import { tempoTraceHead, tempoTraceJson, tempoTraceProtobuf, tempoTraceTail } from "@triptych/wire";
import type { FastifyReply } from "fastify";
import { turn } from "../../query/pacing.ts";
import { type StoredSpans, selectTraces } from "../../store/clickhouse/select/traces.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";
import { sendJsonStream } from "../ours/json-stream.ts";
import type { Exchange } from "./exchange.ts";
import { bad, unsigned } from "./params.ts";

/** Of one trace; more than any interface shows. */
const SPANS_MAX = 200_000;
const SECOND_NS = 1_000_000_000n;

export const traceV1 = (exchange: Exchange): Promise<FastifyReply> => trace(exchange, 1);
export const traceV2 = (exchange: Exchange): Promise<FastifyReply> => trace(exchange, 2);

async function trace(exchange: Exchange, version: 1 | 2): Promise<FastifyReply> {
  const { traceId } = exchange.request.params as { readonly traceId: string };
  const spans = await selectTraces(exchange.reader, {
    traceIds: [checkedId(traceId)],
    range: rangeHint(exchange.params),
    spansMax: SPANS_MAX,
  });
  if (spans.count === 0) throw new TriptychError("not_found", "trace not found");
  const accept = exchange.request.headers.accept ?? "";
  const message = spans.cut
    ? `only the first ${SPANS_MAX} spans of the trace are in the answer`
    : "";
  if (accept.includes("application/protobuf") || accept.includes("application/x-protobuf"))
    return sendProtobuf(exchange.reply, { spans, version, message });
  return sendJsonStream(
    exchange.reply,
    (function* () {
      yield version === 1 ? '{"batches":[' : '{"trace":{"resourceSpans":[';
      yield* tempoTraceJson(spans);
      yield version === 1 ? "]}" : `]},"metrics":{}${partial(message)}}`;
    })(),
  );
}

const partial = (message: string): string =>
  message === "" ? "" : `,"status":"PARTIAL","message":${JSON.stringify(message)}`;

async function sendProtobuf(
  reply: FastifyReply,
  {
    spans,
    version,
    message,
  }: { readonly spans: StoredSpans; readonly version: 1 | 2; readonly message: string },
): Promise<FastifyReply> {
  const pieces: Uint8Array[] = [];
  let until = performance.now() + 8;
  for (const piece of tempoTraceProtobuf(spans)) {
    pieces.push(piece);
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + 8;
  }
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (version === 2) {
    pieces.unshift(tempoTraceHead(size));
    pieces.push(tempoTraceTail(message));
  }
  return reply.type("application/protobuf").send(Buffer.concat(pieces));
}

function checkedId(text: string): string {
  if (text.length > 32) throw bad("trace IDs can't be larger than 128 bits");
  if (!/^[0-9a-fA-F]+$/.test(text))
    throw bad(`trace IDs can only contain hex characters: ${JSON.stringify(text.slice(0, 40))}`);
  return text.toLowerCase().padStart(32, "0");
}

/** Spans of a trace can lie a little beyond what the client knows of it. */
function rangeHint(params: URLSearchParams): NsRange | undefined {
  const start = unsigned(params, "start") ?? 0;
  const end = unsigned(params, "end") ?? 0;
  if (start === 0 && end === 0) return undefined;
  if (end !== 0 && end <= start)
    throw bad(`http parameter start must be before end. received start=${start} end=${end}`);
  return {
    fromNs: BigInt(start) * SECOND_NS,
    toNs: end === 0 ? 2n ** 63n - 1n : (BigInt(end) + 1n) * SECOND_NS,
  };
}
