/** How fast bytes become columns, on one core, with nothing behind it. */
import { defaultLimits } from "@triptych/model";
import { decodeOtlpLogs, decodeOtlpTraces, drain } from "@triptych/wire";
import { type BenchBody, benchBody } from "./payload.ts";
import type { Row } from "./table.ts";

function rate(seconds: number, body: BenchBody, decode: (bytes: Uint8Array) => void): number {
  for (let i = 0; i < 200; i++) decode(body.fill(i));
  let rows = 0;
  let spent = 0;
  for (let i = 200; spent < seconds * 1000; i++) {
    const bytes = body.fill(i);
    const started = performance.now();
    decode(bytes);
    spent += performance.now() - started;
    rows += body.rows;
  }
  return rows / (spent / 1000);
}

export function benchWire(seconds: number): Row[] {
  const limits = defaultLimits;
  const spans = benchBody("traces", 500, Date.now());
  const lines = benchBody("logs", 500, Date.now());
  const row = (name: string, value: number, unit: string): Row => ({
    name,
    value,
    unit,
    better: "more",
  });
  return [
    row(
      "decode spans",
      rate(seconds, spans, (bytes) => void drain(decodeOtlpTraces(bytes, "protobuf", { limits }))),
      "spans/s",
    ),
    row(
      "decode lines",
      rate(
        seconds,
        lines,
        (bytes) => void drain(decodeOtlpLogs(bytes, "protobuf", { limits, arrivalNs: 0n })),
      ),
      "lines/s",
    ),
    { name: "bytes a span", value: spans.bytes / spans.rows, unit: "B" },
    { name: "bytes a line", value: lines.bytes / lines.rows, unit: "B" },
  ];
}
