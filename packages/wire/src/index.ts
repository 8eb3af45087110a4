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
export { type BeatsOptions, type DecodedBeats, decodeBeatsEvents } from "./beats/events.ts";
export {
  type BeatsEvent,
  type BeatsFrame,
  type BeatsScanner,
  type BeatsVersion,
  createBeatsScanner,
  type PlainBeatsFrame,
  readBeatsFrame,
  readInnerFrames,
  writeBeatsAck,
} from "./beats/frames.ts";
export { addForwardEvents, type DecodedEvents } from "./fluentd/events.ts";
export {
  type ForwardEvents,
  type ForwardMessage,
  type ForwardPing,
  readForwardMessage,
  readForwardPing,
} from "./fluentd/message.ts";
export { MsgpackReader } from "./msgpack/reader.ts";
export { createMsgpackScanner, type MsgpackScanner } from "./msgpack/scanner.ts";
export { encodeMsgpack, type MsgpackOut } from "./msgpack/writer.ts";
export {
  createJournalExportReader,
  type JournalEntry,
  type JournalExportReader,
  journalEntryOfJson,
} from "./journald/export.ts";
export { decodeLokiPush, readLokiPush } from "./loki/push.ts";
export { LOKI_LEVEL_NAMES } from "./loki/level.ts";
export {
  LOKI_SERVICE_SOURCES,
  PushWriter,
  type PushOptions,
  type PushTarget,
} from "./loki/push-writer.ts";
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
export { createSeriesCache, type SeriesCache } from "./remote-write/known-series.ts";
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
export { draftOfObject, type ObjectDraftOptions } from "./log-record/draft-of-object.ts";
export {
  isObject as isJsonObject,
  type JsonObject,
  type JsonValue,
  jsonText,
  parseJsonValue,
} from "./log-record/json-value.ts";
export { type LogDraft, LogDrafts } from "./log-record/log-drafts.ts";
export {
  hexIdOf,
  type Recognised,
  recogniseFields,
  recogniseLine,
} from "./log-record/recognise.ts";
export {
  type Severity,
  severityOf,
  severityOfSyslog,
  severityOfWord,
  SYSLOG_SEVERITIES,
} from "./log-record/severity.ts";
export { recogniseTime } from "./log-record/time.ts";
export {
  type BulkError,
  type BulkItem,
  type BulkOptions,
  type DecodedBulk,
  decodeElasticsearchBulk,
  decodeElasticsearchDocument,
} from "./elasticsearch/bulk.ts";
export type { BulkAction } from "./elasticsearch/bulk-operations.ts";
export { indexNameProblem } from "./elasticsearch/index-name.ts";
export { draftOfSyslog, SYSLOG_FACILITIES, type SyslogDraftOptions } from "./syslog/draft.ts";
export {
  parseSyslog,
  type StructuredElement,
  type SyslogMessage,
  type SyslogOptions,
} from "./syslog/message.ts";
export { draftsOfLogstash, type LogstashOptions } from "./logstash/event.ts";
export {
  parseStatsdLine,
  type StatsdKind,
  type StatsdLine,
  type StatsdSample,
  statsdMetricName,
} from "./statsd/line.ts";
