/**
 * Batches into journal blocks: merges batches that arrived together, splits them by day, and writes one Native block
 * per kind, partition and chunk of rows. In: batches (owned). Out: blocks for the journal.
 */
import {
  type Batch,
  type Clock,
  dayOfMs,
  dayOfNs,
  type LogBatch,
  type SampleBatch,
  type SpanBatch,
} from "@triptych/model";
import type { Block, BlockEncoder } from "../../../journal/block.ts";
import { exemplars, histograms, logs, metricMetadata, samples, series, traces } from "../tables.ts";
import { encodeLogs } from "./logs.ts";
import { DaySplit, partitionOfDay, type Segment } from "./rows.ts";
import {
  encodeExemplars,
  encodeFloats,
  encodeHistograms,
  encodeMetadata,
  encodeSeries,
  type MetadataRow,
} from "./samples.ts";
import { SeriesRegistry } from "./series-registry.ts";
import { encodeSpans } from "./spans.ts";

/** About 10 ms of encoding, so that the event loop breathes between blocks. */
const ROWS_PER_BLOCK = 8_192;
/** Small fixed rows: more of them in the same time. */
const SAMPLES_PER_BLOCK = 65_536;
const METADATA_FAMILIES_MAX = 100_000;

interface Registries {
  readonly series: SeriesRegistry;
  readonly metadata: Map<string, string>;
  readonly clock: Clock;
}

export function createBlockEncoder(deps: { clock: Clock; seriesMax: number }): BlockEncoder {
  const registries: Registries = {
    series: new SeriesRegistry(deps.seriesMax),
    metadata: new Map(),
    clock: deps.clock,
  };
  return {
    *encode(batches) {
      const blocks: Block[] = [];
      yield* spanBlocks(of(batches, "spans"), blocks);
      yield* logBlocks(of(batches, "logs"), blocks);
      yield* sampleBlocks(of(batches, "samples"), registries, blocks);
      return blocks;
    },
    forget() {
      registries.series.clear();
      registries.metadata.clear();
    },
  };
}

type BatchOf<S> = Extract<Batch, { readonly signal: S }>;

function of<S extends Batch["signal"]>(batches: readonly Batch[], signal: S): BatchOf<S>[] {
  return batches.filter((batch): batch is BatchOf<S> => batch.signal === signal);
}

function* spanBlocks(batches: readonly SpanBatch[], out: Block[]): Generator<void> {
  const days = new DaySplit<SpanBatch>();
  for (const batch of batches) {
    const { startWords } = batch;
    days.add(batch, batch.rows, (row) =>
      dayOfNs(startWords[row * 2] as number, startWords[row * 2 + 1] as number),
    );
  }
  for (const { partition, segments, rows } of days.chunks(ROWS_PER_BLOCK)) {
    out.push({ kind: traces.name, partition, rows, bytes: encodeSpans(segments) });
    yield;
  }
}

function* logBlocks(batches: readonly LogBatch[], out: Block[]): Generator<void> {
  const days = new DaySplit<LogBatch>();
  for (const batch of batches) {
    const { timeWords } = batch;
    days.add(batch, batch.rows, (row) =>
      dayOfNs(timeWords[row * 2] as number, timeWords[row * 2 + 1] as number),
    );
  }
  const written = new Map<number, number>();
  for (const { partition, segments, rows } of days.chunks(ROWS_PER_BLOCK)) {
    const first = written.get(partition) ?? 0;
    written.set(partition, first + rows);
    out.push({ kind: logs.name, partition, rows, bytes: encodeLogs(segments, first) });
    yield;
  }
}

function* sampleBlocks(
  batches: readonly SampleBatch[],
  registries: Registries,
  out: Block[],
): Generator<void> {
  if (batches.length === 0) return;
  yield* seriesBlocks(batches, registries.series, out);
  const kinds = [
    {
      table: samples,
      encode: encodeFloats,
      columns: (b: SampleBatch) => b.samples,
      chunk: SAMPLES_PER_BLOCK,
    },
    {
      table: histograms,
      encode: encodeHistograms,
      columns: (b: SampleBatch) => b.histograms,
      chunk: ROWS_PER_BLOCK,
    },
    {
      table: exemplars,
      encode: encodeExemplars,
      columns: (b: SampleBatch) => b.exemplars,
      chunk: ROWS_PER_BLOCK,
    },
  ];
  for (const { table, encode, columns, chunk } of kinds) {
    const days = new DaySplit<SampleBatch>();
    for (const batch of batches) {
      const { rows, timeMs } = columns(batch);
      days.add(batch, rows, (row) => dayOfMs(timeMs[row] as number));
    }
    for (const { partition, segments, rows } of days.chunks(chunk)) {
      out.push({ kind: table.name, partition, rows, bytes: encode(segments) });
      yield;
    }
  }
  const block = metadataBlock(batches, registries);
  if (block !== undefined) out.push(block);
}

/** Series not yet written on the day of a sample of theirs. */
function* seriesBlocks(
  batches: readonly SampleBatch[],
  registry: SeriesRegistry,
  out: Block[],
): Generator<void> {
  const byDay = new Map<number, { segments: Segment<SampleBatch>[]; firstSeenMs: number[] }>();
  for (const batch of batches) {
    const found = new Map<number, number[]>();
    const claimed = registry.daysOf(batch.series);
    for (const { rows, series: seriesOf, timeMs } of [batch.samples, batch.histograms]) {
      for (let row = 0; row < rows; row++) {
        const at = seriesOf[row] as number;
        const ms = timeMs[row] as number;
        const day = dayOfMs(ms);
        if (claimed[at] === day + 1) continue;
        claimed[at] = day + 1;
        if (
          !registry.claim(
            batch.series.hashLow[at] as number,
            batch.series.hashHigh[at] as number,
            day,
          )
        )
          continue;
        let list = found.get(day);
        if (list === undefined) {
          list = [];
          found.set(day, list);
        }
        list.push(at);
        let target = byDay.get(day);
        if (target === undefined) {
          target = { segments: [], firstSeenMs: [] };
          byDay.set(day, target);
        }
        target.firstSeenMs.push(ms);
      }
    }
    for (const [day, rows] of found)
      byDay.get(day)?.segments.push({ batch, rows: Uint32Array.from(rows) });
    yield;
  }
  for (const [day, { segments, firstSeenMs }] of byDay) {
    const bytes = encodeSeries(segments, firstSeenMs);
    out.push({
      kind: series.name,
      partition: partitionOfDay(day),
      rows: firstSeenMs.length,
      bytes,
    });
    yield;
  }
}

/** Metadata that is new or changed since this process last wrote it. */
function metadataBlock(
  batches: readonly SampleBatch[],
  { metadata, clock }: Registries,
): Block | undefined {
  const rows: MetadataRow[] = [];
  for (const batch of batches) {
    for (const row of batch.metadata) {
      const value = `${row.type}\n${row.unit}\n${row.help}`;
      if (metadata.get(row.family) === value) continue;
      if (metadata.size >= METADATA_FAMILIES_MAX) metadata.clear();
      metadata.set(row.family, value);
      rows.push(row);
    }
  }
  if (rows.length === 0) return undefined;
  return {
    kind: metricMetadata.name,
    partition: 0,
    rows: rows.length,
    bytes: encodeMetadata(rows, clock.nowMs()),
  };
}
