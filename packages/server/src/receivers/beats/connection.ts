/**
 * One connection of the Beats protocol. It is read no faster than its events become durable, and only then they are
 * acknowledged; what was not acknowledged its sender sends again, so nothing is kept for one that went away.
 */
import type { Socket } from "node:net";
import { asTriptychError, type Clock, sleep, TriptychError } from "@triptych/model";
import {
  createBeatsScanner,
  type PlainBeatsFrame,
  readBeatsFrame,
  readInnerFrames,
  writeBeatsAck,
} from "@triptych/wire";
import { decompress } from "../decompress.ts";
import { createMessageBuffer, type MessageBuffer } from "../message-buffer.ts";
import type { IngestNext } from "../next.ts";
import { createReservation, type Reservation } from "../reservation.ts";
import type { BeatsReceiver } from "./receiver.ts";
import { type BeatsWindow, createBeatsWindow, type Due } from "./window.ts";

export interface BeatsConnectionDeps {
  readonly receiver: BeatsReceiver;
  readonly next: IngestNext;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
  readonly frameBytesMax: number;
}

/** A frame that has begun must be whole by then. */
const FRAME_MS_MAX = 60_000;
/** Waited before what was not taken is tried again. */
const RETRY_MS = 500;
/** Senders give up after half a minute without a word; Logstash, too, says every five seconds that it is at work. */
const KEEP_ALIVE_MS = 5_000;
/** A window that is not filled by then is answered as far as it came. */
const FILL_MS_MAX = 5_000;

interface Connection {
  readonly socket: Socket;
  /** Address of the sender. */
  readonly peer: string;
  readonly window: BeatsWindow;
  readonly buffer: MessageBuffer;
  readonly deps: BeatsConnectionDeps;
  /** Bytes of events that are not durable yet, and of a frame that is not whole. */
  held: Reservation;
}

/** Reads to the end; what is wrong is counted, and the connection closed. Never rejects. */
export async function serveBeats(socket: Socket, deps: BeatsConnectionDeps): Promise<void> {
  const connection: Connection = {
    socket,
    peer: (socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    window: createBeatsWindow(),
    buffer: createMessageBuffer(createBeatsScanner(deps.frameBytesMax)),
    deps,
    held: createReservation(deps.next),
  };
  try {
    await readAll(connection);
  } catch (thrown) {
    const error = asTriptychError(thrown);
    // A connection that breaks is its sender's to open again.
    if (socket.destroyed && !(thrown instanceof TriptychError)) return;
    deps.next.discarded(error.code, 1);
    if (error.code === "internal") deps.report(error);
  } finally {
    connection.held.release();
    socket.end();
    socket.destroySoon();
  }
}

async function readAll(connection: Connection): Promise<void> {
  const { socket, window, buffer, deps } = connection;
  const chunks: AsyncIterator<Uint8Array> = socket.iterator({ destroyOnReturn: false });
  let cancel: (() => void) | undefined;
  const begun = (): void => {
    cancel ??= deps.clock.after(FRAME_MS_MAX, () => {
      deps.next.discarded("beats_frame_incomplete", 1);
      socket.destroy();
    });
  };
  try {
    for (;;) {
      const chunk = await nextChunk(chunks, connection);
      if (chunk === undefined) break;
      if (!(await hold(connection, chunk.length))) return;
      const messages = buffer.push(chunk);
      if (messages.length > 0) {
        cancel?.();
        cancel = undefined;
      }
      for (const message of messages) if (!(await takeFrame(connection, message))) return;
      // Of a sender that announces no windows, what came at once is one.
      if (window.isOpen && !window.isPartial && !(await settle(connection, "window"))) return;
      if (buffer.waiting > 0) begun();
    }
    // A sender that ended in order does not send again what it had sent of a window.
    if (window.isOpen) await settle(connection, "window");
  } finally {
    cancel?.();
  }
}

/** The next bytes; undefined at the end. A window that is not filled for a while is settled as it is. */
async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  connection: Connection,
): Promise<Uint8Array | undefined> {
  const coming = chunks.next();
  if (connection.window.isPartial) {
    let cancel = (): void => {};
    const late = new Promise<"late">((resolve) => {
      cancel = connection.deps.clock.after(FILL_MS_MAX, () => resolve("late"));
    });
    const first = await Promise.race([coming, late]).finally(() => cancel());
    if (first === "late") await settle(connection, "window");
  }
  const { done, value } = await coming;
  return done === true ? undefined : value;
}

/** Waits for room instead of refusing: the sender waits with us. False when it went away. */
async function hold({ socket, held, deps }: Connection, bytes: number): Promise<boolean> {
  while (!socket.destroyed) {
    try {
      held.hold(bytes);
      return true;
    } catch {
      await sleep(deps.clock, RETRY_MS);
    }
  }
  return false;
}

async function takeFrame(connection: Connection, bytes: Uint8Array): Promise<boolean> {
  const frame = readBeatsFrame(bytes);
  if (frame.kind !== "compressed") return await takePlain(connection, [frame]);
  // Apart from what the connection holds, which is given back in the middle when a window is done.
  const unpacked = createReservation(connection.deps.next);
  try {
    const plain = await unpack(connection, frame.bytes, unpacked);
    if (plain === undefined || !(await takePlain(connection, readInnerFrames(plain)))) return false;
    // What waits for more of its window refers to these bytes.
    return !connection.window.isOpen || (await settle(connection, "piece"));
  } finally {
    unpacked.release();
  }
}

async function unpack(
  { socket, deps }: Connection,
  bytes: Uint8Array,
  unpacked: Reservation,
): Promise<Uint8Array | undefined> {
  while (!socket.destroyed) {
    try {
      return await decompress(bytes, "deflate", deps.frameBytesMax, unpacked.hold);
    } catch (thrown) {
      if (!asTriptychError(thrown).spec.retry) throw thrown;
      unpacked.release();
      await sleep(deps.clock, RETRY_MS);
    }
  }
  return undefined;
}

/** False when the sender went away. */
async function takePlain(
  connection: Connection,
  frames: Iterable<PlainBeatsFrame>,
): Promise<boolean> {
  for (const frame of frames) {
    const due = connection.window.take(frame);
    if (due !== "nothing" && !(await settle(connection, due))) return false;
  }
  return true;
}

/** Makes what came durable, and acknowledges it when that is due. False when the sender went away. */
async function settle(connection: Connection, due: Exclude<Due, "nothing">): Promise<boolean> {
  const { window, deps, buffer } = connection;
  if (!(await store(connection))) return false;
  connection.held.release();
  connection.held = createReservation(deps.next);
  if (due === "window") {
    acknowledge(connection, window.last);
    window.acknowledged();
  }
  return buffer.waiting === 0 || (await hold(connection, buffer.waiting));
}

/** Tries until the events are durable, and says meanwhile that it is at work. */
async function store(connection: Connection): Promise<boolean> {
  const { socket, window, peer, deps } = connection;
  const { clock, receiver } = deps;
  const events = window.drain();
  let cancel = (): void => {};
  const keepAlive = (): void => {
    acknowledge(connection, window.progress);
    cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
  };
  cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
  try {
    while (!socket.destroyed) {
      try {
        await receiver.accept(events, peer);
        window.stored();
        return true;
      } catch {
        await sleep(clock, RETRY_MS);
      }
    }
    return false;
  } finally {
    cancel();
  }
}

function acknowledge({ socket, window }: Connection, sequence: number): void {
  if (socket.writable) socket.write(writeBeatsAck(window.version, sequence));
}
