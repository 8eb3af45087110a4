/**
 * The series that remote write brought lately, so that labels are read, checked, sorted and hashed once and not with
 * every sample. One table is filled until it is too large; then the next request begins another, and the old one lives
 * as long as batches refer to it.
 */
import { type Limits, SeriesTable } from "@triptych/model";
import { KeyIndex } from "./key-index.ts";
import { LabelVerdicts } from "./series-labels.ts";

/** About 300,000 series of usual labels. More of them are read anew now and then. */
const BYTES_MAX = 64 * 1024 * 1024;

export interface KnownSeries {
  readonly table: SeriesTable;
  readonly verdicts: LabelVerdicts;
  /** By the bytes of the labels of a message of remote write 1.0. */
  readonly byLabels: KeyIndex;
  /** By ids of names and values in the table, in the order that the sender of 2.0 has them. */
  readonly byIds: KeyIndex;
}

export interface SeriesCache {
  /** For one request, which may add to it; others do so at the same time. */
  current(): KnownSeries;
}

/** Labels are checked by these limits, once. */
export function createSeriesCache(limits: Limits, bytesMax = BYTES_MAX): SeriesCache {
  let known = newKnownSeries(limits);
  return {
    current() {
      if (bytesOf(known) > bytesMax) known = newKnownSeries(limits);
      return known;
    },
  };
}

export function newKnownSeries(limits: Limits): KnownSeries {
  const table = new SeriesTable(true);
  const verdicts = new LabelVerdicts(table, limits);
  return { table, verdicts, byLabels: new KeyIndex(), byIds: new KeyIndex() };
}

function bytesOf({ table, verdicts, byLabels, byIds }: KnownSeries): number {
  return table.bytes + verdicts.bytes + byLabels.bytes + byIds.bytes;
}
