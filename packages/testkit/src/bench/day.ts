/** Searching ten million spans or lines of a day, through the API, with the client on the same machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startClickhouseFront } from "../clickhouse-front/clickhouse-front.ts";
import { percentile } from "../faults/case.ts";
import { drained } from "../faults/verify.ts";
import { createHttpClient } from "../otlp-client.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { type DayLoad, dayRequests, dayTraceId, RARE_WORD } from "./day-payload.ts";
import { nothingKept } from "./nothing-kept.ts";
import type { Row } from "./table.ts";

const CONNECTIONS = 4;
const WARM_RUNS = 9;

interface Question {
  readonly name: string;
  readonly budgetMs?: number;
  readonly path: string;
  /** What the answer must contain, so that a wrong one is not a fast one. */
  readonly has: string;
  /** Gives text read a second as well. */
  readonly scans?: true;
}

export interface DayOptions {
  readonly signal: DayLoad["signal"];
  readonly rows: number;
  readonly nodeArgs: readonly string[];
  /** Directory that is filled and left for a look, instead of a temporary one. */
  readonly keep: string | undefined;
}

async function fill(server: RunningServer, load: DayLoad): Promise<{ textBytes: number }> {
  let textBytes = 0;
  const client = createHttpClient(server.otlpHttpUrl, "protobuf", { connections: CONNECTIONS });
  const open = new Set<Promise<void>>();
  const send = async (bytes: Buffer): Promise<void> => {
    for (;;) {
      const { status } = await client.send(load.signal, bytes);
      if (status === 200) return;
      if (status !== 429 && status !== 503) throw new Error(`the server answered ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  for (const request of dayRequests(load)) {
    textBytes += request.textBytes;
    const sent = send(Buffer.from(request.bytes));
    const done = sent.finally(() => open.delete(done));
    open.add(done);
    if (open.size >= CONNECTIONS) await Promise.race(open);
  }
  await Promise.all(open);
  client.close();
  await drained(server, 300_000);
  return { textBytes };
}

async function ask(server: RunningServer, question: Question): Promise<Row[]> {
  const ms: number[] = [];
  for (let run = 0; run <= WARM_RUNS; run++) {
    const started = performance.now();
    const answer = await fetch(`${server.url}${question.path}`);
    const body = await answer.text();
    ms.push(performance.now() - started);
    if (!answer.ok || !body.includes(question.has))
      throw new Error(`${question.name}: ${answer.status} ${body.slice(0, 300)}`);
  }
  const [first = 0, ...warm] = ms;
  const budget = question.budgetMs === undefined ? {} : { budget: question.budgetMs };
  return [
    { name: question.name, value: percentile(warm, 0.5), unit: "ms", better: "less", ...budget },
    { name: `${question.name}, first`, value: first, unit: "ms" },
  ];
}

function questionsOf({ signal, toMs, rows }: DayLoad): Question[] {
  const range = { from: (toMs - 86_400_000) * 1e6, to: toMs * 1e6 };
  const loki = (query: string, more: string): string =>
    `/loki/api/v1/query_range?query=${encodeURIComponent(query)}&start=${range.from}&end=${range.to}&${more}`;
  const tempo = (query: string): string =>
    `/tempo/api/search?q=${encodeURIComponent(query)}&start=${Math.floor(range.from / 1e9)}&end=${Math.ceil(range.to / 1e9)}&limit=20`;
  const all = '{service_name=~".+"}';
  if (signal === "logs")
    return [
      {
        name: "a rare word",
        budgetMs: 50,
        path: loki(`${all} |= "${RARE_WORD}"`, "limit=100"),
        has: RARE_WORD,
      },
      {
        name: "a regular expression over all lines",
        path: loki(
          `sum(count_over_time(${all} |~ "authorised in 8[0-9] ms, reserved [0-3] of 3 items in warehouse 6" [1d]))`,
          "step=86400",
        ),
        has: "values",
        scans: true,
      },
      {
        name: "sum by (level) (count_over_time(…[5m]))",
        budgetMs: 200,
        path: loki(`sum by (level) (count_over_time(${all}[5m]))`, "step=300"),
        has: "error",
      },
      {
        name: "the newest 1,000 lines of a service with errors",
        path: loki('{service_name="cart"} | detected_level="error"', "limit=1000"),
        has: "cart",
      },
    ];
  const requests = Math.ceil(rows / 1000);
  const id = dayTraceId(Math.floor(requests / 2), 7);
  return [
    { name: "a trace by id", budgetMs: 30, path: `/tempo/api/traces/${id}`, has: "frontend" },
    {
      name: "an attribute: a status code",
      budgetMs: 150,
      path: tempo("{ span.http.response.status_code = 500 }"),
      has: "traceID",
    },
    {
      name: "an attribute: one session of ten thousand",
      budgetMs: 150,
      path: tempo('{ span.session.id = "5f0c6c1e-7777-4b7a" }'),
      has: "traceID",
    },
    {
      name: "an attribute that nobody has with this value",
      budgetMs: 150,
      path: tempo('{ span.session.id = "none" }'),
      has: "traces",
    },
    {
      name: "a number above another, without scope, that nobody has",
      budgetMs: 150,
      path: tempo("{ .http.response.status_code > 900 }"),
      has: "traces",
    },
    {
      name: "rate by service over the day",
      path: `/tempo/api/metrics/query_range?q=${encodeURIComponent("{ status = error } | rate() by (resource.service.name)")}&start=${Math.floor(range.from / 1e9)}&end=${Math.ceil(range.to / 1e9)}&step=300s`,
      has: "frontend",
    },
  ];
}

export async function benchDay({ signal, rows, nodeArgs, keep }: DayOptions): Promise<Row[]> {
  const dataDir = keep ?? mkdtempSync(join(tmpdir(), "triptych-bench-"));
  const day: DayLoad = { signal, rows, toMs: Math.floor(Date.now() / 60_000) * 60_000 };
  const out: Row[] = [];
  const { args, remove } = nothingKept();
  try {
    const server = await startServer({ dataDir, nodeArgs, args });
    const started = performance.now();
    const cpuBefore = server.cpuSeconds();
    const { textBytes } = await fill(server, day);
    const cpu = server.cpuSeconds() - cpuBefore;
    const what = signal === "traces" ? "spans" : "lines";
    out.push(
      { name: `${what} loaded`, value: rows / ((performance.now() - started) / 1000), unit: "/s" },
      {
        name: `${what} per server core until stored`,
        value: rows / cpu,
        unit: "/s/core",
        better: "more",
        budget: 150_000,
      },
    );
    for (const question of questionsOf(day)) {
      const answers = await ask(server, question);
      out.push(...answers);
      if (question.scans)
        out.push({
          name: `${question.name}, text read`,
          value: textBytes / 1e6 / (answers[0]?.value ?? 1),
          unit: "GB/s",
          better: "more",
          budget: 1,
        });
    }
    out.push({ name: "resident", value: server.memory().resident / 2 ** 20, unit: "MiB" });
    await server.stop();
    out.push(...(await bytesOnDisk(dataDir, day, textBytes)));
  } finally {
    remove();
    if (keep === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
  return out;
}

/** When the store has put its parts together. */
async function bytesOnDisk(
  dataDir: string,
  { signal }: DayLoad,
  textBytes: number,
): Promise<Row[]> {
  const table = signal === "traces" ? "otel_traces" : "otel_logs";
  const front = await startClickhouseFront({ directory: `${dataDir}/clickhouse` });
  try {
    await front.query(`OPTIMIZE TABLE triptych.${table} FINAL`);
    const [[bytes, index, rows] = []] = await front.query(
      `SELECT toFloat64(sum(bytes_on_disk)), toFloat64(sum(secondary_indices_compressed_bytes)), toFloat64(sum(rows)) FROM system.parts WHERE active AND table = '${table}'`,
    );
    const each = Number(bytes) / Number(rows);
    const share: Row[] =
      signal === "logs"
        ? [
            {
              name: "bytes on disk, of the text's",
              value: Number(bytes) / textBytes,
              unit: "",
              budget: 0.1,
              better: "less",
            },
          ]
        : [];
    return [
      {
        name: `bytes on disk, each`,
        value: each,
        unit: "",
        better: "less",
        ...(signal === "traces" ? { budget: 40 } : {}),
      },
      ...share,
      { name: "bytes of indices, each", value: Number(index) / Number(rows), unit: "" },
    ];
  } finally {
    await front.stop();
  }
}
