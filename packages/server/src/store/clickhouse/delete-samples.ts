/**
 * Deletes samples, native histograms and exemplars of some series in a range of time. The labels of the series stay
 * known: other processes and this one remember that they are written, and samples may come again.
 */
import type { Engine } from "./engine.ts";
import {
  exemplars,
  histograms,
  histograms1h,
  histograms5m,
  samples,
  samples1h,
  samples5m,
} from "./tables.ts";

const tables = [samples, samples5m, samples1h, histograms, histograms5m, histograms1h, exemplars];

export interface DeletedRange {
  /** Milliseconds, both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A statement of this many ids has about 100 kB. */
const IDS_PER_STATEMENT = 5_000;

/** Resolves when the rows can no longer be read. Others' rows are not touched. */
export async function deleteSamples(
  engine: Engine,
  ids: readonly bigint[],
  range: DeletedRange,
): Promise<void> {
  const from = wholeText(range.fromMs);
  const to = wholeText(range.toMs);
  for (let at = 0; at < ids.length; at += IDS_PER_STATEMENT) {
    const list = ids
      .slice(at, at + IDS_PER_STATEMENT)
      .map((id) => BigInt.asUintN(64, id).toString());
    for (const { name } of tables)
      await engine.execute(
        `DELETE FROM \`${name}\` WHERE Id IN (${list.join(", ")}) AND Time >= ${from} AND Time <= ${to}`,
      );
  }
}

/** Only digits may go into a statement's text. */
function wholeText(ms: number): string {
  return BigInt(Math.floor(ms)).toString();
}
