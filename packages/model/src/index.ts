export { assert, unreachable } from "./assert.ts";
export { AttributeColumns, ValueKind } from "./attributes.ts";
export { ByteColumn, grownU8 } from "./byte-column.ts";
export { type Clock, sleep } from "./clock.ts";
export { dayOfMs, dayOfNs } from "./day.ts";
export { Dictionary } from "./dictionary.ts";
export { HashSlots } from "./hash-slots.ts";
export {
  asTriptychError,
  type ErrorCode,
  type ErrorDetail,
  type ErrorSpec,
  errorCatalogue,
  TriptychError,
} from "./error.ts";
export { keepRows } from "./keep-rows.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { LogBatch } from "./log-batch.ts";
export {
  ExemplarColumns,
  FloatSamples,
  HistogramSamples,
  type MetricMetadata,
  type MetricType,
  RaggedF64,
  SampleBatch,
  SeriesTable,
  SpanRuns,
  STALE_NAN_WORDS,
  Temporality,
} from "./sample-batch.ts";
export { EventColumns, LinkColumns, ResourceTable, ScopeTable, SpanBatch } from "./span-batch.ts";

import type { LogBatch } from "./log-batch.ts";
import type { SampleBatch } from "./sample-batch.ts";
import type { SpanBatch } from "./span-batch.ts";

/** What flows from receivers to the journal. */
export type Batch = SpanBatch | LogBatch | SampleBatch;
