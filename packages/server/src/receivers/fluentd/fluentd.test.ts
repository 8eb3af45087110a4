/** Fluentd's forward protocol over real sockets: the real client in all its modes, hand-made messages, hostile bytes. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defaultLimits, type LogBatch, TriptychError } from "@triptych/model";
import logger from "fluent-logger";
import { afterEach, expect, test } from "vitest";
import { fluentdSchema } from "../../config/fluentd-schema.ts";
import { createRecordingNext, type RecordingNext, realClock } from "../otlp/recording-next.ts";
import { createFluentdServer, type FluentdServer } from "./server.ts";

const HOST = "127.0.0.1";
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(settings: Parameters<typeof fluentdSchema.parse>[0] = {}): Promise<{
  readonly next: RecordingNext;
  readonly port: number;
  readonly server: FluentdServer;
}> {
  const next = createRecordingNext(64 * 1024 * 1024);
  const bugs: TriptychError[] = [];
  const server = createFluentdServer({
    config: fluentdSchema.parse(settings),
    next,
    limits: defaultLimits,
    clock: realClock,
    report: (error) => void bugs.push(error),
  });
  const port = await server.listen(HOST, 0);
  closers.push(async () => {
    await server.close();
    expect(bugs).toEqual([]);
    expect(next.heldBytes).toBe(0);
  });
  return { next, port, server };
}

interface Line {
  readonly body: string;
  readonly timeNs: bigint;
  readonly attributes: Readonly<Record<string, string>>;
}

function linesOf(next: RecordingNext): Line[] {
  return next.batches.flatMap((one) => {
    const batch = one as LogBatch;
    return Array.from({ length: batch.rows }, (_, row) => {
      const attributes: Record<string, string> = {};
      const { offsets, keys, values } = batch.attributes;
      for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
        attributes[batch.keys.text(keys[i] as number)] = values.text(i);
      return { body: batch.body.text(row), timeNs: batch.timeNs[row] as bigint, attributes };
    });
  });
}

const settled = (next: RecordingNext, lines: number) =>
  expect.poll(() => linesOf(next).length, { timeout: 10_000 }).toBe(lines);

/** The types that come with the client know neither all of its options nor its events. */
type SenderOptions = Readonly<Record<string, unknown>>;
interface Sender {
  emit(label: string, record: object, done?: (error?: Error) => void): void;
  on(event: "error", run: (error: Error) => void): void;
  end(): void;
}

function client(port: number, options: SenderOptions): Sender {
  const quiet = { info: () => {}, error: () => {}, warn: () => {} };
  const sender = logger.createFluentSender("app", {
    host: HOST,
    port,
    timeout: 3,
    internalLogger: quiet,
    ...options,
  } as object) as unknown as Sender;
  closers.push(() => sender.end());
  return sender;
}

const checkClient = (
  name: string,
  options: SenderOptions,
  settings: Parameters<typeof serve>[0] = {},
) =>
  test(`fluent-logger: ${name}`, async () => {
    const { next, port } = await serve(settings);
    const sender = client(port, options);
    const done = [1, 2, 3].map(
      (n) =>
        new Promise<void>((resolve, reject) => {
          sender.emit("web", { message: `line ${n}`, n, user: { id: "u" } }, (error?: Error) =>
            error ? reject(error) : resolve(),
          );
        }),
    );
    await Promise.all(done);
    await settled(next, 3);
    const lines = linesOf(next).sort((a, b) => (a.body < b.body ? -1 : 1));
    expect(lines[0]?.body).toBe("line 1");
    expect(lines[0]?.attributes).toMatchObject({ "fluent.tag": "app.web", n: "1", "user.id": "u" });
    expect(Math.abs(Number(lines[0]?.timeNs) / 1e6 - Date.now())).toBeLessThan(60_000);
  });

checkClient("one message an event", {});
checkClient("with acknowledgements", { requireAckResponse: true });
checkClient("milliseconds", { milliseconds: true });
checkClient("packed", { eventMode: "PackedForward", requireAckResponse: true });
checkClient("compressed", { eventMode: "CompressedPackedForward", requireAckResponse: true });
const security = { clientHostname: "client.test", sharedKey: "secret" };
checkClient("shared key", { security, requireAckResponse: true }, { sharedKey: "secret" });
checkClient(
  "user and password",
  {
    security: { ...security, username: "fluent", password: "pw" },
    requireAckResponse: true,
  },
  { sharedKey: "secret", users: [{ username: "fluent", password: "pw" }] },
);

test("fluent-logger: a wrong key is refused", async () => {
  const { next, port } = await serve({ sharedKey: "other" });
  const sender = client(port, { security });
  const error = await new Promise<Error>((resolve) => {
    sender.on("error", resolve);
    sender.emit("web", { message: "x" });
  });
  expect(error.message).toContain("shared key mismatch");
  await expect.poll(() => next.discards.get("fluentd_unauthorized")).toBe(1);
  expect(next.batches).toEqual([]);
});

test("fluent-logger over TLS", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fluentd-"));
  const [tlsKeyFile, tlsCertFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const files = ["-keyout", tlsKeyFile, "-out", tlsCertFile];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, ...files], { stdio: "ignore" });
  const { next, port } = await serve({ tlsKeyFile, tlsCertFile });
  const tlsOptions = { ca: readFileSync(tlsCertFile), servername: "" };
  const sender = client(port, { tls: true, tlsOptions, requireAckResponse: true });
  await new Promise<void>((resolve, reject) => {
    sender.emit("web", { message: "hidden" }, (error) => (error ? reject(error) : resolve()));
  });
  await settled(next, 1);
  // Somebody who does not speak TLS is cut off.
  const { socket } = await raw(port);
  socket.write(Buffer.from([0x93, ...str("t"), 1, ...record("x")]));
  await new Promise((resolve) => socket.once("close", resolve));
  expect(linesOf(next)).toHaveLength(1);
});

