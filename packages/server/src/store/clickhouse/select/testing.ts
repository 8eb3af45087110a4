/** For tests: an embedded store in a temporary directory, filled with spans given as OTLP JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batch, defaultLimits } from "@triptych/model";
import { decodeOtlpTraces, drain } from "@triptych/wire";
import type { Block } from "../../../journal/block.ts";
import { createStatements } from "../ddl.ts";
import { openEmbedded } from "../embedded.ts";
import { createBlockEncoder } from "../encode/block-encoder.ts";
import type { Engine } from "../engine.ts";
import { createBlockSink } from "../sink.ts";

export interface TestStore {
  readonly engine: Engine;
  /** Stores an `ExportTraceServiceRequest` given as an object or its JSON text. */
  add(request: object | string): Promise<void>;
  close(): Promise<void>;
}

export async function openTestStore(): Promise<TestStore> {
  const directory = mkdtempSync(join(tmpdir(), "triptych-traces-"));
  const engine = await openEmbedded({
    directory,
    readers: 2,
    queueMax: 100,
    memoryBytesMax: 2 ** 31,
    queryTimeoutMs: 30_000,
  });
  for (const ddl of createStatements({ database: "triptych", minFreeBytes: 1e6 }))
    await engine.execute(ddl);
  let seq = 0;
  return {
    engine,
    async add(request) {
      const text = typeof request === "string" ? request : JSON.stringify(request);
      const { batch } = drain(
        decodeOtlpTraces(new TextEncoder().encode(text), "json", { limits: defaultLimits }),
      );
      await insert(engine, batch, ++seq);
    },
    async close() {
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function insert(engine: Engine, batch: Batch, seq: number): Promise<void> {
  const clock = { nowMs: () => 1e12, monotonicMs: () => 0, after: () => () => {} };
  const steps = createBlockEncoder({ clock, seriesMax: 1000 }).encode([batch]);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const groups = new Map<string, Block[]>();
  for (const block of step.value) {
    const key = `${block.kind}/${block.partition}`;
    groups.set(key, [...(groups.get(key) ?? []), block]);
  }
  const sink = createBlockSink(engine);
  for (const blocks of groups.values()) {
    await sink.insert(
      blocks.map((block) => ({ ...block, seq, writer: 7 })),
      null,
    );
  }
}

/** A span in short form; times in milliseconds. */
export interface TestSpan {
  readonly trace: number | string;
  readonly id: number;
  readonly parent?: number;
  readonly service: string;
  readonly name?: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** OTLP SpanKind: 2 server, 3 client. */
  readonly kind?: number;
  readonly error?: string;
  readonly tags?: { readonly [key: string]: string };
  readonly resource?: { readonly [key: string]: string };
}

export const traceIdOf = (trace: number | string): string =>
  typeof trace === "string" ? trace : trace.toString(16).padStart(32, "0");
export const spanIdOf = (id: number): string => id.toString(16).padStart(16, "0");

const attributes = (values: { readonly [key: string]: string }): object[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: value } }));
const ns = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

/** The request that carries the spans. */
export function otlpOf(spans: readonly TestSpan[]): object {
  return {
    resourceSpans: spans.map((span) => ({
      resource: { attributes: attributes({ "service.name": span.service, ...span.resource }) },
      scopeSpans: [
        {
          scope: { name: "test" },
          spans: [
            {
              traceId: traceIdOf(span.trace),
              spanId: spanIdOf(span.id),
              ...(span.parent === undefined ? {} : { parentSpanId: spanIdOf(span.parent) }),
              name: span.name ?? "operation",
              kind: span.kind ?? 1,
              startTimeUnixNano: ns(span.startMs),
              endTimeUnixNano: ns(span.startMs + span.durationMs),
              attributes: attributes(span.tags ?? {}),
              ...(span.error === undefined ? {} : { status: { code: 2, message: span.error } }),
            },
          ],
        },
      ],
    })),
  };
}
