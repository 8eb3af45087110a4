import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { defaultLimits, type LogBatch, TriptychError } from "@triptych/model";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLogstashTcp } from "../logstash/tcp.ts";
import { createRecordingNext, realClock, type RecordingNext } from "../otlp/recording-next.ts";
import { createSyslogTcp, createSyslogUdp } from "../syslog/syslog.ts";
import type { LineServer } from "./line-server.ts";

const HOST = "127.0.0.1";
const bugs: TriptychError[] = [];
const open: LineServer[] = [];
let next: RecordingNext;

beforeEach(() => {
  bugs.length = 0;
  next = createRecordingNext(defaultLimits.inFlightBytesMax);
});

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  expect(next.heldBytes).toBe(0);
  expect(bugs).toEqual([]);
});

const deps = () => ({
  next,
  limits: defaultLimits,
  clock: realClock,
  report: (error: TriptychError) => void bugs.push(error),
});

async function started(server: LineServer): Promise<number> {
  open.push(server);
  return server.listen(HOST, 0);
}

interface Row {
  readonly body: string;
  readonly severity: string;
  readonly service: string;
  readonly timeNs: bigint;
  readonly attributes: number;
}

function rows(): Row[] {
  return (next.batches as LogBatch[]).flatMap((batch) =>
    Array.from({ length: batch.rows }, (_, row) => ({
      body: batch.body.text(row),
      severity: batch.strings.text(batch.severityText[row] as number),
      service: batch.strings.text(
        batch.resources.serviceName[batch.resource[row] as number] as number,
      ),
      timeNs: batch.timeNs[row] as bigint,
      attributes:
        (batch.attributes.offsets[row + 1] as number) - (batch.attributes.offsets[row] as number),
    })),
  );
}

const arrived = (count: number): Promise<Row[]> =>
  vi.waitFor(
    () => {
      expect(rows().length).toBeGreaterThanOrEqual(count);
      return rows();
    },
    { timeout: 10_000 },
  );

function connected(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => resolve(socket));
    socket.on("error", () => {});
  });
}

async function sendTcp(port: number, ...chunks: (string | Uint8Array)[]): Promise<void> {
  const socket = await connected(port);
  for (const chunk of chunks) socket.write(chunk);
  await new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.end();
    socket.resume();
  });
}

describe("Logstash's json_lines", () => {
  test("events, lists of events and plain lines", async () => {
    const port = await started(createLogstashTcp(deps()));
    await sendTcp(
      port,
      '{"level":"INFO","message":"Test log","service":"cart","@timestamp":"2024-01-02T03:04:05Z"}\n',
      '[{"message":"a"},{"message":"b"}]\r\n\n  \n',
      "2024 ERROR plain text\n",
      '{"half":\n{"message":"last line without end"}',
    );
    const found = await arrived(6);
    expect(found.map(({ body, severity, service }) => [body, severity, service])).toEqual([
      ["Test log", "INFO", "cart"],
      ["a", "", "unknown_service"],
      ["b", "", "unknown_service"],
      ["2024 ERROR plain text", "error", "unknown_service"],
      ['{"half":', "", "unknown_service"],
      ["last line without end", "", "unknown_service"],
    ]);
    expect(found[0]?.timeNs).toBe(1_704_164_645_000_000_000n);
  });

  test("hostile lines cost themselves and nothing else", async () => {
    const port = await started(createLogstashTcp(deps()));
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]));
    const bad = Buffer.from('{"message":"a?"}\n');
    bad[bad.indexOf("?")] = 0xff;
    await sendTcp(
      port,
      `{"a":${"[".repeat(100_000)}\n`,
      `{"message":"deep","a":${"[".repeat(30)}${"]".repeat(30)}}\n`,
      `${JSON.stringify({ message: "many", ...many })}\n`,
      `${JSON.stringify({ message: "x".repeat(1_000_000) })}\n`,
      `${"y".repeat(5_000_000)}\n`,
      bad,
      "\0\0\n",
      '{"message":"after"}\n',
    );
    const found = await arrived(8);
    const { logLineBytesMax: max } = defaultLimits;
    expect(found.map(({ body }) => body.length)).toEqual([100_005, 83, max, max, max, 2, 2, 5]);
    expect(next.discards.size).toBe(0);
  });

  test("many small lines arrive whole and in order", async () => {
    const port = await started(createLogstashTcp(deps()));
    const lines = Array.from({ length: 20_000 }, (_, i) => `{"message":"m${i}","level":"info"}\n`);
    await sendTcp(port, lines.join(""));
    const found = await arrived(20_000);
    expect(found.map(({ body }) => body)).toEqual(lines.map((_, i) => `m${i}`));
  });
});

