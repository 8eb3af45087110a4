/**
 * Downsampling: of each day that is over, one row for every series and 5 minutes, and one for every hour, so that years
 * cost little. A day is done again when samples for it came later. What was done is remembered with the number of
 * samples it was made from; a day that retention has taken is never done again.
 */
import { type Clock, unreachable } from "@triptych/model";
import type { Engine } from "./engine.ts";
import { dayStartMs } from "./retention.ts";
import { numberCells, readRows, textCells } from "./select/rows.ts";
import { sql, text } from "./sql.ts";
import { histograms, histograms1h, histograms5m, samples, samples1h, samples5m } from "./tables.ts";

export interface DownsampledDay {
  /** 20261121. */
  readonly day: number;
  /** Samples and native histograms of the day when it was done. */
  readonly samples: number;
}

export interface Downsampling {
  /** Does what is to be done, day after day; returns the days. */
  run(): Promise<readonly number[]>;
}

export interface DownsamplingDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly load: () => Promise<readonly DownsampledDay[]>;
  readonly save: (day: DownsampledDay) => Promise<void>;
}

const DAY_MS = 86_400_000;
/** Senders may be this late; what comes later still is a reason to do the day again. */
const SETTLED_MS = 2 * 3_600_000;
/** Statements must be short, because others wait for them: each takes so much of the series. */
const SLICES = 64n;
/** A histogram has some hundred bytes: one statement sorts some ten megabytes. */
const HISTOGRAMS_PER_SLICE = 100_000;
const STALE_BITS = "9218868437227405314";

export function createDownsampling({ engine, clock, load, save }: DownsamplingDeps): Downsampling {
  let known: Map<number, number> | undefined;
  return {
    async run() {
      known ??= new Map((await load()).map((one) => [one.day, one.samples]));
      const done: number[] = [];
      for (const { day, samples: count } of await daysOfSamples(engine)) {
        const isOver = dayStartMs(day) + DAY_MS + SETTLED_MS < clock.nowMs();
        if (!isOver || count <= (known.get(day) ?? 0)) continue;
        await downsampleDay(engine, day);
        await save({ day, samples: count });
        known.set(day, count);
        done.push(day);
      }
      return done;
    },
  };
}

/** Days that have samples or native histograms, and how many. */
async function daysOfSamples(engine: Engine): Promise<DownsampledDay[]> {
  const result = await engine.select(
    sql`SELECT toString(partition_id) AS day, sum(rows) AS samples FROM system.parts
        WHERE database = currentDatabase() AND active AND table IN ('samples', 'histograms') GROUP BY partition_id ORDER BY partition_id`,
  );
  return readRows(result, (block) => {
    const day = textCells(block, "day");
    const count = numberCells(block, "samples");
    return (row) => ({ day: Number(day(row)), samples: count(row) });
  });
}

async function downsampleDay(engine: Engine, day: number): Promise<void> {
  const whole = Math.trunc(day);
  const fromMs = dayStartMs(whole);
  for (const [table, kind] of [
    [samples5m.name, "5m"],
    [samples1h.name, "1h"],
  ] as const) {
    await engine.execute(`ALTER TABLE \`${table}\` DROP PARTITION ID '${whole}'`);
    for (let slice = 0n; slice < SLICES; slice++)
      await engine.execute(`INSERT INTO \`${table}\` ${sliceSql(kind, { fromMs, slice })}`);
  }
  await downsampleHistograms(engine, whole);
}

/** The last of each stretch: counts stay counts, as with counters. */
async function downsampleHistograms(engine: Engine, day: number): Promise<void> {
  const fromMs = dayStartMs(day);
  const names = histograms1h.columns.map(({ name }) => name).join(", ");
  const has = await engine.select(
    sql`SELECT sum(rows) AS count FROM system.parts WHERE database = currentDatabase() AND active
        AND table = 'histograms' AND partition_id = ${text(String(day))}`,
  );
  const count = readRows(has, (block) => numberCells(block, "count"))[0] ?? 0;
  const slices = BigInt(Math.min(Number(SLICES), Math.ceil(count / HISTOGRAMS_PER_SLICE)));
  for (const [table, everyMs] of [
    [histograms5m.name, 300_000],
    [histograms1h.name, 3_600_000],
  ] as const) {
    await engine.execute(`ALTER TABLE \`${table}\` DROP PARTITION ID '${day}'`);
    for (let slice = 0n; slice < slices; slice++)
      await engine.execute(`INSERT INTO \`${table}\` (${names}) SELECT ${names} FROM \`${histograms.name}\`
        WHERE ${sliceCondition(fromMs, { slice, slices })} AND reinterpretAsUInt64(Sum) != ${STALE_BITS}
        ORDER BY Id, Time DESC LIMIT 1 BY Id, intDiv(Time, ${everyMs}) SETTINGS max_threads = 1`);
  }
}

function sliceCondition(
  fromMs: number,
  { slice, slices }: { readonly slice: bigint; readonly slices: bigint },
): string {
  const width = 2n ** 64n / slices;
  const first = slice * width;
  const last = slice + 1n === slices ? 2n ** 64n - 1n : first + width - 1n;
  return `Id >= ${first} AND Id <= ${last} AND Time >= ${fromMs} AND Time < ${fromMs + DAY_MS}`;
}

/** Numbers of ours only. */
function sliceSql(
  kind: "5m" | "1h",
  { fromMs, slice }: { readonly fromMs: number; readonly slice: bigint },
): string {
  const where = sliceCondition(fromMs, { slice, slices: SLICES });
  const settings = "SETTINGS optimize_aggregation_in_order = 1, max_threads = 1";
  switch (kind) {
    case "5m":
      return `SELECT Id, max(Time), argMax(Number, Time), min(Number), max(Number), sum(Number), count()
        FROM \`${samples.name}\` WHERE ${where} AND reinterpretAsUInt64(Number) != ${STALE_BITS}
        GROUP BY Id, intDiv(Time, 300000) ${settings}`;
    case "1h":
      return `SELECT Id, max(Time) AS last, argMax(Value, Time), min(Min), max(Max), sum(Sum), sum(Count)
        FROM \`${samples5m.name}\` WHERE ${where} GROUP BY Id, intDiv(Time, 3600000) ${settings}`;
    default:
      return unreachable(kind);
  }
}
