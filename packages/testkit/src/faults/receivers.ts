/**
 * F101: mutated payloads for every receiver but OTLP's. F102: bodies that unpack to a thousand times their size.
 * F9: clients that are slow, silent, or never read.
 */
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { freePort } from "../free-port.ts";
import type { Rng } from "../rng.ts";
import { type RunningServer, startServer } from "../start-server.ts";
import { type CaseContext, expectThat, type FaultCase, pause, percentile } from "./case.ts";
import { mutate } from "./mutate.ts";
import {
  type HttpLane,
  httpLanes,
  type SocketLane,
  snappy,
  socketLanes,
} from "./receiver-payloads.ts";
import { drained } from "./verify.ts";

const HOST = "127.0.0.1";
const MiB = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly text: string;
}

function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  agent?: Agent,
): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const none = (): void =>
      resolve({ status: 0, ms: performance.now() - started, text: "no answer" });
    const call = request(
      url,
      {
        method: "POST",
        timeout: 30_000,
        headers: { ...headers, "content-length": body.length },
        ...(agent === undefined ? {} : { agent }),
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => {
          text = (text + piece).slice(0, 2_000);
        });
        answer.on("error", none);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, ms: performance.now() - started, text }),
        );
      },
    );
    call.on("timeout", () => call.destroy());
    call.on("error", none);
    call.end(body);
  });
}

interface Ports {
  readonly beats: number;
  readonly fluentd: number;
  readonly logstash: number;
  readonly syslog: number;
  readonly "syslog-udp": number;
  readonly statsd: number;
}

const running: RunningServer[] = [];

/** The case, and the end of its server when it fails. */
function ended(one: FaultCase): FaultCase {
  return {
    ...one,
    async run(context) {
      try {
        return await one.run(context);
      } finally {
        for (const server of running.splice(0)) await server.kill();
      }
    },
  };
}

async function startAll(directory: string): Promise<{ server: RunningServer; ports: Ports }> {
  const [beats, fluentd, logstash, syslog, statsd] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const config = join(directory, "triptych.yaml");
  writeFileSync(
    config,
    `syslog: { enabled: true, udpPort: ${syslog}, tcpPort: ${syslog} }
logstash: { enabled: true, port: ${logstash} }
beats: { enabled: true, port: ${beats} }
fluentd: { enabled: true, port: ${fluentd} }
statsd: { enabled: true, port: ${statsd} }
`,
  );
  const server = await startServer({
    dataDir: join(directory, "data"),
    args: ["--config", config],
  });
  running.push(server);
  return { server, ports: { beats, fluentd, logstash, syslog, "syslog-udp": syslog, statsd } };
}

/** Every hundredth payload is valid. */
const isValid = (i: number): boolean => i % 100 === 50;
const markOf = (lane: string, i: number): string => `kept-${lane.replaceAll(" ", "-")}-${i}`;

async function fuzzHttp(
  { rng, log }: CaseContext,
  server: RunningServer,
  lane: HttpLane,
  count: number,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const wrap = lane.wrap ?? ((bytes: Buffer): Buffer => bytes);
  const statuses = new Map<number, number>();
  const ms: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      const valid = isValid(i);
      const body = valid
        ? wrap(lane.payload(markOf(lane.name, i)))
        : mutant(rng, lane.payload("mutant"), wrap);
      const answer = await post(`${server.url}${lane.path}`, lane.headers, body, agent);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      ms.push(answer.ms);
      const shown = (): string =>
        `${lane.name} answered ${answer.status} ${answer.text} to ${Buffer.from(body).toString("hex").slice(0, 4_000)}\n${server.logs().slice(-2_000)}`;
      expectThat(answer.status !== 0 && answer.status !== 500 && answer.status < 504, shown());
      expectThat(!valid || lane.good.includes(answer.status), shown());
    }
  };
  await Promise.all([worker(), worker()]);
  agent.destroy();
  const counts = [...statuses].sort((a, b) => b[1] - a[1]);
  log(`${lane.name}: ${counts.map(([status, times]) => `${status}×${times}`).join(" ")}`);
  return ms;
}

