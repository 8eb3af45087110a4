/** Aggregations computed in threads beside the evaluator alone: the same values, bit for bit, whatever happens to threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { parsePromql, type PromqlResult } from "@triptych/lang";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { compileRegex } from "../../../regex/compile.ts";
import { samplesOf } from "../../../store/store-for-tests.ts";
import { runPromql } from "../../promql/source.ts";
import type { MetricsSource } from "../source.ts";
import { createHead, type Head } from "./head.ts";
import { createHeadReaders, type HeadReaders, type ReaderThread } from "./head-readers.ts";
import { createHeadSource } from "./head-source.ts";
import { serveReader } from "./serve-reader.ts";

const T = 1_700_000_000_000;
const HOUR = 3_600_000;
const SERIES = 300;

const built = mkdtempSync(join(tmpdir(), "triptych-worker-"));
const workerFile = join(built, "head-worker.mjs");
beforeAll(() =>
  build({
    entryPoints: [new URL("./head-worker.ts", import.meta.url).pathname],
    outfile: workerFile,
    bundle: true,
    format: "esm",
    platform: "node",
    conditions: ["triptych:source"],
    logLevel: "warning",
  }),
);
afterAll(() => rmSync(built, { recursive: true }));
const opened: HeadReaders[] = [];
afterEach(async () => {
  for (const readers of opened.splice(0)) await readers.close();
});

function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Counters that are reset, gauges, gaps, ends with and without a marker, no numbers. */
function fill(head: Head, random: () => number): void {
  const value = Array.from({ length: SERIES }, () => random() * 1e6);
  for (let t = T; t < T + HOUR; t += 15_000) {
    const some = value.flatMap((_, i) => {
      if (random() < 0.02 || (i % 50 === 3 && t > T + HOUR / 2)) return [];
      const last = value[i] as number;
      if (i % 3 === 0)
        value[i] = random() < 0.01 ? 0 : Math.floor(last) + Math.floor(random() * 300);
      else if (i % 3 === 1) value[i] = (random() - 0.5) * 1e9;
      const odd =
        i % 97 === 5 ? [Number.NaN, Infinity, -0, 1e308][Math.floor(random() * 4)] : undefined;
      const labels = {
        __name__: i % 3 === 0 ? "m_total" : "m",
        i: String(i),
        k: String(i % 7),
        ...(i % 4 === 0 ? {} : { job: i % 2 ? "a" : "b" }),
      };
      const at = t + (i % 5 === 0 ? Math.floor(random() * 9_000) : 0);
      return [{ labels, samples: [[at, odd ?? (value[i] as number)] as [number, number]] }];
    });
    head.append(samplesOf(some), t);
  }
}

/** A store that has nothing and is not asked. */
const nothing = {
  selectSeries: () => Promise.reject(new Error("the store was asked")),
} as unknown as MetricsSource;

/** A thread whose work is done in this one. */
function threadHere(version: Int32Array): ReaderThread & { readonly end: () => void } {
  const { port1, port2 } = new MessageChannel();
  const exits: (() => void)[] = [];
  serveReader(port2 as unknown as Parameters<typeof serveReader>[0], version);
  const end = (): void => {
    port1.close();
    for (const exit of exits) exit();
  };
  const on = (event: string, take: (value: never) => void): void => {
    if (event === "message") port1.on("message", take as (value: unknown) => void);
    else if (event === "exit") exits.push(take as () => void);
  };
  return {
    postMessage: (message) => (port1 as MessagePort).postMessage(message),
    on: on as ReaderThread["on"],
    terminate: async () => end(),
    end,
  };
}

function readersOf(
  head: Head,
  start: (version: Int32Array) => ReaderThread,
  nowMs: () => number = () => 0,
): HeadReaders {
  const failed = (): void => undefined;
  const readers = createHeadReaders({ threads: 2, start, tables: head.bulk.tables, nowMs, failed });
  opened.push(readers);
  return readers;
}

function refsOf(head: Head, matchers: Parameters<Head["match"]>[0]): Uint32Array {
  const steps = head.bulk.series(matchers);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value.refs;
}

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Threads are started by the first question and answer later ones. */
async function ready(readers: HeadReaders): Promise<void> {
  const { counts } = readers;
  const none = new Uint32Array(0);
  const steps = { rangeMs: 1, endMs: T, stepMs: 1, steps: 1 };
  const work = { leaf: "instant", op: "sum", steps, refs: none, groupOf: none } as const;
  while (counts.jobs === 0) {
    await readers.run({ ...work, groups: 0, samplesMax: 1 }, {});
    await tick();
  }
}

