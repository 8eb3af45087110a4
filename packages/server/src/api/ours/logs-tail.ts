/** Log lines as they arrive, as server-sent events; see `followLogs` for what counts as new. */
import { Readable } from "node:stream";
import { type Clock, TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import type { LogCondition, LogSource } from "../../query/logs/source.ts";
import { followLogs } from "../../query/logs/tail.ts";
import { logLine } from "./logs-line.ts";

/** Faster than anyone reads; what is left out is told. */
const LINES_PER_SECOND = 200;
const HEARTBEAT_MS = 15_000;
/** Each tail asks the store twice a second. */
const TAILS_MAX = 32;
/** A reader that is this far behind is dropped: its browser connects again and sees what is new then. */
const BUFFER_CHARS_MAX = 4 * 1024 * 1024;

export interface Tails {
  follow(reply: FastifyReply, conditions: readonly LogCondition[]): Promise<FastifyReply>;
  /** Ends all tails, so that the server can close. */
  close(): void;
}

export function createTails(deps: { source: LogSource; clock: Clock }): Tails {
  const open = new Set<() => void>();
  let closed = false;
  return {
    async follow(reply, conditions) {
      if (closed) throw new TriptychError("shutting_down", "the server is closing");
      if (open.size >= TAILS_MAX)
        throw new TriptychError("query_queue_full", `${TAILS_MAX} tails are open already`, {
          retryAfterSeconds: 10,
        });
      const gone = new AbortController();
      const events = createEvents(gone);
      const end = (): void => {
        open.delete(end);
        gone.abort();
        events.end();
      };
      open.add(end);
      events.stream.once("close", end);
      reply.raw.once("close", end);
      try {
        await followLogs(deps, {
          conditions,
          linesPerSecond: LINES_PER_SECOND,
          signal: gone.signal,
          onLines: (lines) => events.send("lines", lines.map(logLine)),
          onMark: (text) => events.send("mark", text),
          onError: (error) => {
            const message = error instanceof Error ? error.message : String(error);
            events.send("mark", `the tail has ended: ${message}`);
            end();
          },
        });
      } catch (error) {
        end();
        throw error;
      }
      beat(deps.clock, events, gone.signal);
      return reply
        .header("content-type", "text/event-stream; charset=utf-8")
        .header("cache-control", "no-cache, no-transform")
        .header("x-accel-buffering", "no")
        .send(events.stream);
    },
    close() {
      closed = true;
      for (const end of [...open]) end();
    },
  };
}

interface Events {
  readonly stream: Readable;
  send(event: string, data: unknown): void;
  comment(text: string): void;
  end(): void;
}

function createEvents(gone: AbortController): Events {
  let ended = false;
  const stream = new Readable({ read() {}, highWaterMark: 64 * 1024 });
  const push = (text: string): void => {
    if (ended) return;
    if (stream.readableLength + text.length > BUFFER_CHARS_MAX) {
      ended = true;
      gone.abort();
      stream.destroy();
      return;
    }
    stream.push(text);
  };
  // The first bytes go out at once, so that the client knows it is connected.
  push(": connected\n\n");
  return {
    stream,
    send: (event, data) => push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    comment: (text) => push(`: ${text}\n\n`),
    end() {
      if (ended) return;
      ended = true;
      stream.push(null);
    },
  };
}

function beat(clock: Clock, events: Events, signal: AbortSignal): void {
  let cancel = (): void => {};
  const next = (): void => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      events.comment("still here");
      if (!signal.aborted) next();
    });
  };
  signal.addEventListener("abort", () => cancel(), { once: true });
  if (!signal.aborted) next();
}
