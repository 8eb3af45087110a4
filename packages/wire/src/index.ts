export type {
  DecodedExposition,
  ExpositionOptions,
  ExpositionRejection,
} from "./exposition/exposition-writer.ts";
export { boundText } from "./exposition/float-text.ts";
export {
  type ExpositionFormat,
  expositionFormat,
  parseExposition,
} from "./exposition/parse.ts";
export type { FederatedFamily, FederatedSample } from "./federation/family.ts";
export { type FederationFormat, federationFormat } from "./federation/format.ts";
export { federationProtobuf } from "./federation/protobuf.ts";
export { federationText } from "./federation/text.ts";
export { decodeLokiPush } from "./loki/push.ts";
export { LOKI_SCHEMA_URL } from "./loki/schema.ts";
export {
  type ArrayColumn,
  type BigColumn,
  type MapColumn,
  type NativeBlock,
  type NativeColumn,
  type NativeData,
  type NullableColumn,
  type NumberColumn,
  readNativeBlocks,
  type TextColumn,
  type TupleColumn,
} from "./native/reader.ts";
export { DictionaryUse, NativeWriter, withColumns } from "./native/writer.ts";
export { decodeOtlpLogs } from "./otlp/logs.ts";
export { decodeOtlpMetrics } from "./otlp/metrics.ts";
export { encodeExportResponse, encodeStatus, type StatusFields } from "./otlp/responses.ts";
export { type Decoded, drain, type OtlpEncoding } from "./otlp/steps.ts";
export { decodeOtlpTraces } from "./otlp/traces.ts";
export {
  decodeReadRequest,
  type ReadMatcher,
  type ReadQuery,
  type ReadRequest,
  ReadResponseType,
} from "./remote-read/request.ts";
export {
  chunkedReadFrames,
  encodeReadResponse,
  type ReadSeries,
  writeReadSeries,
} from "./remote-read/response.ts";
export {
  type DecodedRemoteWrite,
  decodeRemoteWrite,
  type RemoteWriteVersion,
} from "./remote-write/decode.ts";
export {
  encodeRemoteWrite,
  encodeRemoteWriteMetadata,
  type WriteExemplar,
  type WriteLabels,
  type WriteMetadata,
  type WriteSeries,
} from "./remote-write/encode.ts";
export type { BucketRuns, HistogramMessage } from "./remote-write/histogram-message.ts";
export { MessageWriter } from "./remote-write/message-writer.ts";
export type { RemoteWriteRejection } from "./remote-write/write-request.ts";
export { decodeSnappy } from "./snappy/block.ts";
export { encodeSnappy } from "./snappy/encode.ts";
export { decodeSnappyFramed } from "./snappy/framed.ts";
export {
  type AnyValue as TempoAnyValue,
  type KeyValue as TempoKeyValue,
  keyValues as otlpKeyValues,
} from "./otlp/any-value.ts";
export {
  type TempoSpan,
  tempoTraceHead,
  tempoTraceJson,
  tempoTraceProtobuf,
  tempoTraceTail,
} from "./tempo/trace.ts";
export { decodeZipkin, type ZipkinEncoding } from "./zipkin/decode.ts";
export { decodeJaeger, type JaegerEncoding } from "./jaeger/decode.ts";
