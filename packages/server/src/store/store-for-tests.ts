/** A real store in a temporary directory with lines and samples in it, and texts that have broken other stores. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batch, type Clock, LogBatch, SampleBatch, Temporality } from "@triptych/model";
import { createStatements } from "./clickhouse/ddl.ts";
import { openEmbedded } from "./clickhouse/embedded.ts";
import { createBlockEncoder } from "./clickhouse/encode/block-encoder.ts";
import type { Engine } from "./clickhouse/engine.ts";
import { createBlockSink } from "./clickhouse/sink.ts";

export interface TestStore {
  readonly engine: Engine;
  /** Each call is one record of the journal; returns its sequence number. */
  put(...batches: readonly Batch[]): Promise<number>;
  /** Forgets all series and their samples. */
  clearMetrics(): Promise<void>;
  /** As if no labels had been written by this process. */
  forgetLabels(): void;
  close(): Promise<void>;
}

/** A clock that stands still until it is stepped. */
export interface TestClock extends Clock {
  /** Moves on and runs what has become due. */
  step(ms: number): void;
  /** How many timers have not run. */
  waiting(): number;
}

export function createTestClock(nowMs: number): TestClock {
  let now = nowMs;
  const due: { atMs: number; run: () => void }[] = [];
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    after(delayMs, run) {
      const entry = { atMs: now + delayMs, run };
      due.push(entry);
      return () => {
        const at = due.indexOf(entry);
        if (at >= 0) due.splice(at, 1);
      };
    },
    waiting: () => due.length,
    step(ms) {
      now += ms;
      for (const entry of due.filter(({ atMs }) => atMs <= now)) {
        due.splice(due.indexOf(entry), 1);
        entry.run();
      }
    },
  };
}

export async function openTestStore(clock: Clock): Promise<TestStore> {
  const directory = mkdtempSync(join(tmpdir(), "triptych-api-"));
  const engine = await openEmbedded({
    directory,
    readers: 2,
    queueMax: 100,
    memoryBytesMax: 2 ** 31,
    queryTimeoutMs: 20_000,
  });
  for (const ddl of createStatements({ database: "triptych", minFreeBytes: 1e6 }))
    await engine.execute(ddl);
  const createEncoder = () => createBlockEncoder({ clock, seriesMax: 100_000 });
  let encoder = createEncoder();
  const sink = createBlockSink(engine);
  let seq = 0;
  return {
    engine,
    async put(...batches) {
      const mine = ++seq;
      const steps = encoder.encode(batches);
      let step = steps.next();
      while (!step.done) step = steps.next();
      const groups = new Map<string, typeof step.value>();
      for (const block of step.value) {
        const key = `${block.kind}/${block.partition}`;
        groups.set(key, [...(groups.get(key) ?? []), block]);
      }
      for (const blocks of groups.values())
        await sink.insert(
          blocks.map((block) => ({ ...block, seq: mine, writer: 7 })),
          null,
        );
      return mine;
    },
    forgetLabels: () => encoder.forget(),
    async clearMetrics() {
      for (const table of ["series", "samples", "histograms", "exemplars", "metric_metadata"])
        await engine.execute(`TRUNCATE TABLE ${table}`);
      encoder = createEncoder();
    },
    async close() {
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface TestLine {
  readonly timeNs: bigint;
  readonly body: string;
  readonly service?: string;
  readonly resource?: { readonly [key: string]: string };
  readonly attributes?: { readonly [key: string]: string };
  readonly severity?: number;
  readonly severityText?: string;
  /** 32 hex digits. */
  readonly traceId?: string;
  readonly spanId?: string;
  /** Of the resource. */
  readonly schemaUrl?: string;
}

export function logsOf(lines: readonly TestLine[]): LogBatch {
  const batch = new LogBatch();
  batch.scopes.schemaUrl.appendEmpty();
  const scope = batch.scopes.end(batch.strings.internText("scope"), batch.strings.internText("1"));
  for (const line of lines) {
    const service = line.service ?? "shop";
    const resource = { "service.name": service, ...line.resource };
    for (const [key, value] of Object.entries(resource)) {
      batch.resources.attributes.addEntry(batch.keys.internText(key), 1);
      batch.resources.attributes.values.appendText(value);
    }
    batch.resources.schemaUrl.appendText(line.schemaUrl ?? "");
    const resourceRow = batch.resources.end(batch.strings.internText(service));
    const row = batch.addRow();
    batch.timeNs[row] = line.timeNs;
    batch.observedNs[row] = line.timeNs;
    batch.severityNumber[row] = line.severity ?? 0;
    batch.severityText[row] = batch.strings.internText(line.severityText ?? "");
    batch.eventName[row] = batch.strings.internText("");
    batch.bodyKind[row] = 1;
    batch.body.appendText(line.body);
    batch.traceId.set(Buffer.from(line.traceId ?? "00".repeat(16), "hex"), row * 16);
    batch.spanId.set(Buffer.from(line.spanId ?? "00".repeat(8), "hex"), row * 8);
    batch.resource[row] = resourceRow;
    batch.scope[row] = scope;
    for (const [key, value] of Object.entries(line.attributes ?? {})) {
      batch.attributes.addEntry(batch.keys.internText(key), 1);
      batch.attributes.values.appendText(value);
    }
    batch.attributes.endRow();
  }
  return batch;
}

export interface TestSeries {
  readonly labels: { readonly [name: string]: string };
  /** Time and value; "stale" ends the series. */
  readonly samples: readonly (readonly [timeMs: number, value: number | "stale"])[];
}

export function samplesOf(series: readonly TestSeries[]): SampleBatch {
  const batch = new SampleBatch();
  for (const { labels, samples } of series) {
    for (const [name, value] of Object.entries(labels)) batch.series.addLabelText(name, value);
    const row = batch.series.end(Temporality.cumulative);
    for (const [timeMs, value] of samples) {
      if (value === "stale") batch.samples.addStale(row, timeMs, 0);
      else batch.samples.add(row, timeMs, 0, value);
    }
  }
  return batch;
}

/** Texts that must be nothing but data wherever they are put. */
export const hostileTexts: readonly string[] = [
  ..."' \" ` \\ ; -- # % _ * ? $ ~ ^ | & ! ( ) [ ] { } < > , . : / = + @ \0".split(" "),
  "' OR '1'='1",
  "'; DROP TABLE otel_logs; --",
  "' UNION ALL SELECT 1 --",
  "\\'",
  "\\\\'",
  "\\",
  "\\\\",
  "\\N",
  "\\0",
  "\\x00",
  "\0",
  "a\0b",
  "\0'",
  "/* */",
  "*/ SELECT 1 /*",
  "{p0:String}",
  "{p1:UInt64}",
  "${1}",
  "$1",
  "$$heredoc$$",
  "$tag$ x $tag$",
  "'\n'",
  "\n",
  "\r\n",
  "\t",
  "\b\f\v",
  "\u0001\u001f\u007f",
  "\u00a0",
  "\u2018x\u2019",
  "\u201cx\u201d",
  "\u02bc",
  "\uff07",
  "\u2028\u2029",
  "x\ufeffy",
  "\ufffd",
  "é",
  "e\u0301",
  "😀",
  "مرحبا",
  "[1,2,3]",
  "['a']",
  "NULL",
  "nan",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "%27",
  "%00",
  "..%2f",
  "<script>alert(1)</script>",
  "SETTINGS readonly=0",
  "FORMAT JSON",
  "INTO OUTFILE '/tmp/x'",
  "x".repeat(2000),
];
