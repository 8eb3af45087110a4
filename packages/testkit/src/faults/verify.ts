/** Judges a run: every acknowledged request is in the store, whole and once; no other one is there in part. */
import {
  type ClickhouseFront,
  startClickhouseFront,
} from "../clickhouse-front/clickhouse-front.ts";
import type { RunningServer } from "../start-server.ts";
import { pause } from "./case.ts";
import { ID_STRIDE, type SentRequest } from "./load.ts";

export interface Verdict {
  readonly acked: number;
  readonly rows: number;
  readonly lost: number;
  readonly dup: number;
  readonly torn: number;
}

/** Waits until the journal of the running process is empty. */
export async function drained(server: RunningServer, msMax: number): Promise<number> {
  const started = performance.now();
  for (;;) {
    const text = await fetch(`${server.url}/metrics`).then(
      (answer) => answer.text(),
      () => "",
    );
    const pending = /^triptych_journal_pending_records (\d+)/m.exec(text)?.[1];
    if (pending === "0") return performance.now() - started;
    if (performance.now() - started > msMax)
      throw new Error(
        `the journal still holds ${pending ?? "?"} records\n${server.logs().slice(-3000)}`,
      );
    await pause(50);
  }
}

const queries = (database: string): string[] => [
  `SELECT toUInt64(SpanAttributes['tid']) AS id FROM ${database}.otel_traces WHERE mapContains(SpanAttributes, 'tid')`,
  `SELECT toUInt64(LogAttributes['tid']) AS id FROM ${database}.otel_logs WHERE mapContains(LogAttributes, 'tid')`,
  `SELECT toUInt64(Number) AS id FROM ${database}.samples WHERE Id IN (SELECT Id FROM ${database}.series WHERE Name = 'testkit_value' AND Labels['origin'] = 'tid')`,
];

/** The store must not be open in another process. */
export async function verifyEmbedded(
  dataDir: string,
  sent: ReadonlyMap<number, SentRequest>,
  acked: ReadonlySet<string>,
): Promise<Verdict> {
  const front = await startClickhouseFront({ directory: `${dataDir}/clickhouse` });
  try {
    return await verify(front, sent, acked);
  } finally {
    await front.stop();
  }
}

export async function verify(
  front: ClickhouseFront,
  sent: ReadonlyMap<number, SentRequest>,
  acked: ReadonlySet<string>,
): Promise<Verdict> {
  const stored = new Map<number, { rows: number; distinct: number }>();
  for (const ids of queries("triptych")) {
    const rows = await front.query(
      `SELECT toUInt32(intDiv(id, ${ID_STRIDE})) AS request, toUInt32(count()), toUInt32(uniqExact(id)) FROM (${ids}) GROUP BY request`,
    );
    for (const [request, count, distinct] of rows)
      stored.set(Number(request), { rows: Number(count), distinct: Number(distinct) });
  }
  let lost = 0;
  let dup = 0;
  let torn = 0;
  let rows = 0;
  for (const request of sent.values()) {
    const found = stored.get(request.number) ?? { rows: 0, distinct: 0 };
    rows += found.rows;
    if (found.rows > found.distinct) dup++;
    if (found.distinct === 0 && acked.has(String(request.number))) lost++;
    if (found.distinct > 0 && found.distinct < request.rows) torn++;
  }
  return { acked: acked.size, rows, lost, dup, torn };
}

export function expectExact(verdict: Verdict): void {
  const { lost, dup, torn } = verdict;
  if (lost + dup + torn > 0)
    throw new Error(`${lost} acknowledged requests lost, ${dup} doubled, ${torn} torn`);
}
