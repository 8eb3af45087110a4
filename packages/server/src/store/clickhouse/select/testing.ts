/** For tests: a store that takes spans given as OTLP JSON. */
import { defaultLimits } from "@triptych/model";
import { decodeOtlpTraces, drain } from "@triptych/wire";
import { createTestClock, openTestStore as openStore } from "../../store-for-tests.ts";
import type { Engine } from "../engine.ts";

export interface TestStore {
  readonly engine: Engine;
  /** Stores an `ExportTraceServiceRequest` given as an object or its JSON text. */
  add(request: object | string): Promise<void>;
  close(): Promise<void>;
}

export async function openTestStore(): Promise<TestStore> {
  const store = await openStore(createTestClock(1e12));
  return {
    engine: store.engine,
    async add(request) {
      const text = typeof request === "string" ? request : JSON.stringify(request);
      const { batch } = drain(
        decodeOtlpTraces(new TextEncoder().encode(text), "json", { limits: defaultLimits }),
      );
      await store.put(batch);
    },
    close: () => store.close(),
  };
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
