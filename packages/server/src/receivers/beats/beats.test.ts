/** The Beats protocol over real sockets: frames of our own as senders write them, and hostile bytes. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { deflateSync } from "node:zlib";
import { type Clock, defaultLimits, type LogBatch, TriptychError } from "@triptych/model";
import { afterEach, expect, test } from "vitest";
import { beatsSchema } from "../../config/beats-schema.ts";
import { createRecordingNext, type RecordingNext, realClock } from "../otlp/recording-next.ts";
import { createBeatsServer } from "./server.ts";

const HOST = "127.0.0.1";
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Real, but for the long waits: those end when the test says so. */
interface SteppedClock extends Clock {
  step(): void;
}

function steppedClock(): SteppedClock {
  const waiting = new Set<() => void>();
  return {
    ...realClock,
    after(delayMs, run) {
      if (delayMs < 2_000) return realClock.after(delayMs, run);
      waiting.add(run);
      return () => void waiting.delete(run);
    },
    step() {
      for (const run of [...waiting]) {
        waiting.delete(run);
        run();
      }
    },
  };
}

async function serve(settings: Parameters<typeof beatsSchema.parse>[0] = {}) {
  const next = createRecordingNext(64 * 1024 * 1024);
  const clock = steppedClock();
  const bugs: TriptychError[] = [];
  const server = createBeatsServer({
    config: beatsSchema.parse(settings),
    next,
    limits: defaultLimits,
    clock,
    report: (error) => void bugs.push(error),
  });
  const port = await server.listen(HOST, 0);
  closers.push(async () => {
    await server.close();
    expect(bugs).toEqual([]);
    expect(next.heldBytes).toBe(0);
  });
  return { next, port, clock, server };
}

const bodies = (next: RecordingNext): string[] =>
  next.batches.flatMap((one) => {
    const { rows, body } = one as LogBatch;
    return Array.from({ length: rows }, (_, row) => body.text(row));
  });

