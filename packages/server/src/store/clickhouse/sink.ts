/** The right end of the journal: turns sequenced blocks into inserts, and answers what the store already has. */
import { TriptychError } from "@triptych/model";
import { withColumns } from "@triptych/wire";
import type { BlockSink, Presence, SequencedBlock } from "../../journal/applier.ts";
import type { Engine } from "./engine.ts";
import { constant, sql, u64 } from "./sql.ts";
import { type BlockKind, blockKinds, tables } from "./tables.ts";

const kinds = new Map(blockKinds.map((kind) => [kind.name, kind]));
const unpartitioned = new Set(
  tables.filter((table) => table.partitionBy === "tuple()").map((table) => table.name),
);

export function createBlockSink(engine: Engine): BlockSink {
  return {
    async insert(blocks, known) {
      const kind = kindOf(blocks[0]?.kind ?? "");
      for (const target of kind.targets) {
        const missing =
          known === null ? blocks : blocks.filter((block) => !known.has(target.table, block));
        if (missing.length === 0) continue;
        await engine.insert({ ...target, structure: kind.columns }, missing.map(stamped));
      }
    },
    async present({ writer, from, to, kinds: names }) {
      const found = new Set<string>();
      for (const name of names) {
        for (const { table } of kindOf(name).targets) {
          for (const key of await presentIn(engine, table, { writer, from, to })) found.add(key);
        }
      }
      return {
        has: (table, block) => found.has(keyOf(table, block.partition, block.seq)),
      } satisfies Presence;
    },
  };
}

function kindOf(name: string): BlockKind {
  const kind = kinds.get(name);
  if (kind === undefined)
    throw new TriptychError("store_failed", `no table takes blocks of kind "${name}"`);
  return kind;
}

const keyOf = (table: string, partition: number, seq: number): string =>
  `${table}/${partition}/${seq}`;

async function presentIn(
  engine: Engine,
  table: string,
  range: { writer: number; from: number; to: number },
): Promise<string[]> {
  const partition = unpartitioned.has(table)
    ? constant("toUInt32(0)")
    : constant("toUInt32(CAST(_partition_id, 'String'))");
  const { blocks } = await engine.select(
    sql`SELECT _seq AS seq, ${partition} AS part FROM ${constant(table)}
        WHERE _w = ${u64(range.writer)} AND _seq >= ${u64(range.from)} AND _seq <= ${u64(range.to)}
        GROUP BY seq, part`,
  );
  const keys: string[] = [];
  for (const block of blocks) {
    const seqs = block.columns[0]?.data;
    const parts = block.columns[1]?.data;
    if (seqs?.kind !== "bigint" || parts?.kind !== "number") continue;
    for (let row = 0; row < block.rows; row++) {
      keys.push(keyOf(table, parts.values[row] as number, Number(seqs.values[row])));
    }
  }
  return keys;
}

/** The block with the two columns that say where its rows came from. */
function stamped(block: SequencedBlock): Uint8Array {
  return withColumns(block.bytes, 2, (writer, rows) => {
    writer.column("b__seq", "UInt64");
    for (let i = 0; i < rows; i++) writer.u64(block.seq);
    writer.column("b__w", "UInt32");
    for (let i = 0; i < rows; i++) writer.u32(block.writer);
  });
}
