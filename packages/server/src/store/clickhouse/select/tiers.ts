/** Which days are kept as samples, and which only downsampled. */
import { type Sql, sql } from "../sql.ts";

/** How fine the samples of a stretch of time are. */
export type Tier = "samples" | "samples_5m" | "samples_1h";

/** Milliseconds between the rows of a series, about; 0 when they are samples. */
export const tierMs: { readonly [tier in Tier]: number } = {
  samples: 0,
  samples_5m: 300_000,
  samples_1h: 3_600_000,
};

/** Columns `day` (20261121), `tier` and `rows`: native histograms count with the samples of their tier. */
export function tiersSql(): Sql {
  return sql`SELECT toString(partition_id) AS day,
      replaceOne(toString(table), 'histograms', 'samples') AS tier, sum(rows) AS rows FROM system.parts
    WHERE database = currentDatabase() AND active AND table IN ('samples', 'samples_5m', 'samples_1h', 'histograms', 'histograms_5m', 'histograms_1h')
    GROUP BY partition_id, tier`;
}