async function raw(port: number, via: (port: number) => Socket = (to) => connect(to, HOST)) {
  const socket = via(port);
  let received = Buffer.alloc(0);
  let isClosed = false;
  socket.on("data", (data: Buffer) => {
    received = Buffer.concat([received, data]);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  closers.push(() => socket.destroy());
  await new Promise((resolve) =>
    socket.once("encrypted" in socket ? "secureConnect" : "connect", resolve),
  );
  /** Versions and numbers of what was acknowledged. */
  const acks = (): string[] =>
    Array.from({ length: Math.floor(received.length / 6) }, (_, i) => {
      const ack = received.subarray(i * 6);
      expect(ack[1]).toBe(0x41);
      return `${String.fromCharCode(ack[0] as number)}:${ack.readUInt32BE(2)}`;
    });
  return { socket, acks, isClosed: () => isClosed };
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const frame = (version: 1 | 2, type: string, ...parts: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(`${version}${type}`), ...parts]);
const window = (events: number, version: 1 | 2 = 2): Buffer => frame(version, "W", u32(events));
const json = (sequence: number, event: object | string): Buffer => {
  const text = Buffer.from(typeof event === "string" ? event : JSON.stringify(event));
  return frame(2, "J", u32(sequence), u32(text.length), text);
};
const sized = (text: string): Buffer =>
  Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
const pairs = (sequence: number, event: Readonly<Record<string, string>>): Buffer => {
  const texts = Object.entries(event).flat().map(sized);
  return frame(1, "D", u32(sequence), u32(texts.length / 2), ...texts);
};
const compressed = (inner: Buffer, version: 1 | 2 = 2): Buffer => {
  const bytes = deflateSync(inner);
  return frame(version, "C", u32(bytes.length), bytes);
};
const line = (n: number) => ({ "@timestamp": "2024-05-06T07:08:09.123Z", message: `line ${n}`, n });
const lines = (from: number, to: number): Buffer =>
  Buffer.concat(Array.from({ length: to - from + 1 }, (_, i) => json(i + 1, line(from + i))));

test("windows as Filebeat sends them: compressed, the next before the answer", async () => {
  const { next, port } = await serve();
  const { socket, acks } = await raw(port);
  socket.write(
    Buffer.concat([window(3), compressed(lines(1, 3)), window(2), compressed(lines(4, 5))]),
  );
  await expect.poll(acks).toEqual(["2:3", "2:2"]);
  expect(bodies(next)).toEqual([1, 2, 3, 4, 5].map((n) => `line ${n}`));
});

test("version 1, byte by byte, one number after another", async () => {
  const { next, port } = await serve();
  const { socket, acks } = await raw(port);
  const first = pairs(41, { line: "a", file: "/x" });
  for (const byte of Buffer.concat([window(2, 1), first, pairs(42, { line: "b" })])) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(acks).toEqual(["1:42"]);
  expect(bodies(next)).toEqual(["a", "b"]);
});

test("a sender that announces no window is answered after what it wrote at once", async () => {
  const { next, port } = await serve();
  const { socket, acks } = await raw(port);
  socket.write(lines(1, 2));
  await expect.poll(acks).toEqual(["2:2"]);
  expect(bodies(next)).toHaveLength(2);
});

test("acknowledged when durable and not before; meanwhile it says that it is at work", async () => {
  const { next, port, clock } = await serve();
  let open: () => void = () => {};
  next.gate = new Promise((resolve) => {
    open = resolve;
  });
  const { socket, acks } = await raw(port);
  socket.write(Buffer.concat([window(1), lines(1, 1)]));
  await expect.poll(() => next.heldBytes).toBeGreaterThan(0);
  expect(acks()).toEqual([]);
  await expect
    .poll(() => {
      clock.step();
      return acks()[0];
    })
    .toBe("2:0");
  open();
  await expect.poll(() => acks().at(-1)).toBe("2:1");
});

test("a window that is not filled is answered as far as it came, and then to its end", async () => {
  const { next, port, clock } = await serve();
  const { socket, acks } = await raw(port);
  socket.write(Buffer.concat([window(3), lines(1, 2)]));
  await expect
    .poll(() => {
      clock.step();
      return acks();
    })
    .toEqual(["2:2"]);
  socket.write(json(3, line(3)));
  await expect.poll(acks).toEqual(["2:2", "2:3"]);
  expect(bodies(next)).toHaveLength(3);
});

test("a resend is stored once when its events have times", async () => {
  const { next, port } = await serve();
  const again = async (bytes: Buffer): Promise<void> => {
    const { socket, acks } = await raw(port);
    socket.write(bytes);
    await expect.poll(acks).toHaveLength(1);
  };
  await again(Buffer.concat([window(2), lines(1, 2)]));
  await again(Buffer.concat([window(2), compressed(lines(1, 2))]));
  expect(bodies(next)).toHaveLength(2);
  await again(Buffer.concat([window(1), json(1, { message: "no time" })]));
  await again(Buffer.concat([window(1), json(1, { message: "no time" })]));
  expect(bodies(next)).toHaveLength(4);
});

test("what is not taken now is taken later; for a sender that went away nothing is kept", async () => {
  const { next, port } = await serve();
  next.failure = new TriptychError("queue_full", "full");
  const gone = await raw(port);
  gone.socket.write(Buffer.concat([window(1), json(1, line(1))]));
  const { socket, acks } = await raw(port);
  socket.write(Buffer.concat([window(1), json(1, line(2))]));
  await expect.poll(() => next.heldBytes).toBeGreaterThan(0);
  gone.socket.resetAndDestroy();
  await expect.poll(gone.isClosed).toBe(true);
  next.failure = undefined;
  await expect.poll(acks).toEqual(["2:1"]);
  expect(bodies(next)).toEqual(["line 2"]);
});

test("what will never be taken is counted and acknowledged", async () => {
  const { next, port } = await serve();
  next.failure = new TriptychError("wire_too_many_items", "never");
  const { socket, acks } = await raw(port);
  socket.write(Buffer.concat([window(2), lines(1, 2)]));
  await expect.poll(acks).toEqual(["2:2"]);
  expect(next.discards.get("wire_too_many_items")).toBe(2);
});

test("a sender that ends in order leaves what it sent of a window", async () => {
  const { next, port } = await serve();
  const { socket, acks } = await raw(port, (to) =>
    connect({ port: to, host: HOST, allowHalfOpen: true }),
  );
  socket.end(Buffer.concat([window(9), lines(1, 2)]));
  await expect.poll(acks).toEqual(["2:2"]);
  expect(bodies(next)).toHaveLength(2);
});

test("a large window is stored in pieces", async () => {
  const { next, port } = await serve();
  const { socket, acks } = await raw(port);
  const many = 25_000;
  socket.write(Buffer.concat([window(many), compressed(lines(1, many))]));
  await expect.poll(acks, { timeout: 20_000 }).toEqual([`2:${many}`]);
  expect(next.batches.length).toBeGreaterThan(2);
  expect(bodies(next)).toHaveLength(many);
});

test("over TLS, and who does not speak it is cut off", async () => {
  const directory = mkdtempSync(join(tmpdir(), "beats-"));
  const [tlsKeyFile, tlsCertFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const files = ["-keyout", tlsKeyFile, "-out", tlsCertFile];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...files], { stdio: "ignore" });
  const { next, port } = await serve({ tlsKeyFile, tlsCertFile });
  const ca = readFileSync(tlsCertFile);
  const { socket, acks } = await raw(port, (to) => connectTls({ port: to, host: HOST, ca }));
  socket.write(Buffer.concat([window(1), lines(1, 1)]));
  await expect.poll(acks).toEqual(["2:1"]);
  const plain = await raw(port);
  plain.socket.write(Buffer.concat([window(1), lines(2, 2)]));
  await expect.poll(plain.isClosed).toBe(true);
  expect(next.discards.get("tls_handshake_failed")).toBe(1);
  expect(bodies(next)).toHaveLength(1);
});

const checkHostile = (name: string, bytes: Buffer, reason: string) =>
  test(`hostile: ${name}`, async () => {
    const { next, port } = await serve({ frameBytesMax: 1_024 });
    const { socket, isClosed } = await raw(port);
    socket.write(bytes);
    await expect.poll(() => next.discards.get(reason), { timeout: 5_000 }).toBe(1);
    await expect.poll(isClosed).toBe(true);
    // Others are served as before.
    const other = await raw(port);
    other.socket.write(Buffer.concat([window(1), lines(1, 1)]));
    await expect.poll(other.acks).toEqual(["2:1"]);
  });
checkHostile("HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "wire_malformed");
checkHostile("an unknown frame", Buffer.from("2Z...."), "wire_malformed");
checkHostile("a frame said to be huge", frame(2, "C", u32(0xffff_ffff)), "wire_too_large");
checkHostile("an event said to be huge", frame(2, "J", u32(1), u32(0xffff_ffff)), "wire_too_large");
checkHostile("pairs said to be many", frame(1, "D", u32(1), u32(0xffff_ffff)), "wire_too_large");
checkHostile("a bomb", compressed(Buffer.alloc(100_000)), "wire_too_large");
checkHostile("no zlib", frame(2, "C", u32(3), Buffer.from("abc")), "encoding_malformed");
checkHostile("nothing compressed", frame(2, "C", u32(0)), "encoding_malformed");
checkHostile("compressed twice", compressed(compressed(lines(1, 1))), "wire_malformed");
checkHostile("a frame cut off within", compressed(lines(1, 1).subarray(0, 20)), "wire_malformed");

test("hostile: a frame that never ends, and more connections than are taken", async () => {
  const { next, port, clock } = await serve({ connectionsMax: 1 });
  const { socket, isClosed } = await raw(port);
  socket.write(json(1, line(1)).subarray(0, 12));
  await expect
    .poll(() => {
      clock.step();
      return isClosed();
    })
    .toBe(true);
  expect(next.discards.get("beats_frame_incomplete")).toBe(1);
  const one = await raw(port);
  one.socket.write(Buffer.concat([window(1), lines(1, 1)]));
  await expect.poll(one.acks).toEqual(["2:1"]);
  const two = await raw(port);
  await expect.poll(two.isClosed).toBe(true);
  expect(next.discards.get("too_many_connections")).toBe(1);
});
