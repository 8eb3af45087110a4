/** Reads changing state back: the newest version of every key of a kind. */
import type { Engine } from "../engine.ts";
import { sql, text } from "../sql.ts";

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