const plain = ({ value, annotations }: PromqlResult): unknown =>
  value.kind === "range" || value.kind === "vector"
    ? {
        rows: value.rows.map(({ labels, kind, value: v }) => [
          labels.pairs,
          // What is not there has no value.
          Array.from(v, (one, step) =>
            kind[step] === 1 ? (Object.is(one, -0) ? "-0" : one) : null,
          ),
        ]),
        notes: annotations.texts(""),
      }
    : value;

async function ask(source: MetricsSource, text: string, steps: number, stepMs: number) {
  const expr = parsePromql(text, { compileRegex });
  const startMs = T + HOUR / 2;
  const times =
    steps === 1
      ? { startMs, endMs: startMs }
      : { startMs, endMs: startMs + steps * stepMs, stepMs };
  return plain(await runPromql(source, expr, { times, ask: {} }));
}

const ops = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const groupings = ["", "by (k)", "by (job, k)", "without (i)", "by (__name__)", "by (i)"];
const leaves = [
  'm_total{i!="9"}',
  'm{k=~"[1-5]"}',
  "rate(m_total[1m])",
  "rate(m[5m])",
  "increase(m_total[7m] offset 5m)",
  "delta(m[2m])",
  "irate(m_total[1m])",
  "idelta(m[3m])",
  "last_over_time(m[90s])",
];

describe("a thread's values are those of the evaluator", () => {
  const head = createHead({ windowMs: 4 * HOUR, bytesMax: 64 * 2 ** 20 }, T - 1);
  fill(head, randoms(5));
  const alone = createHeadSource(nothing, head);

  test("for all operations, groupings and leaves", async () => {
    const readers = readersOf(head, threadHere);
    await ready(readers);
    const source = createHeadSource(nothing, head, readers);
    const random = randoms(77);
    const pick = <X>(all: readonly X[]): X => all[Math.floor(random() * all.length)] as X;
    const before = readers.counts.jobs;
    let asked = 0;
    for (const op of ops)
      for (const grouping of groupings)
        for (let n = 0; n < 3; n++) {
          const text = `${op} ${grouping} (${pick(leaves)})`;
          const [steps, stepMs] = pick([
            [1, 0],
            [7, 60_000],
            [100, 15_000],
            [200, 7_000],
          ] as const);
          const want = await ask(alone, text, steps, stepMs);
          expect({ text, steps, answer: await ask(source, text, steps, stepMs) }).toEqual({
            text,
            steps,
            answer: want,
          });
          asked++;
        }
    // Series of `m` are 200, those of `m_total` only 100: too few.
    expect(readers.counts.jobs - before).toBeGreaterThan(asked / 3);
  });

  test("in queries that hold them, and not in what asks for more", async () => {
    const readers = readersOf(head, threadHere);
    await ready(readers);
    const source = createHeadSource(nothing, head, readers);
    for (const text of [
      "sum by (k) (rate(m[1m])) / on (k) count by (k) (m)",
      "max_over_time(sum(rate(m[1m]))[10m:30s])",
      "sum(m @ end())",
      "sum(m) > bool 3",
      "topk(2, sum by (k) (m))",
      "sum by (k) ({__name__=~'m.*'})",
    ])
      expect({ text, answer: await ask(source, text, 50, 15_000) }).toEqual({
        text,
        answer: await ask(alone, text, 50, 15_000),
      });
  });

  test("when a thread ends in the middle, and when none can be had", async () => {
    const threads: ReturnType<typeof threadHere>[] = [];
    const readers = readersOf(head, (version) => {
      const thread = threadHere(version);
      threads.push(thread);
      return thread;
    });
    await ready(readers);
    const source = createHeadSource(nothing, head, readers);
    const want = await ask(alone, "sum(rate(m[1m]))", 300, 5_000);
    const asked = ask(source, "sum(rate(m[1m]))", 300, 5_000);
    for (const thread of threads) thread.end();
    expect(await asked).toEqual(want);
    const neverUp = readersOf(head, () => ({
      postMessage: () => undefined,
      on: () => undefined,
      terminate: async () => undefined,
    }));
    expect(
      await ask(createHeadSource(nothing, head, neverUp), "sum(rate(m[1m]))", 300, 5_000),
    ).toEqual(want);
  });

  test("threads that nobody needs end, and are there again later", async () => {
    let now = 0;
    let alive = 0;
    const readers = readersOf(
      head,
      (version) => {
        alive++;
        const thread = threadHere(version);
        thread.on("exit", () => void alive--);
        return thread;
      },
      () => now,
    );
    await ready(readers);
    expect(alive).toBe(2);
    now = 599_000;
    readers.rest();
    expect(alive).toBe(2);
    now = 601_000;
    readers.rest();
    expect(alive).toBe(0);
    await readers.run(
      {
        leaf: "instant",
        op: "sum",
        steps: { rangeMs: 1, endMs: T, stepMs: 1, steps: 1 },
        refs: new Uint32Array(0),
        groupOf: new Uint32Array(0),
        groups: 0,
        samplesMax: 1,
      },
      {},
    );
    expect(alive).toBe(2);
  });

  test("beyond the limit of samples the query is refused; when nobody waits it is stopped", async () => {
    const readers = readersOf(head, threadHere);
    await ready(readers);
    const refs = refsOf(head, [{ name: "__name__", op: "=", value: "m", test: (v) => v === "m" }]);
    const work = {
      leaf: "rate",
      op: "sum",
      steps: { rangeMs: 60_000, endMs: T + HOUR / 2, stepMs: 15_000, steps: 60 },
      refs,
      groupOf: new Uint32Array(refs.length),
      groups: 1,
    } as const;
    const result = await readers.run({ ...work, samplesMax: 500 }, {});
    expect(result).toMatchObject({ kind: "too_many" });
    const leaving = new AbortController();
    const asked = readers.run({ ...work, samplesMax: 1e9 }, { signal: leaving.signal });
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ code: "query_cancelled" });
  });
});

