/** Reads changing state back: the newest version of every key of a kind. */
import type { Engine } from "../engine.ts";
import { sql, text } from "../sql.ts";
import { bigintCells, numberCells, readRows, textCells } from "./rows.ts";

export async function readState(
  engine: Engine,
  kind: string,
): Promise<{ key: string; json: string }[]> {
  const { blocks } = await engine.select(
    sql`SELECT Key, argMax(Json, Version) AS Json FROM state WHERE Kind = ${text(kind)}
        GROUP BY Key HAVING argMax(Deleted, Version) = 0 ORDER BY Key`,
  );
  const out: { key: string; json: string }[] = [];
  for (const block of blocks) {
    const [key, json] = block.columns.map((column) => column.data);
    if (key?.kind !== "text" || json?.kind !== "text") continue;
    for (let row = 0; row < block.rows; row++)
      out.push({ key: key.text(row), json: json.text(row) });
  }
  return out;
}

/** Which journal's record brought the first version of each key of a kind. */
export async function readStateOrigins(
  engine: Engine,
  kind: string,
): Promise<ReadonlyMap<string, { readonly writer: number; readonly seq: bigint }>> {
  const result = await engine.select(
    sql`SELECT Key AS key, argMin(_w, Version) AS writer, argMin(_seq, Version) AS seq FROM state
        WHERE Kind = ${text(kind)} GROUP BY key`,
  );
  const rows = readRows(result, (block) => {
    const key = textCells(block, "key");
    const writer = numberCells(block, "writer");
    const seq = bigintCells(block, "seq");
    return (row) => [key(row), { writer: writer(row), seq: seq(row) }] as const;
  });
  return new Map(rows);
}
