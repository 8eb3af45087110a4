import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogBatch, SampleBatch, SpanBatch, Temporality } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStatements } from "./ddl.ts";
import { openEmbedded } from "./embedded.ts";
import { createBlockEncoder } from "./encode/block-encoder.ts";
import type { Engine } from "./engine.ts";
import { createBlockSink } from "./sink.ts";
import { constant, sql } from "./sql.ts";

const directory = mkdtempSync(join(tmpdir(), "triptych-store-"));
let engine: Engine;

beforeAll(async () => {
  engine = await openEmbedded({
    directory,
    readers: 2,
    queueMax: 10,
    memoryBytesMax: 2 ** 31,
    queryTimeoutMs: 10_000,
  });
  for (const ddl of createStatements({ database: "triptych", minFreeBytes: 1e6 }))
    await engine.execute(ddl);
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

const clock = { nowMs: () => 1e12, monotonicMs: () => 0, after: () => () => {} };
const id = (bytes: number, fill: number): Uint8Array => new Uint8Array(bytes).fill(fill);

function spans(count: number, startNs: bigint): SpanBatch {
  const batch = new SpanBatch();
  batch.resources.attributes.addEntry(batch.keys.internText("service.name"), 1);
  batch.resources.attributes.values.appendText("shop");
  batch.resources.schemaUrl.appendEmpty();
  batch.resources.end(batch.strings.internText("shop"));
  batch.scopes.schemaUrl.appendEmpty();
  batch.scopes.end(batch.strings.internText("scope"), batch.strings.internText("1"));
  for (let i = 0; i < count; i++) {
    const row = batch.addRow();
    batch.traceId.set(id(16, 1 + (i % 3)), row * 16);
    batch.spanId.set(id(8, 9), row * 8);
    batch.startNs[row] = startNs + BigInt(i);
    batch.endNs[row] = startNs + BigInt(i) + 1_500_000_000n;
    batch.name[row] = batch.strings.internText(`op-${i % 2}`);
    batch.kind[row] = 2;
    batch.statusCode[row] = 2;
    batch.statusMessage.appendText("it's \\ broken");
    batch.traceState.appendEmpty();
    batch.attributes.addEntry(batch.keys.internText("n"), 3);
    batch.attributes.values.appendText(String(i));
    batch.attributes.endRow();
    const event = batch.events.addRow();
    batch.events.timeNs[event] = startNs;
    batch.events.name[event] = batch.strings.internText("exception");
    batch.events.attributes.addEntry(batch.keys.internText("exception.type"), 1);
    batch.events.attributes.values.appendText("Timeout");
    batch.events.attributes.endRow();
    batch.events.endSpan(row);
    batch.links.endSpan(row);
  }
  return batch;
}

async function store(batch: SpanBatch | LogBatch | SampleBatch, seq: number): Promise<void> {
  const steps = createBlockEncoder({ clock, seriesMax: 1000 }).encode([batch]);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const sink = createBlockSink(engine);
  const groups = new Map<string, typeof step.value>();
  for (const block of step.value) {
    const key = `${block.kind}/${block.partition}`;
    groups.set(key, [...(groups.get(key) ?? []), block]);
  }
  for (const blocks of groups.values()) {
    await sink.insert(
      blocks.map((block) => ({ ...block, seq, writer: 7 })),
      null,
    );
  }
}

const rows = async (query: Parameters<Engine["select"]>[0]): Promise<number> =>
  (await engine.select(query)).blocks.reduce((sum, block) => sum + block.rows, 0);

describe("spans", () => {
  test("a batch over midnight becomes one part a day, whole, with its lookup rows", async () => {
    await store(spans(20_000, 1_700_006_399_999_990_000n), 1);
    expect(
      await rows(sql`SELECT 1 FROM otel_traces WHERE TraceId = '01010101010101010101010101010101'`),
    ).toBe(6667);
    expect(
      await rows(
        sql`SELECT 1 FROM system.parts WHERE table = 'otel_traces' AND active AND database = 'triptych'`,
      ),
    ).toBe(2);
    const present = await createBlockSink(engine).present({
      writer: 7,
      from: 1,
      to: 1,
      kinds: ["otel_traces"],
    });
    const block = {
      kind: "otel_traces",
      partition: 20231114,
      rows: 1,
      bytes: id(0, 0),
      seq: 1,
      writer: 7,
    };
    expect(present.has("otel_traces", block)).toBe(true);
    expect(present.has("otel_traces_trace_id_ts", block)).toBe(true);
    expect(present.has("otel_traces", { ...block, seq: 2 })).toBe(false);
    const { blocks } = await engine.select(
      sql`SELECT SpanAttributes, ParentSpanId, Duration, Events.Attributes AS e, SpanKinds, StatusMessage FROM otel_traces WHERE SpanAttributes['n'] = '17'`,
    );
    expect(blocks[0]?.columns.map((column) => column.data.kind)).toEqual([
      "map",
      "text",
      "bigint",
      "array",
      "text",
      "text",
    ]);
    const texts = blocks[0]?.columns.map((column) =>
      column.data.kind === "text" ? column.data.text(0) : "",
    );
    expect(texts).toEqual(["", "", "", "", "3", "it's \\ broken"]);
  });
});

describe("samples", () => {
  test("series are written once, stale markers keep their bits", async () => {
    const batch = new SampleBatch();
    for (let i = 0; i < 10; i++) {
      batch.series.addLabelText("__name__", "up");
      batch.series.addLabelText("instance", `i${i % 5}`);
      const series = batch.series.end(Temporality.gauge);
      if (i === 9) batch.samples.addStale(series, 1_700_000_000_000, 0);
      else batch.samples.add(series, 1_700_000_000_000 + i, 0, i);
    }
    batch.metadata.push({ family: "up", type: "gauge", unit: "", help: "is up" });
    await store(batch, 3);
    expect(await rows(sql`SELECT 1 FROM series WHERE Labels['instance'] = 'i3'`)).toBe(1);
    expect(await rows(sql`SELECT 1 FROM samples`)).toBe(10);
    expect(
      await rows(
        sql`SELECT 1 FROM samples WHERE reinterpretAsUInt64(Value) = ${constant("0x7ff0000000000002")}`,
      ),
    ).toBe(1);
  });
});