async function raw(port: number): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(port, HOST);
  let received = Buffer.alloc(0);
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
  });
  socket.on("error", () => {});
  closers.push(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, received: () => received.toString("latin1") };
}

const str = (text: string): number[] => [0xa0 | text.length, ...Buffer.from(text)];
const eventTime = (seconds: number, nanoseconds: number): number[] => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(seconds, 0);
  bytes.writeUInt32BE(nanoseconds, 4);
  return [0xd7, 0, ...bytes];
};
const record = (text: string): number[] => [0x81, ...str("log"), ...str(text)];
const bin = (bytes: Uint8Array): number[] => [
  0xc5,
  bytes.length >> 8,
  bytes.length & 255,
  ...bytes,
];
const TIME = eventTime(1_700_000_000, 123_456_789);

test("EventTime to the nanosecond, a list of events, and Fluent Bit's metadata", async () => {
  const { next, port } = await serve();
  const { socket } = await raw(port);
  const meta = [0x92, ...TIME, 0x81, ...str("m"), 1];
  socket.write(
    Buffer.from([
      ...[0x92, ...str("t"), 0x92, 0x92, ...TIME, ...record("a"), 0x92, ...meta, ...record("b")],
      ...[0xc0],
      ...[0x93, ...str("t"), ...meta, ...record("c")],
    ]),
  );
  await settled(next, 3);
  const lines = linesOf(next);
  expect(lines.map(({ timeNs }) => timeNs)).toEqual(Array(3).fill(1_700_000_000_123_456_789n));
  expect(lines[1]?.attributes).toMatchObject({ "fluent.tag": "t", m: "1" });
});

test("gzip of several members, cut into single bytes", async () => {
  const { next, port } = await serve();
  const { socket, received } = await raw(port);
  const one = (text: string) => gzipSync(Buffer.from([0x92, ...TIME, ...record(text)]));
  const packed = Buffer.concat([one("a"), one("b")]);
  const option = [0x82, ...str("compressed"), ...str("gzip"), ...str("chunk"), ...str("c1")];
  const message = [0x93, ...str("t"), ...bin(packed), ...option];
  for (const byte of message) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await settled(next, 2);
  await expect.poll(received).toContain("c1");
});

test("acknowledged when durable and not before; a resend is stored once", async () => {
  const { next, port } = await serve();
  let open: () => void = () => {};
  next.gate = new Promise((resolve) => {
    open = resolve;
  });
  const { socket, received } = await raw(port);
  const message = Buffer.from([
    ...[0x94, ...str("t"), ...TIME, ...record("a"), 0x81, ...str("chunk"), ...str("c1")],
  ]);
  socket.write(message);
  await expect.poll(() => next.heldBytes).toBeGreaterThan(0);
  expect(received()).toBe("");
  open();
  await expect.poll(received).toContain("c1");
  const again = await raw(port);
  again.socket.write(message);
  await expect.poll(again.received).toContain("c1");
  expect(linesOf(next)).toHaveLength(1);
});

test("what is not taken now is taken later, also from a sender that went away", async () => {
  const { next, port } = await serve();
  next.failure = new TriptychError("queue_full", "full");
  const { socket } = await raw(port);
  socket.end(Buffer.from([0x93, ...str("t"), ...TIME, ...record("a")]));
  await expect.poll(() => next.heldBytes).toBeGreaterThan(0);
  next.failure = undefined;
  await settled(next, 1);
});

test("heartbeats over UDP are answered", async () => {
  const { port } = await serve();
  const socket = createSocket("udp4");
  closers.push(() => socket.close());
  const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
  socket.send(Buffer.of(0), port, HOST);
  expect(await answer).toEqual(Buffer.of(0));
});

const deep = [...Array(200).fill(0x91), 0xc0];
const checkHostile = (name: string, bytes: readonly number[], reason: string, lines = 0) =>
  test(`hostile: ${name}`, async () => {
    const { next, port } = await serve({ messageBytesMax: 1_024 });
    const { socket } = await raw(port);
    socket.write(Buffer.from(bytes));
    await expect.poll(() => next.discards.get(reason), { timeout: 5_000 }).toBe(1);
    await settled(next, lines);
  });
checkHostile("no MessagePack", [0xc1], "wire_malformed");
checkHostile("an array said to be huge", [0xdd, 255, 255, 255, 255], "wire_too_large");
checkHostile("a text said to be huge", [0x92, 0xdb, 255, 255, 255, 255], "wire_too_large");
checkHostile("no message", [0x05], "wire_malformed");
checkHostile("a tag that is none", [0x93, 1, 1, 0x80], "wire_malformed");
checkHostile(
  "a record that is too deep, beside a good one",
  [0x92, ...str("t"), 0x92, 0x92, 1, 0x81, ...str("a"), ...deep, 0x92, 1, ...record("x")],
  "fluentd_event_invalid",
  1,
);
checkHostile(
  "a bomb",
  [
    0x93,
    ...str("t"),
    ...bin(gzipSync(Buffer.alloc(100_000))),
    0x81,
    ...str("compressed"),
    ...str("gzip"),
  ],
  "wire_too_large",
);
checkHostile(
  "an unknown compression",
  [0x93, ...str("t"), ...bin(Buffer.of(0x80)), 0x81, ...str("compressed"), ...str("lzma")],
  "encoding_unsupported",
);
checkHostile(
  "metrics of Fluent Bit",
  [0x93, ...str("t"), ...bin(Buffer.of(0x80)), 0x81, ...str("fluent_signal"), 1],
  "fluentd_not_logs",
);
