/**
 * Takes the labels of series away from days on which nothing is left of them, so that they are no longer listed. Only
 * for a store that this process alone writes: others would go on without writing labels again.
 */
import type { Engine } from "./engine.ts";
import { bigintCells, numberCells, readRows } from "./select/rows.ts";
import { sql, texts } from "./sql.ts";
import { series } from "./tables.ts";

export interface ForgetSeriesDeps {
  readonly engine: Engine;
  /** From now on labels are written with the first sample of each series again. */
  readonly writeLabelsAgain: () => void;
  /** Resolves when all that was acknowledged until now is in the store. */
  readonly settled: () => Promise<void>;
}

/** A statement of this many ids has about 100 kB. */
const IDS_PER_STATEMENT = 5_000;
const DAY_MS = 86_400_000;

/**
 * Labels that are written while this runs stay: what was written before it began is deleted only where no sample is
 * left, and all samples that rely on it are in the store by then.
 */
export async function forgetSeries(
  { engine, writeLabelsAgain, settled }: ForgetSeriesDeps,
  ids: readonly bigint[],
): Promise<void> {
  if (engine.kind !== "embedded" || ids.length === 0) return;
  const newest = await engine.select(sql`SELECT max(_seq) AS seq FROM series`);
  const untilSeq = readRows(newest, (block) => bigintCells(block, "seq"))[0] ?? 0n;
  writeLabelsAgain();
  await settled();
  for (let at = 0; at < ids.length; at += IDS_PER_STATEMENT) {
    const some = ids.slice(at, at + IDS_PER_STATEMENT);
    for (const [day, gone] of await withoutSamples(engine, some)) {
      const list = gone.map((id) => BigInt.asUintN(64, id).toString()).join(", ");
      const fromMs = day * DAY_MS;
      await engine.execute(
        `DELETE FROM \`${series.name}\` WHERE Id IN (${list}) AND _seq <= ${untilSeq} AND FirstSeen >= ${fromMs} AND FirstSeen < ${fromMs + DAY_MS}`,
      );
    }
  }
}

/** By day since 1970 the series that are known on it and of which there is nothing. */
async function withoutSamples(
  engine: Engine,
  ids: readonly bigint[],
): Promise<ReadonlyMap<number, readonly bigint[]>> {
  const wanted = sql`Id IN (SELECT arrayJoin(arrayMap(x -> toUInt64(x), ${texts(ids.map(String))})))`;
  const result =
    await engine.select(sql`SELECT DISTINCT Id AS id, intDiv(FirstSeen, 86400000) AS day FROM series
    WHERE ${wanted} AND (Id, intDiv(FirstSeen, 86400000)) NOT IN (
      SELECT Id, intDiv(Time, 86400000) FROM samples WHERE ${wanted}
      UNION ALL SELECT Id, intDiv(Time, 86400000) FROM samples_5m WHERE ${wanted}
      UNION ALL SELECT Id, intDiv(Time, 86400000) FROM samples_1h WHERE ${wanted}
      UNION ALL SELECT Id, intDiv(Time, 86400000) FROM histograms WHERE ${wanted}
      UNION ALL SELECT Id, intDiv(Time, 86400000) FROM histograms_5m WHERE ${wanted}
      UNION ALL SELECT Id, intDiv(Time, 86400000) FROM histograms_1h WHERE ${wanted}
    )`);
  const out = new Map<number, bigint[]>();
  const rows = readRows(result, (block) => {
    const id = bigintCells(block, "id");
    const day = numberCells(block, "day");
    return (row) => [id(row), day(row)] as const;
  });
  for (const [id, day] of rows) {
    const list = out.get(day) ?? [];
    list.push(id);
    out.set(day, list);
  }
  return out;
}
