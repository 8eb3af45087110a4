/** F41: bits flip, files are cut short and pages are lost in the parts of the embedded store. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { openAckLedger } from "../ack-ledger.ts";
import { startClickhouseFront } from "../clickhouse-front/clickhouse-front.ts";
import type { Rng } from "../rng.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { ask, withParams } from "./ask.ts";
import { type CaseContext, expectThat, type FaultCase, pause, percentile } from "./case.ts";
import { createLoad, type Load } from "./load.ts";
import { drained, expectExact, type Verdict, verify } from "./verify.ts";

/** A part's directory is named after its partition, its blocks and its level. */
const PART = /^[0-9a-zA-Z]+_\d+_\d+_\d+(_\d+)?$/;
const PAGE = 4096;
/** What people look at first; together they read nearly every column. */
const questions: readonly (readonly [path: string, params: Readonly<Record<string, string>>])[] = [
  ["/api/v1/query", { query: 'sum(count_over_time({__name__=~".+"}[2h]))' }],
  ["/api/v1/series", { "match[]": '{__name__=~".+"}' }],
  ["/loki/api/v1/query_range", { query: '{service_name=~".+"}', limit: "5000", since: "2h" }],
  ["/tempo/api/search", { q: '{ span.nothing != "x" }', limit: "100" }],
  ["/tempo/api/metrics/query_range", { q: "{} | rate()", since: "2h", step: "1m" }],
  ["/jaeger/api/services", {}],
  ["/api/triptych/incidents", {}],
];

interface Kept {
  readonly directory: string;
  readonly load: Load;
  readonly acked: ReadonlySet<string>;
  readonly verdict: Verdict;
  /** Names by the directories in which the engine keeps them. */
  readonly tables: ReadonlyMap<string, string>;
}

/** A store with something of each signal, closed in order. */
async function fill(context: CaseContext): Promise<Kept> {
  const directory = join(context.directory, "whole");
  const ledger = openAckLedger(join(context.directory, "acked"));
  const load = createLoad({ rng: context.rng, ledger });
  const server = await startServer({ dataDir: directory });
  const sending = load.start(server);
  await pause(3_000);
  await sending.stop();
  await load.finish(server, 30_000);
  await drained(server, 60_000);
  await server.stop();
  const front = await startClickhouseFront({ directory: join(directory, "clickhouse") });
  try {
    const rows = await front.query(
      "SELECT uuid, name FROM system.tables WHERE database = 'triptych'",
    );
    const tables = new Map(rows.map(([uuid, name]) => [String(uuid), String(name)]));
    const verdict = await verify(front, load.sent, ledger.ids());
    expectExact(verdict);
    return { directory, load, acked: ledger.ids(), verdict, tables };
  } finally {
    await front.stop();
  }
}

/** Changes one file of one part; says which, and how many rows the part has. */
function damage(directory: string, rng: Rng): { file: string; rows: number } {
  const root = join(directory, "clickhouse", "store");
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && PART.test(basename(entry.parentPath)))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const file = rng.pick(files);
  const bytes = readFileSync(file);
  const counted = join(dirname(file), "count.txt");
  const rows = existsSync(counted) ? Number(readFileSync(counted, "utf8")) : 0;
  const way = rng.pick(["bits", "cut", "page"]);
  if (way === "cut") writeFileSync(file, bytes.subarray(0, rng.below(bytes.length + 1)));
  else {
    if (way === "page") bytes.fill(0, ...pageOf(bytes, rng));
    else
      for (let flips = rng.between(1, 8); flips > 0 && bytes.length > 0; flips--) {
        const at = rng.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.below(8));
      }
    writeFileSync(file, bytes);
  }
  return { file, rows };
}

function pageOf(bytes: Uint8Array, rng: Rng): [from: number, to: number] {
  const from = PAGE * rng.below(Math.ceil((bytes.length + 1) / PAGE));
  return [from, Math.min(bytes.length, from + PAGE)];
}

/** Asks everything twice; says how many parts the server has set aside, and that it says so everywhere. */
async function askAll(server: RunningServer, file: string): Promise<number> {
  for (const [path, params] of [...questions, ...questions]) {
    const answer = await ask(`${server.url}${withParams(path, params)}`, 30_000);
    const said = `${path} answered ${answer.status} with ${file} damaged: ${answer.text.slice(0, 500)}`;
    expectThat(answer.status === 200, said);
  }
  const metrics = (await ask(`${server.url}/metrics`, 10_000)).text;
  const parts = Number(/^triptych_store_damaged_parts (\d+)/m.exec(metrics)?.[1] ?? Number.NaN);
  const status = (await ask(`${server.url}/api/triptych/status`, 10_000)).text;
  const shown = status.includes('"store_damaged"');
  expectThat(shown === parts > 0, `${parts} parts counted, shown: ${shown} (${file})`);
  return parts;
}

/** Sets aside what nobody asked for, then counts what is left. */
async function countLeft(directory: string, kept: Kept): Promise<Verdict> {
  const front = await startClickhouseFront({ directory: join(directory, "clickhouse") });
  try {
    const tables = await front.query("SELECT name FROM system.tables WHERE database = 'triptych'");
    for (const [table] of tables) {
      const name = `triptych.${String(table)}`;
      const checked = await front.query(
        `CHECK TABLE ${name} SETTINGS check_query_single_value_result = 0`,
      );
      for (const [part, passed] of checked)
        if (Number(passed) === 0) await front.query(`ALTER TABLE ${name} DETACH PART '${part}'`);
    }
    return await verify(front, kept.load.sent, kept.acked);
  } finally {
    await front.stop();
  }
}

const parts: FaultCase = {
  name: "F41",
  title: "damage in the parts of the store",
  async run(context) {
    const kept = await fill(context);
    const times = context.short ? 2 : 50;
    const readyMs: number[] = [];
    let noticed = 0;
    let rowsLost = 0;
    for (let i = 0; i < times; i++) {
      const dataDir = join(context.directory, "damaged");
      cpSync(kept.directory, dataDir, { recursive: true });
      const { file, rows } = damage(dataDir, context.rng);
      const table = kept.tables.get(basename(dirname(dirname(file)))) ?? "?";
      const server = await startServer({ dataDir });
      readyMs.push(server.readyMs);
      const found = await askAll(server, file);
      if (found > 0) noticed++;
      const exit = await server.stop();
      expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal} (${file})`);
      const verdict = await countLeft(dataDir, kept);
      expectThat(verdict.dup === 0, `${verdict.dup} requests are there twice (${file})`);
      const lost = kept.verdict.rows - verdict.rows;
      // Samples are not found without the labels of their series, until these are written again.
      const most = table === "series" ? kept.verdict.rows : rows;
      expectThat(lost <= most, `${lost} rows lost of a part of ${rows} of ${table} (${file})`);
      rowsLost += Math.max(0, lost);
      rmSync(dataDir, { recursive: true });
    }
    expectThat(noticed > 0, "no damage was noticed at all");
    return { times, noticed, rowsLost, readyMsP99: percentile(readyMs, 0.99) };
  },
};

export const damageCases: readonly FaultCase[] = [parts];