test("what is remembered of a selector follows series that come", async () => {
  const random = randoms(11);
  const head = createHead({ windowMs: HOUR, bytesMax: 64 * 2 ** 20 }, T - 2 * HOUR);
  const readers = readersOf(head, threadHere);
  const fresh = (from: number, to: number, atMs: number): void => {
    const all = Array.from({ length: to - from }, (_, i) => ({
      labels: { __name__: "p", pod: `pod-${from + i}`, k: String((from + i) % 5), zone: "z" },
      samples: [[atMs, Math.floor(random() * 1e6)] as [number, number]],
    }));
    head.append(samplesOf(all), atMs);
  };
  fresh(0, 400, T + HOUR / 2 - 60_000);
  await ready(readers);
  const source = createHeadSource(nothing, head, readers);
  const alone = createHeadSource(nothing, head);
  const queries = [
    "sum by (k) (p)",
    'count by (zone) (p{k=~"1|2"})',
    "max(p)",
    "sum by (k, zone) (p)",
  ];
  for (let round = 0; round < 6; round++) {
    const jobs = readers.counts.jobs;
    for (const text of queries)
      for (let again = 0; again < 2; again++)
        expect({ round, text, answer: await ask(source, text, 1, 0) }).toEqual({
          round,
          text,
          answer: await ask(alone, text, 1, 0),
        });
    expect(readers.counts.jobs).toBeGreaterThan(jobs);
    if (round % 2 === 0) fresh(400 + round * 50, 500 + round * 50, T + HOUR / 2 - 30_000);
    else fresh(0, 100, T + HOUR / 2 - 20_000 + round);
  }
});

test("a real thread reads whole series while they are written", async () => {
  const head = createHead({ windowMs: 4 * HOUR, bytesMax: 256 * 2 ** 20 }, T - 1);
  const readers = readersOf(head, (version) => new Worker(workerFile, { workerData: { version } }));
  const count = 2_000;
  // Each value follows from its time: whatever is written meanwhile, older sums stay what they are.
  const valueAt = (i: number, step: number): number => i * 1_000 + step * ((i % 5) + 1);
  let step = 0;
  const write = (): void => {
    const t = T + step * 1_000;
    const all = Array.from({ length: count }, (_, i) => ({
      labels: { __name__: "c_total", i: String(i) },
      samples: [[t, valueAt(i, step)] as [number, number]],
    }));
    head.append(samplesOf(all), t);
    step++;
  };
  for (let n = 0; n < 60; n++) write();
  await ready(readers);
  const refs = refsOf(head, [
    { name: "__name__", op: "=", value: "c_total", test: (v) => v === "c_total" },
  ]);
  const groupOf = new Uint32Array(refs.length);
  const sumAt = (at: number): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += valueAt(i, at);
    return sum;
  };
  for (let n = 0; n < 150; n++) {
    const last = step - 1;
    const asked = readers.run(
      {
        leaf: "instant",
        op: "sum",
        steps: { rangeMs: 5_000, endMs: T + (last - 20) * 1_000, stepMs: 1_000, steps: 21 },
        refs,
        groupOf,
        groups: 1,
        samplesMax: 1e9,
      },
      {},
    );
    for (let i = 0; i < 3; i++) {
      write();
      await tick();
    }
    const result = await asked;
    // A page that was made in the same moment is told of later; the next question has it.
    if (result?.kind === "behind") continue;
    expect(result?.kind).toBe("groups");
    if (result?.kind !== "groups") return;
    expect([...result.value]).toEqual(Array.from({ length: 21 }, (_, at) => sumAt(last - 20 + at)));
  }
}, 60_000);
