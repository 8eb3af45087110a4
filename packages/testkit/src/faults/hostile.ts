/** F10, F11: payloads that are wrong in every way, and more of them than the machine can take. */
import { join } from "node:path";
import { openAckLedger } from "../ack-ledger.ts";
import { createGrpcClient, createHttpClient, type OtlpClient } from "../otlp-client.ts";
import { type Encoding, encodePayload, type Signal } from "../otlp-payload.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { type CaseContext, expectThat, type FaultCase, percentile } from "./case.ts";
import { createLoad, ID_STRIDE } from "./load.ts";
import { mutate } from "./mutate.ts";
import { drained, expectExact, verifyEmbedded } from "./verify.ts";

interface Fuzzed {
  readonly slow: number[];
  readonly statuses: Map<number, number>;
}

async function fuzz(
  context: CaseContext,
  server: RunningServer,
  lane: { name: string; client: OtlpClient; encoding: Encoding },
): Promise<Fuzzed & { sent: [number, Signal, number][] }> {
  const { rng, short } = context;
  const count = short ? 1_000 : 10_000;
  const statuses = new Map<number, number>();
  const slow: number[] = [];
  const sent: [number, Signal, number][] = [];
  const signals: readonly Signal[] = ["traces", "logs", "metrics"];
  const seeds = signals.map((signal) =>
    encodePayload(
      { signal, firstId: 1, rows: 5, idKey: "mutant", nowMs: Date.now() },
      lane.encoding,
    ),
  );
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      const signal = signals[i % 3] ?? "logs";
      const valid = i % 100 === 50;
      // Numbers of the three lanes stay apart.
      const request = 1 + i + 100_000 * ["http/protobuf", "http/json", "grpc"].indexOf(lane.name);
      const body = valid
        ? encodePayload(
            { signal, firstId: request * ID_STRIDE, rows: 7, nowMs: Date.now() },
            lane.encoding,
          )
        : mutate(rng, seeds[i % 3] ?? new Uint8Array(0));
      const answer = await lane.client.send(signal, body);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      slow.push(answer.ms);
      const hex = (): string => Buffer.from(body).toString("hex").slice(0, 4_000);
      const bad = answer.status === 0 || (answer.status >= 500 && answer.status < 1000);
      const internal = answer.status === 1013 || answer.status === 1002;
      expectThat(
        !bad && !internal,
        `${lane.name} ${signal} answered ${answer.status} to ${hex()}\n${server.logs().slice(-2_000)}`,
      );
      if (!valid) continue;
      expectThat(answer.status === 200, `${lane.name} refused a valid request: ${answer.status}`);
      sent.push([request, signal, 7]);
    }
  };
  await Promise.all([worker(), worker()]);
  lane.client.close();
  return { slow, statuses, sent };
}

const mutants: FaultCase = {
  name: "F10",
  title: "mutated payloads for each encoding and protocol",
  async run(context) {
    const dataDir = join(context.directory, "data");
    const server = await startServer({ dataDir });
    const lanes = [
      {
        name: "http/protobuf",
        client: createHttpClient(server.otlpHttpUrl, "protobuf"),
        encoding: "protobuf",
      },
      { name: "http/json", client: createHttpClient(server.url, "json"), encoding: "json" },
      { name: "grpc", client: createGrpcClient(server.otlpGrpcUrl), encoding: "protobuf" },
    ] as const;
    const sent = new Map<
      number,
      { number: number; signal: Signal; rows: number; body: Uint8Array }
    >();
    const slow: number[] = [];
    let payloads = 0;
    for (const lane of lanes) {
      const result = await fuzz(context, server, lane);
      slow.push(...result.slow);
      payloads += result.slow.length;
      for (const [number, signal, rows] of result.sent)
        sent.set(number, { number, signal, rows, body: new Uint8Array(0) });
      const counts = [...result.statuses].sort((a, b) => b[1] - a[1]);
      context.log(
        `${lane.name}: ${counts.map(([status, times]) => `${status}×${times}`).join(" ")}`,
      );
    }
    await drained(server, 60_000);
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    const acked = new Set([...sent.keys()].map(String));
    const verdict = await verifyEmbedded(dataDir, sent, acked);
    expectExact(verdict);
    return {
      payloads,
      ...verdict,
      answerMsP99: percentile(slow, 0.99),
      answerMsMax: percentile(slow, 1),
    };
  },
};

const pressure: FaultCase = {
  name: "F11",
  title: "far more than 512 MiB can hold",
  async run(context) {
    const { rng, short } = context;
    const dataDir = join(context.directory, "data");
    const ledger = openAckLedger(join(context.directory, "acked"));
    const load = createLoad({
      rng,
      ledger,
      lanes: 24,
      rowsMax: 5_000,
      signals: ["traces", "logs"],
    });
    const server = await startServer({ dataDir, args: ["--memory", "512MiB"] });
    const idleMiB = Math.round(server.memory().resident / 1024 / 1024);
    const sending = load.start(server);
    const until = performance.now() + (short ? 8_000 : 45_000);
    // What counts against the limit is memory that only the process can give back: the engine's code is resident, too,
    // but the system may drop its pages at any time.
    let own = 0;
    const look = (): void => {
      own = Math.max(own, server.memory().anonymous);
    };
    const looking = setInterval(look, 50);
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 200));
    context.log(`${load.acked} requests acknowledged`);
    await sending.stop();
    context.log(
      `${Math.round(server.memory().resident / 1024 / 1024)} MiB after the senders stopped`,
    );
    await load.finish(server, 30_000);
    await drained(server, 60_000);
    clearInterval(looking);
    const { peak } = server.memory();
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    const verdict = await verifyEmbedded(dataDir, load.sent, ledger.ids());
    expectExact(verdict);
    const statuses = new Map<number, number>();
    for (const { status } of load.answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const allowed = new Set([200, 429, 503, 1014]);
    const strange = [...statuses.keys()].filter((status) => !allowed.has(status));
    expectThat(strange.length === 0, `answers ${strange.join(", ")}`);
    const peakMiB = Math.round(peak / 1024 / 1024);
    const ownMiB = Math.round(own / 1024 / 1024);
    expectThat(ownMiB <= 512, `its own memory reached ${ownMiB} MiB`);
    const shed = load.answers.filter((answer) => answer.status !== 200).length;
    return { ...verdict, shed, idleMiB, ownMiB, peakMiB };
  },
};

export const hostileCases: readonly FaultCase[] = [mutants, pressure];
