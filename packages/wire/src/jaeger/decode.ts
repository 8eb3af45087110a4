/** Decodes what Jaeger's clients and agents send: a thrift `Batch`, alone or in a call, or `PostSpansRequest`. */
import type { Limits, SpanBatch } from "@triptych/model";
import { StepMeter } from "../otlp/steps.ts";
import { valueRules } from "../otlp/traces.ts";
import { ProtobufReader } from "../protobuf-reader.ts";
import { ThriftReader, ThriftType } from "../thrift/reader.ts";
import { DraftWriter } from "../zipkin/span-draft.ts";
import { readPostSpans } from "./protobuf.ts";
import { readThriftBatch } from "./thrift.ts";

/**
 * `thrift-batch` is a bare `Batch` in the binary protocol, as collectors take it over HTTP; the two calls are
 * `Agent.emitBatch` as agents take it over UDP; `protobuf` is the request of `CollectorService/PostSpans`.
 */
export type JaegerEncoding =
  | "thrift-batch"
  | "thrift-call-binary"
  | "thrift-call-compact"
  | "protobuf";

const BYTES_PER_SPAN = 256;
const ROWS_HINT_MAX = 4096;

/**
 * Decodes a whole message in steps of about a millisecond. Throws `wire_malformed`, `wire_too_deep` and
 * `wire_too_many_items`, each with the byte where it was found; a message with one bad span is refused whole.
 */
export function* decodeJaeger(
  body: Uint8Array,
  encoding: JaegerEncoding,
  { limits }: { readonly limits: Limits },
): Generator<void, SpanBatch> {
  const rowsHint = Math.min(ROWS_HINT_MAX, Math.ceil(body.length / BYTES_PER_SPAN));
  const writer = new DraftWriter(limits, valueRules(limits), rowsHint);
  const common = { writer, limits, meter: new StepMeter() };
  if (encoding === "protobuf")
    yield* readPostSpans({ ...common, reader: new ProtobufReader(body) });
  else {
    const protocol = encoding === "thrift-call-compact" ? "compact" : "binary";
    const reader = new ThriftReader(body, protocol);
    if (encoding !== "thrift-batch") enterCall(reader);
    yield* readThriftBatch({ ...common, reader });
  }
  return writer.spans.batch;
}

/** Goes to the batch, the only argument of `emitBatch`. */
function enterCall(reader: ThriftReader): void {
  const name = reader.message();
  if (name !== "emitBatch")
    reader.fail(`a call of ${JSON.stringify(name)} instead of "emitBatch"`, 0);
  reader.enterStruct();
  while (reader.field()) {
    if (reader.fieldId === 1) {
      reader.expect(ThriftType.struct, reader.fieldType);
      return;
    }
    reader.skip(reader.fieldType);
  }
  reader.fail("emitBatch without a batch", reader.pos);
}
