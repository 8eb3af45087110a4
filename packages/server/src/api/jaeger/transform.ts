/**
 * `POST /api/transform`: traces as OTLP JSON in, as Jaeger's UI shows them out. The UI sends files here that somebody
 * opens in it; nothing is stored, and times stay as they are.
 */
import { type AttributeColumns, defaultLimits, type SpanBatch } from "@triptych/model";
import { decodeOtlpTraces } from "@triptych/wire";
import type { FastifyInstance, FastifyReply } from "fastify";
import { paced } from "../../query/traces/paced.ts";
import { columnsOfSpans } from "../../store/clickhouse/select/span-columns.ts";
import type {
  StoredAttributes,
  StoredSpan,
  StoredSpans,
} from "../../store/clickhouse/select/traces.ts";

/** A file that somebody opens: a trace of 100,000 spans has some 40 MB. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

export function registerTransform(
  scope: FastifyInstance,
  send: (reply: FastifyReply, spans: StoredSpans) => Promise<FastifyReply>,
): void {
  scope.register((own, _options, done) => {
    // The UI names no type, so its browser says that it is plain text.
    own.removeAllContentTypeParsers();
    own.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: BODY_BYTES_MAX },
      (_request, body, parsed) => parsed(null, body),
    );
    own.post("/transform", async (request, reply) => {
      const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
      const { batch } = await paced(decodeOtlpTraces(body, "json", { limits: defaultLimits }));
      return send(reply, await paced(spansSteps(batch)));
    });
    done();
  });
}

const KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUSES = ["Unset", "Ok", "Error"];
const STEP_SPANS = 1_024;

/** The spans of a batch as if they had been read from the store: by trace and time. */
function* spansSteps(batch: SpanBatch): Generator<void, StoredSpans> {
  const spans: StoredSpan[] = [];
  const spanAt = spanReader(batch);
  for (let row = 0; row < batch.rows; row++) if (spans.push(spanAt(row)) % STEP_SPANS === 0) yield;
  const order = new Map<string, number>();
  for (const { traceId } of spans) if (!order.has(traceId)) order.set(traceId, order.size);
  const place = ({ traceId }: StoredSpan): number => order.get(traceId) ?? 0;
  spans.sort(
    (a, b) => place(a) - place(b) || (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0),
  );
  return {
    count: spans.length,
    cut: false,
    [Symbol.iterator]: () => spans[Symbol.iterator](),
    shapes: () => spans.map((span) => ({ ...span, host: "" })),
    columns: function* () {
      for (let at = 0; at < spans.length; at += STEP_SPANS)
        yield columnsOfSpans(spans.slice(at, at + STEP_SPANS));
    },
  };
}

function spanReader(batch: SpanBatch): (row: number) => StoredSpan {
  const { events, links, resources, scopes, strings } = batch;
  const attributes = (of: AttributeColumns) => attributeReader(batch, of);
  const own = attributes(batch.attributes);
  const eventAttributes = attributes(events.attributes);
  const linkAttributes = attributes(links.attributes);
  const resourceAttributes = attributes(resources.attributes);
  const scopeAttributes = attributes(scopes.attributes);
  const text = (id: number | undefined): string => strings.text(id as number);
  return (row) => {
    const resource = batch.resource[row] as number;
    const scope = batch.scope[row] as number;
    const startNs = batch.startNs[row] as bigint;
    const endNs = batch.endNs[row] as bigint;
    return {
      traceId: hexOf(batch.traceId, row, 16),
      spanId: hexOf(batch.spanId, row, 8),
      parentSpanId: hexOf(batch.parentSpanId, row, 8),
      traceState: batch.traceState.text(row),
      name: text(batch.name[row]),
      kind: KINDS[batch.kind[row] as number] ?? "Unspecified",
      service: text(resources.serviceName[resource]),
      startNs,
      durationNs: endNs > startNs ? Number(endNs - startNs) : 0,
      status: STATUSES[batch.statusCode[row] as number] ?? "Unset",
      statusMessage: batch.statusMessage.text(row),
      flags: batch.flags[row] as number,
      scopeName: text(scopes.name[scope]),
      scopeVersion: text(scopes.version[scope]),
      resource: resourceAttributes(resource),
      scope: scopeAttributes(scope),
      attributes: own(row),
      events: itemsOf(events.offsets, row).map((at) => ({
        timeNs: events.timeNs[at] as bigint,
        name: text(events.name[at]),
        attributes: eventAttributes(at),
      })),
      links: itemsOf(links.offsets, row).map((at) => ({
        traceId: hexOf(links.traceId, at, 16),
        spanId: hexOf(links.spanId, at, 8),
        attributes: linkAttributes(at),
      })),
      dropped: {
        attributes: batch.droppedAttributes[row] as number,
        events: batch.droppedEvents[row] as number,
        links: batch.droppedLinks[row] as number,
      },
    };
  };
}

function itemsOf(offsets: Uint32Array, row: number): number[] {
  const from = offsets[row] as number;
  return Array.from({ length: (offsets[row + 1] as number) - from }, (_, i) => from + i);
}

/** All zero is none. */
function hexOf(bytes: Uint8Array, row: number, width: number): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset + row * width, width).toString("hex");
  return /[^0]/.test(hex) ? hex : "";
}

function attributeReader(
  { keys }: SpanBatch,
  { offsets, keys: keyIds, kinds, values }: AttributeColumns,
): (row: number) => StoredAttributes {
  return (row) => {
    const at = itemsOf(offsets, row);
    return {
      entries: at.map((i) => [keys.text(keyIds[i] as number), values.text(i)] as const),
      kinds: at.map((i) => String(kinds[i])).join(""),
    };
  };
}
