import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asTriptychError, TriptychError } from "@triptych/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDamagedParts, damagedPath } from "./damaged-parts.ts";
import { openEmbedded } from "./embedded.ts";
import type { Engine } from "./engine.ts";
import { numberCells, readRows } from "./select/rows.ts";
import { sql } from "./sql.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-damaged-"));
let engine: Engine;

beforeAll(async () => {
  engine = await openEmbedded({
    directory,
    readers: 2,
    queueMax: 10,
    memoryBytesMax: 2 ** 31,
    queryTimeoutMs: 20_000,
  });
  await engine.execute(
    "CREATE TABLE triptych.facts (day UInt32, word String) ENGINE = MergeTree PARTITION BY day ORDER BY tuple() SETTINGS min_bytes_for_wide_part = 0",
  );
  await engine.execute(
    "INSERT INTO triptych.facts SELECT number % 3, repeat(toString(number), 9) FROM numbers(30000)",
  );
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

const words = sql`SELECT count() AS words FROM triptych.facts WHERE cityHash64(word) != 7`;
const wordsIn = async (asked: Engine): Promise<number | undefined> =>
  readRows(await asked.select(words), (block) => numberCells(block, "words"))[0];

test("a query that meets a damaged part is answered from the others, and the part is told", async () => {
  const told: string[] = [];
  const damaged = createDamagedParts({
    engine,
    database: "triptych",
    onSetAside: ({ table, part }) => told.push(`${table} ${part}`),
  });
  expect(await wordsIn(damaged.engine)).toBe(30_000);
  const file = breakOne("word.bin");
  await expect(wordsIn(engine)).rejects.toThrow("the store cannot answer");
  const answers = await Promise.all([wordsIn(damaged.engine), wordsIn(damaged.engine)]);
  expect(answers).toEqual([20_000, 20_000]);
  expect(told).toEqual([`facts ${dirname(file).split("/").at(-1)}`]);
  expect(damaged.status().parts).toBe(1);
  expect(damaged.status().bytes).toBeGreaterThan(1_000);
});

test("looking finds what others met, merges too, and counts what was set aside before", async () => {
  const told: string[] = [];
  const damaged = createDamagedParts({
    engine,
    database: "triptych",
    onSetAside: ({ part }) => told.push(part),
  });
  await damaged.look();
  expect(damaged.status().parts).toBe(1);
  breakOne("word.bin");
  await expect(wordsIn(engine)).rejects.toThrow();
  await damaged.look();
  expect(damaged.status().parts).toBe(2);
  expect(told).toHaveLength(1);
});

test("other failures stay failures", async () => {
  const damaged = createDamagedParts({ engine, database: "triptych", onSetAside: () => {} });
  const thrown = await damaged.engine
    .select(sql`SELECT nothing FROM nowhere`)
    .catch(asTriptychError);
  expect(thrown).toBeInstanceOf(TriptychError);
  expect(damagedPath(thrown)).toBeUndefined();
});

/** Flips bits in the first such file of a part that is still in use. */
function breakOne(name: string): string {
  const root = join(directory, "clickhouse", "store");
  const found = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(`/${name}`) && !file.includes("/detached/"))
    .sort()[0];
  const file = join(root, found ?? "there is none");
  const bytes = readFileSync(file);
  for (let at = 40; at < bytes.length; at += 97) bytes[at] = (bytes[at] ?? 0) ^ 0x5a;
  writeFileSync(file, bytes);
  return file;
}