describe("when the journal is full", () => {
  test("TCP waits and nothing is lost", async () => {
    const port = await started(createLogstashTcp(deps()));
    next.failure = new TriptychError("queue_full", "full", { retryAfterSeconds: 0.05 });
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${"x".repeat(200)}\n`);
    const sent = sendTcp(port, lines.join(""));
    await vi.waitFor(() => expect(next.heldBytes).toBeGreaterThan(4_000_000), { timeout: 10_000 });
    expect(next.batches).toEqual([]);
    next.failure = undefined;
    await sent;
    expect((await arrived(40_000)).length).toBe(40_000);
    // Five batches of a megabyte, and what each row costs besides.
    expect(next.heldBytesMost).toBeLessThan(20_000_000);
    expect(next.discards.size).toBe(0);
  });

  test("closing gives up and counts", async () => {
    const server = createLogstashTcp(deps());
    const port = await started(server);
    next.failure = new TriptychError("queue_full", "full", { retryAfterSeconds: 1000 });
    await sendTcp(port, "a\nb\n");
    await vi.waitFor(() => expect(next.heldBytes).toBeGreaterThan(0));
    await server.close();
    expect(next.discards.get("queue_full")).toBe(2);
  });

  test("a spent budget makes TCP wait", async () => {
    next = createRecordingNext(1_000);
    let release = next.admit(900);
    const port = await started(createLogstashTcp(deps()));
    const sent = sendTcp(port, "a\nb\n");
    await vi.waitFor(() => expect(next.heldBytes).toBe(900));
    release();
    await sent;
    expect((await arrived(2)).map(({ body }) => body)).toEqual(["a", "b"]);
    release = () => {};
  });
});

describe("connections", () => {
  test("an incomplete line is taken when its time is over, and the connection ends", async () => {
    let now = 0;
    const timers = new Set<() => void>();
    const clock = {
      nowMs: () => 1_704_164_645_000 + now,
      monotonicMs: () => now,
      after(_delayMs: number, run: () => void) {
        const once = (): void => {
          timers.delete(once);
          run();
        };
        timers.add(once);
        return () => void timers.delete(once);
      },
    };
    const step = (): void => {
      for (const run of [...timers]) run();
    };
    const port = await started(createLogstashTcp({ ...deps(), clock }));
    const socket = await connected(port);
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()).resume());
    socket.write("whole\nslow");
    await vi.waitFor(() => {
      step();
      expect(rows().length).toBe(1);
    });
    now = 61_000;
    await vi.waitFor(() => {
      step();
      expect(rows().map(({ body }) => body)).toEqual(["whole", "slow"]);
    });
    await closed;
    expect(next.discards.get("line_incomplete")).toBe(1);
  });

  test("more than the bound are closed at once", async () => {
    const port = await started(createLogstashTcp({ ...deps(), connectionsMax: 1 }));
    const first = await connected(port);
    const second = await connected(port);
    await new Promise<void>((resolve) => second.on("close", () => resolve()).resume());
    expect(next.discards.get("too_many_connections")).toBe(1);
    first.destroy();
  });

  test("a connection that is cut off leaves what it sent", async () => {
    const port = await started(createSyslogTcp(deps()));
    const socket = await connected(port);
    socket.write("<13>a: one\n<13>a: tw");
    await arrived(1);
    socket.resetAndDestroy();
    expect((await arrived(2)).map(({ body }) => body)).toEqual(["one", "tw"]);
  });
});

describe("syslog", () => {
  test("TCP takes counted frames and lines, of both RFCs", async () => {
    const port = await started(createSyslogTcp(deps()));
    const counted = "<165>1 2024-01-02T03:04:05Z h app - - - two\nlines";
    await sendTcp(
      port,
      `${counted.length} ${counted}${counted.length} ${counted}`,
      "<11>Jan  2 03:04:06 h old[1]: x\n\n",
      "5 <13>wrong count\n",
      "<14>1 2024-01-02T03:04:05Z h app - - - after",
    );
    const found = await arrived(6);
    expect(found.map(({ body, severity, service }) => `${service} ${severity} ${body}`)).toEqual([
      "app notice two\nlines",
      "app notice two\nlines",
      "old err x",
      "unknown_service notice w",
      "unknown_service notice rong count",
      "app info after",
    ]);
  });

  test("UDP takes a message a datagram", async () => {
    const port = await started(createSyslogUdp(deps()));
    const socket = createSocket("udp4");
    const send = (text: string | Uint8Array) =>
      new Promise<void>((resolve) => socket.send(text, port, HOST, () => resolve()));
    await send("<11>Jan  2 03:04:06 h app[1]: x\n");
    await send('<14>1 2024-01-02T03:04:05Z h app - - - {"level":"warn"}');
    await send(Uint8Array.of(0xff, 0xfe));
    await send("");
    socket.close();
    const found = await arrived(3);
    expect(found.map(({ body, severity }) => [body, severity])).toEqual([
      ["x", "err"],
      ['{"level":"warn"}', "warn"],
      ["\ufffd\ufffd", "notice"],
    ]);
  });

  test("UDP counts what it has no room for", async () => {
    next = createRecordingNext(100);
    const port = await started(createSyslogUdp(deps()));
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.send("<13>a: b", port, HOST, () => resolve()));
    await vi.waitFor(() => expect(next.discards.get("queue_full")).toBe(1));
    socket.close();
  });
});
