/** What a target showed, kept from scrape to scrape: for staleness markers, counts, and samples that come late. */
import type { SeriesTable } from "@triptych/model";
import { SeriesIndex } from "./series-index.ts";

export interface TargetMemory {
  /** Series of the last scrape, for staleness markers. */
  previous: Seen | undefined;
  /** What a scrape that failed showed until then: Prometheus does not mark these stale with the others. */
  partial: Seen | undefined;
  /** Series that are not new, as the target shows them. A scrape that fails takes none away. */
  known: SeriesIndex;
  /** The newest sample that was handed on of each series, as stored; also of some that are gone. */
  last: SeriesIndex;
  /** What relabelling made of series, by the hash of their labels. */
  relabelled: RelabelMemo;
  exemplars: ReadonlySet<string>;
}

export interface Seen {
  readonly index: SeriesIndex;
  readonly table: SeriesTable;
}

export interface RelabelMemo {
  readonly index: SeriesIndex;
  readonly changed: LabelChange[];
}

/** What relabelling did to the labels of a series. */
export interface LabelChange {
  /** Names that are gone or have another value. */
  readonly gone: readonly string[];
  readonly added: readonly (readonly [name: string, value: string])[];
}

export function emptyMemory(): TargetMemory {
  return {
    previous: undefined,
    partial: undefined,
    known: new SeriesIndex(),
    last: new SeriesIndex(),
    relabelled: emptyMemo(),
    exemplars: new Set(),
  };
}

export function emptyMemo(): RelabelMemo {
  return { index: new SeriesIndex(), changed: [] };
}