function mutant(rng: Rng, plain: Buffer, wrap: (bytes: Buffer) => Buffer): Uint8Array {
  return rng.chance(0.7) ? wrap(Buffer.from(mutate(rng, plain))) : mutate(rng, wrap(plain));
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** A connection for each payload: a broken one may be closed by the other side at any time. */
async function fuzzTcp({ rng }: CaseContext, port: number, lane: SocketLane, count: number) {
  for (let i = 0; i < count; i++) {
    const socket = await open(port);
    const valid = isValid(i);
    const bytes = valid ? lane.payload(markOf(lane.name, i)) : mutate(rng, lane.payload("mutant"));
    await new Promise<void>((resolve) => {
      socket.on("error", () => resolve());
      socket.on("close", () => resolve());
      socket.resume();
      socket.end(bytes);
      // Some wait for more of a message that says it is longer.
      if (!valid) setTimeout(() => socket.destroy(), 20);
    });
  }
}

async function fuzzUdp({ rng }: CaseContext, port: number, lane: SocketLane, count: number) {
  const socket = createSocket("udp4");
  for (let i = 0; i < count; i++) {
    const bytes = isValid(i)
      ? lane.payload(markOf(lane.name, i))
      : mutate(rng, lane.payload("mutant"));
    await new Promise<void>((resolve) =>
      socket.send(Buffer.from(bytes), port, HOST, () => resolve()),
    );
    // Datagrams are dropped by the system when nobody had time to take them: that is not what is asked here.
    if (i % 20 === 0) await pause(2);
  }
  socket.close();
}

/** Lines whose text has been kept, by lane. */
async function keptLines(server: RunningServer): Promise<Map<string, number>> {
  const query = '{service_name="fuzzed"} |= "line kept-"';
  const from = (Date.now() - 3_600_000) * 1e6;
  const answer = await fetch(
    `${server.url}/loki/api/v1/query_range?query=${encodeURIComponent(query)}&start=${from}&limit=5000`,
  );
  const { data } = (await answer.json()) as {
    data: { result: { values: [string, string][] }[] };
  };
  const kept = new Map<string, number>();
  for (const { values } of data.result)
    for (const [, text] of values) {
      const lane = /kept-([\w-]*?)-\d+/.exec(text)?.[1]?.replaceAll("-", " ") ?? "";
      kept.set(lane, (kept.get(lane) ?? 0) + 1);
    }
  return kept;
}

const mutants: FaultCase = {
  name: "F101",
  title: "mutated payloads for every receiver but OTLP's",
  async run(context) {
    const { server, ports } = await startAll(context.directory);
    const count = context.short ? 1_000 : 10_000;
    const ms: number[] = [];
    for (const lane of httpLanes) ms.push(...(await fuzzHttp(context, server, lane, count)));
    for (const lane of socketLanes) {
      const fuzz = lane.udp ? fuzzUdp : fuzzTcp;
      await fuzz(context, ports[lane.name], lane, lane.udp ? count : count / 5);
    }
    await pause(500);
    await drained(server, 60_000);
    const kept = await keptLines(server);
    const want = new Map<string, number>();
    for (const { name } of [...httpLanes, ...socketLanes]) {
      const tcp = socketLanes.some((lane) => lane.name === name && !lane.udp);
      const lines = /Loki|Elastic|beats|fluentd|logstash|syslog/.test(name);
      if (lines) want.set(name.replaceAll("-", " "), Math.floor((tcp ? count / 5 : count) / 100));
    }
    for (const [lane, lines] of want)
      expectThat(
        (kept.get(lane) ?? 0) === lines,
        `${lane} kept ${kept.get(lane) ?? 0} of ${lines} valid lines`,
      );
    const { peak } = server.memory();
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    expectThat(!/unhandled|internal/i.test(server.logs()), server.logs().slice(-3_000));
    return {
      payloads: ms.length,
      answerMsP99: percentile(ms, 0.99),
      answerMsMax: percentile(ms, 1),
      peakMiB: Math.round(peak / MiB),
    };
  },
};

/** Zeros, 1 GiB of them when unpacked, made of one piece that is repeated: both formats may be concatenated. */
function bombs(): { readonly [encoding: string]: Buffer } {
  const piece = Buffer.alloc(64 * MiB);
  const repeated = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: 16 }, () => one));
  // Copies of what came before, 64 bytes each: 21 bytes of text for each byte.
  const copies = Buffer.alloc(3 * 1024 * 1024);
  for (let at = 0; at < copies.length; at += 3) copies.set([0xfe, 1, 0], at);
  return {
    gzip: repeated(gzipSync(piece)),
    deflate: deflateSync(Buffer.alloc(256 * MiB)),
    zstd: zstdCopies(8192),
    snappy: Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x03, 0x00, 0x41]), copies]),
    "snappy that lies": Buffer.concat([
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
      snappy(Buffer.from("short")),
    ]),
  };
}

