/** L2: a trace of 100,000 spans. */
import { createGrpcClient } from "../otlp-client.ts";
import { field } from "../otlp-payload.ts";
import type { Rng } from "../rng.ts";
import { ask } from "./ask.ts";
import { expectThat, type FaultCase, percentile } from "./case.ts";
import { drained } from "./verify.ts";
import { withServer } from "./with-server.ts";

const MiB = 1024 * 1024;
const TRACE_ID = Buffer.from("4bf92f3577b34da6a3ce929d0e0e4736", "hex");

function fixed64(number: number, value: bigint): Buffer {
  const out = Buffer.alloc(9);
  out[0] = (number << 3) | 1;
  out.writeBigUInt64LE(value, 1);
  return out;
}

function idOf(n: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(n) + 1n);
  return out;
}

/** Spans `from .. to` of one trace: a tree ten wide. */
function traceBody(from: number, to: number, nowMs: number): Buffer {
  const attribute = (key: string, value: string): Buffer =>
    field(9, Buffer.concat([field(1, key), field(2, field(1, value))]));
  const spans = Array.from({ length: to - from }, (_, i) => {
    const n = from + i;
    const startNs = BigInt(nowMs) * 1_000_000n + BigInt(n) * 1_000n;
    return field(
      2,
      Buffer.concat([
        field(1, TRACE_ID),
        field(2, idOf(n)),
        ...(n === 0 ? [] : [field(4, idOf(Math.floor((n - 1) / 10)))]),
        field(5, `operation ${n % 200}`),
        fixed64(7, startNs),
        fixed64(8, startNs + 900_000n),
        attribute("n", String(n)),
        attribute("http.route", `/api/v1/orders/${n % 40}`),
      ]),
    );
  });
  const service = Buffer.concat([
    field(1, "service.name"),
    field(2, field(1, `service-${from % 7}`)),
  ]);
  const scoped = field(2, Buffer.concat(spans));
  return field(1, Buffer.concat([field(1, field(1, service)), scoped]));
}

function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

export const largeTrace: FaultCase = {
  name: "L2",
  title: "a trace of 100,000 spans in 200 pieces out of order, a tenth sent twice",
  run: (context) =>
    withServer(context, {}, async (server) => {
      const spans = context.short ? 20_000 : 100_000;
      const pieces = 200;
      const each = spans / pieces;
      const nowMs = Date.now() - 10_000;
      const client = createGrpcClient(server.otlpGrpcUrl);
      const order = shuffled(
        Array.from({ length: pieces }, (_, i) => i).flatMap((i) => (i % 10 === 3 ? [i, i] : [i])),
        context.rng,
      );
      for (const piece of order) {
        const body = traceBody(piece * each, (piece + 1) * each, nowMs);
        const answer = await client.send("traces", body);
        expectThat(answer.status === 200, `a piece was answered with ${answer.status}`);
      }
      client.close();
      await drained(server, 60_000);
      const id = TRACE_ID.toString("hex");
      const figures: Record<string, number> = { spans };
      const read = async (name: string, path: string, count: (text: string) => number) => {
        const ms: number[] = [];
        for (let i = 0; i < 5; i++) {
          const answer = await ask(`${server.url}${path}`, 60_000);
          expectThat(
            answer.status === 200,
            `${path} answered ${answer.status} ${answer.text.slice(0, 300)}`,
          );
          ms.push(answer.ms);
          const found = i === 0 ? count(answer.text) : spans;
          expectThat(found === spans, `${path} has ${found} of ${spans} spans`);
        }
        figures[`${name}MsP95`] = percentile(ms, 0.95);
      };
      const unique = (text: string, pattern: RegExp): number =>
        new Set([...text.matchAll(pattern)].map(([, span]) => span)).size;
      await read("jaeger", `/jaeger/api/traces/${id}`, (text) => {
        const { data } = JSON.parse(text) as { data: { spans: { spanID: string }[] }[] };
        const all = data[0]?.spans ?? [];
        expectThat(all.length === spans, `Jaeger's answer has ${all.length} spans`);
        return new Set(all.map(({ spanID }) => spanID)).size;
      });
      await read("tempo", `/tempo/api/traces/${id}`, (text) => unique(text, /"spanId":"([^"]+)"/g));
      await read("ours", `/api/triptych/traces/${id}`, (text) =>
        unique(text, /"spanId":"([^"]+)"/g),
      );
      figures["peakMiB"] = Math.round(server.memory().peak / MiB);
      return figures;
    }),
};
