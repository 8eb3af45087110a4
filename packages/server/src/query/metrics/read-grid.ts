/** Reading grids of values that the engine computes from samples. */
import { assert } from "@triptych/model";
import type { NativeBlock } from "@triptych/wire";
import { bigintCells } from "../../store/clickhouse/select/rows.ts";
import {
  type GridFunction,
  type GridSpec,
  gridSql,
} from "../../store/clickhouse/select/samples.ts";
import { createPacing } from "../pacing.ts";
import { type Ask, chunksOf, type Select } from "./store-select.ts";
import type { Tiers } from "./tiers.ts";

const IDS_PER_GRID_SELECT = 20_000;
/** So many values are taken from one answer. */
const GRID_VALUES_PER_SELECT = 1_000_000;

/** A series' values on a grid; `has` is 1 where there is one. Bits of values are kept. */
export interface GridColumns {
  readonly id: bigint;
  readonly value: Float64Array;
  readonly has: Uint8Array;
}

export type ReadGrid = (
  fn: GridFunction,
  what: { readonly ids: readonly bigint[]; readonly grid: GridSpec },
  ask: Ask,
) => Promise<GridColumns[]>;

export function createReadGrid(select: Select, tiers: Tiers): ReadGrid {
  return async (fn, { ids, grid }, ask) => {
    const out: GridColumns[] = [];
    const pacing = createPacing(ask.signal, ask.priority);
    const size = Math.min(IDS_PER_GRID_SELECT, Math.ceil(GRID_VALUES_PER_SELECT / grid.steps));
    const endMs = grid.startMs + (grid.steps - 1) * grid.stepMs;
    const pieces = await tiers.pieces({ afterMs: grid.startMs - grid.windowMs, toMs: endMs });
    for (const chunk of chunksOf(ids, size)) {
      const result = await select(gridSql(fn, { ids: chunk, grid, pieces }), ask);
      for (const block of result.blocks) {
        const id = bigintCells(block, "id");
        const value = raggedOf(block, "value");
        const has = raggedOf(block, "has");
        for (let row = 0; row < block.rows; row++) {
          out.push({
            id: id(row),
            value: value(row) as Float64Array,
            has: has(row) as Uint8Array,
          });
          if (row % 256 === 255) await pacing.pause();
        }
      }
    }
    return out;
  };
}

/** Views of the arrays of a column of arrays of numbers. */
function raggedOf(block: NativeBlock, name: string): (row: number) => Float64Array | Uint8Array {
  const data = block.columns.find((column) => column.name === name)?.data;
  assert(data?.kind === "array" && data.items.kind === "number", `"${name}" holds arrays`);
  const { offsets, items } = data;
  const values = items.values as Float64Array | Uint8Array;
  return (row) => values.subarray(offsets[row], offsets[row + 1]);
}