/** Blocks of one byte and a copy of it, 128 KiB each: a window of 8 MiB, and nowhere a size. */
function zstdCopies(blocks: number): Buffer {
  const block = [0x54, 0, 0, 0x08, 0x41, 0x01, 0x54, 1, 0, 52, 0xfc, 0xff, 0x01];
  const body = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
  for (let i = 1; i <= blocks; i++)
    body.push(...(i === blocks ? [0x55, ...block.slice(1)] : block));
  return Buffer.from(body);
}

const bombed: FaultCase = {
  name: "F102",
  title: "bodies that unpack to far more than they may",
  async run(context) {
    const { server } = await startAll(context.directory);
    const before = server.memory().resident;
    const ms: number[] = [];
    for (const [encoding, body] of Object.entries(bombs()))
      for (const { name, path, headers } of httpLanes) {
        const said = { ...headers, "content-encoding": encoding.split(" ")[0] ?? "" };
        const answer = await post(`${server.url}${path}`, said, body);
        ms.push(answer.ms);
        const ok = answer.status >= 400 && answer.status < 500;
        expectThat(ok, `${name} ${encoding} answered ${answer.status} ${answer.text}`);
      }
    const single = server.memory().peak;
    const gzip = bombs()["gzip"] ?? Buffer.alloc(0);
    const many = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const { path, headers } = httpLanes[i % httpLanes.length] as HttpLane;
        return post(`${server.url}${path}`, { ...headers, "content-encoding": "gzip" }, gzip);
      }),
    );
    expectThat(
      many.every(({ status }) => status === 0 || (status >= 400 && status < 504)),
      `fifty at once were answered ${[...new Set(many.map(({ status }) => status))].join(", ")}`,
    );
    const peak = server.memory().peak;
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    const oneMiB = Math.round((single - before) / MiB);
    const fiftyMiB = Math.round((peak - before) / MiB);
    expectThat(fiftyMiB <= 300, `fifty bombs took ${fiftyMiB} MiB`);
    return { bombs: ms.length, answerMsMax: percentile(ms, 1), oneMiB, fiftyMiB };
  },
};

const slow: FaultCase = {
  name: "F9",
  title: "clients that send a byte now and then, read nothing, or are half closed",
  async run({ directory, short, log }) {
    const { server, ports } = await startAll(directory);
    const before = server.memory().resident;
    const many = short ? 500 : 2_000;
    const sockets: Socket[] = [];
    const closed = { slow: 0, half: 0 };
    const timers: NodeJS.Timeout[] = [];
    const begin = async (port: number, kind: keyof typeof closed, head: string) => {
      const socket = await open(port).catch(() => undefined);
      if (socket === undefined) {
        closed[kind]++;
        return;
      }
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("close", () => closed[kind]++);
      socket.resume();
      socket.write(head);
      if (kind === "half") socket.end();
      else timers.push(setInterval(() => socket.writable && socket.write("x"), 10_000));
    };
    const head = "POST /loki/api/v1/push HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    for (let i = 0; i < many; i++) await begin(server.ports.http, "slow", head);
    for (let i = 0; i < 500; i++) await begin(server.ports.http, "half", head);
    for (let i = 0; i < 100; i++) await begin(ports.syslog, "slow", "<14>1 ");
    const ms: number[] = [];
    const started = performance.now();
    let reapedMs = 0;
    while (performance.now() - started < 20_000) {
      const answer = await post(
        `${server.url}/loki/api/v1/push`,
        httpLanes[4]?.headers ?? {},
        httpLanes[4]?.payload("slow") ?? Buffer.alloc(0),
      );
      expectThat(answer.status === 204, `a healthy client was answered ${answer.status}`);
      ms.push(answer.ms);
      if (reapedMs === 0 && closed.slow >= many && closed.half >= 500)
        reapedMs = Math.round(performance.now() - started);
      await pause(50);
    }
    log(`closed by the server: ${closed.slow} slow, ${closed.half} half closed`);
    const peak = server.memory().peak;
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    expectThat(closed.slow >= many, `${closed.slow} of ${many} slow clients were closed in 20 s`);
    const moreMiB = Math.round((peak - before) / MiB);
    return { clients: many, reapedMs, healthyMsP99: percentile(ms, 0.99), moreMiB };
  },
};

export const receiverCases: readonly FaultCase[] = [mutants, bombed, slow].map(ended);
