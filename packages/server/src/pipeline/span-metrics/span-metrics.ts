/**
 * Span metrics: calls and durations by operation, counted from spans that were acknowledged. A span's labels are
 * compared as bytes, so that a span of a known operation costs no text at all.
 */
import { Dictionary, type SpanBatch } from "@triptych/model";
import type { SpanMetricsConfig } from "../../config/derive-schema.ts";
import {
  createDerivedSeries,
  type DerivedOptions,
  type DerivedSeries,
  type ExemplarSource,
} from "../derived-series/derived-series.ts";
import {
  createWantedNames,
  durationNs,
  endMs,
  type FoundAttributes,
  findAttributes,
} from "../derived-series/span-attributes.ts";
import { createSpanFilter } from "./filter.ts";
import { createLabelling, type Labelling } from "./labelling.ts";
import { CALLS, LATENCY, SIZE, spanMetricNames } from "./names.ts";
import { createTargetInfo } from "./target-info.ts";

export interface SpanMetricsDeps {
  readonly config: SpanMetricsConfig;
  readonly constantLabels: DerivedOptions["constantLabels"];
  /** Spans that ended further from now than this are not counted. */
  readonly slackMs: number;
  readonly startedMs: number;
  readonly discarded: (reason: string, items: number) => void;
}

export interface SpanMetrics {
  /** Counts spans `from .. to` of a batch, of which it keeps nothing. */
  count(
    batch: SpanBatch,
    range: { readonly from: number; readonly to: number },
    nowMs: number,
  ): void;
  readonly tables: readonly DerivedSeries[];
}

/** Keys remembered for each label set there may be; what is forgotten is found again by its labels. */
const KEYS_PER_SET = 4;
const EXEMPLARS_MAX = 10_000;

export function createSpanMetrics(deps: SpanMetricsDeps): SpanMetrics {
  const { config, slackMs } = deps;
  const { shape, service, perNs } = spanMetricNames(config);
  const options = {
    setsMax: config.setsMax,
    staleMs: config.staleSeconds * 1000,
    constantLabels: deps.constantLabels,
    exemplarsMax: EXEMPLARS_MAX,
  };
  const table = createDerivedSeries({ shape, ...options }, deps.startedMs);
  const wanted = createWantedNames();
  const labelling = createLabelling(config, service, wanted);
  const filter = createSpanFilter(config.filterPolicies, wanted);
  const multiplier = config.spanMultiplierKey === "" ? -1 : wanted.index(config.spanMultiplierKey);
  const sets = createSetCache(table, labelling, config.setsMax * KEYS_PER_SET);
  const targets = config.targetInfo
    ? createTargetInfo(config.targetInfoExcludedDimensions, options, deps.startedMs)
    : undefined;
  let lastBatch: SpanBatch | undefined;
  let lastFound: FoundAttributes | undefined;

  return {
    tables: targets === undefined ? [table] : [table, targets.table],
    count(batch, { from, to }, nowMs) {
      if (lastBatch !== batch || lastFound === undefined) {
        lastFound = findAttributes(wanted.names, batch);
        targets?.see(batch, nowMs);
      }
      lastBatch = to < batch.rows ? batch : undefined;
      const found = lastFound;
      const source = { traceId: batch.traceId, spanId: batch.spanId, row: 0 };
      const overflowedBefore = table.overflowed;
      let late = 0;
      let filtered = 0;
      sets.begin(batch, found);
      for (let row = from; row < to; row++) {
        const endedMs = endMs(batch, row);
        if (Math.abs(nowMs - endedMs) > slackMs) {
          late++;
          continue;
        }
        found.span(row);
        if (filter !== undefined && !filter(batch, row, found)) {
          filtered++;
          continue;
        }
        const set = sets.of(row);
        const weight = multiplier < 0 ? 1 : weightOf(batch, row, found, multiplier);
        table.add(set, CALLS, weight, nowMs);
        if (config.size) table.add(set, SIZE, sizeOf(batch, row) * weight, nowMs);
        source.row = row;
        observe(table, { set, value: durationNs(batch, row) * perNs, weight }, source, endedMs);
      }
      if (late > 0) deps.discarded("span_metrics_outside_slack", late);
      if (filtered > 0) deps.discarded("span_metrics_filtered", filtered);
      const overflowed = table.overflowed - overflowedBefore;
      if (overflowed > 0) deps.discarded("span_metrics_overflow", overflowed);
      if (to >= batch.rows) lastFound = undefined;
    },
  };
}

function observe(
  table: DerivedSeries,
  what: { readonly set: number; readonly value: number; readonly weight: number },
  source: ExemplarSource,
  endedMs: number,
): void {
  if (table.isOverflow(what.set)) table.observe(what.set, LATENCY, what.value, what.weight);
  else table.observeFrom(what.set, LATENCY, what.value, what.weight, source, endedMs);
}

interface SetCache {
  begin(batch: SpanBatch, found: FoundAttributes): void;
  /** The number of the label set of a span of the batch that was begun. */
  of(row: number): number;
}

/** From a span's key bytes to the number of its label set. */
function createSetCache(table: DerivedSeries, labelling: Labelling, keysMax: number): SetCache {
  let known = new Dictionary();
  let sets: number[] = [];
  let generation = 0;
  let current: { readonly batch: SpanBatch; readonly found: FoundAttributes };
  const forget = (): void => {
    known = new Dictionary();
    sets = [];
    generation = table.generation;
  };
  return {
    begin(batch, found) {
      current = { batch, found };
      labelling.begin(batch, found);
      if (table.generation !== generation || known.size > keysMax) forget();
    },
    of(row) {
      if (known.size > keysMax) forget();
      const size = labelling.key(row);
      const before = known.size;
      const id = known.intern(labelling.bytes(), 0, size);
      if (id < before) return sets[id] as number;
      const set = table.set(labelling.labels(current.batch, row, current.found));
      sets.push(set);
      return set;
    },
  };
}

/** A sampled span stands for as many as its share says. */
function weightOf(batch: SpanBatch, row: number, found: FoundAttributes, index: number): number {
  const ofSpan = found.entries[index] as number;
  const ofResource = found.resource(batch.resource[row] as number)[index] as number;
  const text =
    ofSpan >= 0
      ? batch.attributes.values.text(ofSpan)
      : ofResource >= 0
        ? batch.resources.attributes.values.text(ofResource)
        : "";
  const share = Number(text);
  return text !== "" && share > 0 && Number.isFinite(1 / share) ? 1 / share : 1;
}

/** Ids, times, kind and their tags in protobuf. */
const FIXED_BYTES = 60;
const ATTRIBUTE_BYTES = 8;

/** About the bytes a span has as OTLP protobuf: its name, its attributes and what every span has. */
function sizeOf(batch: SpanBatch, row: number): number {
  const { attributes, keys, strings } = batch;
  const start = attributes.offsets[row] as number;
  const end = attributes.offsets[row + 1] as number;
  const { offsets } = attributes.values;
  let bytes = FIXED_BYTES + strings.entries.sizeOf(batch.name[row] as number);
  bytes += batch.statusMessage.sizeOf(row) + (end - start) * ATTRIBUTE_BYTES;
  bytes += (offsets[end] as number) - (offsets[start] as number);
  for (let i = start; i < end; i++) bytes += keys.entries.sizeOf(attributes.keys[i] as number);
  return bytes;
}
