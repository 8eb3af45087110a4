/** What sets the traces inside a box of the heat map apart from the others: attribute values that are commoner there. */
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { SpanFilter } from "../../store/clickhouse/select/traces-filter.ts";
import {
  selectAttributeShares,
  selectBoxSides,
  type TraceBox,
} from "../../store/clickhouse/select/traces-search.ts";

/** Traces of each side that are compared: shares are then right to about four percent. */
const SAMPLE_MAX = 500;
const VALUES_MAX = 50;

export interface Difference {
  readonly inside: number;
  readonly outside: number;
  readonly values: readonly {
    readonly key: string;
    readonly value: string;
    readonly insideShare: number;
    readonly outsideShare: number;
  }[];
  readonly marks: readonly string[];
}

export async function traceDifference(
  reader: Reader,
  filter: SpanFilter,
  box: TraceBox,
): Promise<Difference> {
  const sides = await selectBoxSides(reader, filter, { box, sampleMax: SAMPLE_MAX });
  const inside = sides.find((side) => side.inside);
  const outside = sides.find((side) => !side.inside);
  const counts = { inside: inside?.traces ?? 0, outside: outside?.traces ?? 0 };
  if (inside === undefined || outside === undefined) return { ...counts, values: [], marks: [] };
  const shares = await selectAttributeShares(reader, { inside, outside }, VALUES_MAX);
  return {
    ...counts,
    values: shares.map((share) => ({
      key: share.key,
      value: share.value,
      insideShare: share.inside / inside.sample.length,
      outsideShare: share.outside / outside.sample.length,
    })),
    marks:
      Math.max(counts.inside, counts.outside) > SAMPLE_MAX
        ? [
            `At most ${SAMPLE_MAX} traces of each side were compared, those nearest in time to the box.`,
          ]
        : [],
  };
}
