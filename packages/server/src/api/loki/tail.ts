/** `tail`: lines as they arrive, over a WebSocket. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { compilePipeline, type LogqlQuery } from "@triptych/lang";
import { asTriptychError, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { WebSocket, WebSocketServer } from "ws";
import { pipelineDeps } from "../../query/logql/pipeline-deps.ts";
import { planQuery } from "../../query/logql/plan.ts";
import { type FoundLine, foundLine, runLogQuery } from "../../query/logql/run-logs.ts";
import { logqlLine } from "../../query/logql/stored-line.ts";
import type { StoredLine } from "../../query/logs/source.ts";
import { followLogs } from "../../query/logs/tail.ts";
import { createLineDelay } from "./line-delay.ts";
import { type Context, nowNs, parsedQuery } from "./exchange.ts";
import { limitParam, timeParam } from "./params.ts";
import { streamJson, valueJson } from "./result.ts";

/** Each tail asks the store twice a second. */
const TAILS_MAX = 32;
const LINES_PER_SECOND = 1_000;
/** A reader that is this far behind is dropped. */
const BUFFER_BYTES_MAX = 8 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 1024;
const HOUR_NS = 3_600_000_000_000n;

/** Answers upgrades of `path` on the server; others are left alone. Ends all tails when the server closes. */
export function registerTail(app: FastifyInstance, path: string, context: Context): void {
  const { server } = app;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  const open = new Set<WebSocket>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [asked = "", search = ""] = (request.url ?? "/").split("?", 2);
    if (asked !== path) {
      // Nobody else would answer: the socket would wait for ever.
      if (server.listenerCount("upgrade") === 1) refuse(socket, notFound(asked));
      return;
    }
    let question: TailQuestion;
    try {
      if (open.size >= TAILS_MAX)
        throw new TriptychError(
          "query_queue_full",
          `max concurrent tail requests limit exceeded, count > limit (${TAILS_MAX})`,
        );
      question = readQuestion(new URLSearchParams(search), context);
    } catch (error) {
      refuse(socket, error);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      open.add(webSocket);
      webSocket.once("close", () => open.delete(webSocket));
      void follow(webSocket, question, context);
    });
  });
  // The server waits for its connections to end: before that these are ended.
  app.addHook("preClose", (done) => {
    for (const webSocket of open) webSocket.terminate();
    done();
  });
}

interface TailQuestion {
  readonly query: LogqlQuery;
  /** How long lines wait for others that are earlier and come later. */
  readonly delayMs: number;
  readonly startNs: bigint;
  readonly limit: number;
}

function readQuestion(params: URLSearchParams, { clock }: Context): TailQuestion {
  const query = parsedQuery(params.get("query") ?? "", clock);
  const delayMs = delayParam(params);
  if (query.kind !== "log_query")
    throw new TriptychError("query_invalid", "only log selector is supported");
  const now = nowNs(clock);
  const startNs = timeParam(params, "start", now - HOUR_NS);
  return { query, delayMs, startNs, limit: limitParam(params) };
}

const DELAY_SECONDS_MAX = 5;

function delayParam(params: URLSearchParams): number {
  const given = params.get("delay_for") ?? "";
  if (given === "") return 0;
  if (!/^[+-]?\d{1,15}$/.test(given))
    throw new TriptychError(
      "query_invalid",
      `strconv.Atoi: parsing ${JSON.stringify(given.slice(0, 50))}: invalid syntax`,
    );
  const seconds = Number(given);
  if (seconds > DELAY_SECONDS_MAX)
    throw new TriptychError(
      "query_invalid",
      `delay_for can't be greater than ${DELAY_SECONDS_MAX}`,
    );
  return Math.max(0, seconds) * 1000;
}

const notFound = (path: string): TriptychError =>
  new TriptychError("not_found", `nothing takes an upgrade at ${path.slice(0, 200)}`);

function refuse(socket: Duplex, thrown: unknown): void {
  // Who breaks off while he is refused is no error of ours.
  socket.on("error", () => socket.destroy());
  const error = asTriptychError(thrown);
  const isUsers = error.code !== "internal";
  const text = isUsers ? error.message : "The request met a bug; the server's log says which.";
  const status = error.code === "query_queue_full" ? 429 : error.spec.status;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** A reason has at most 123 bytes. */
function closeReason({ code, message }: TriptychError): string {
  const text = code === "internal" ? "a bug; the server's log says which" : message;
  return text.replace(/[^ -~]/g, "?").slice(0, 120);
}

async function follow(
  socket: WebSocket,
  { query, startNs, limit, delayMs }: TailQuestion,
  context: Context,
): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  // What a reader sends is nothing to us; an error ends in `close`.
  socket.on("error", () => gone.abort());
  const { conditions, applied } = planQuery(query);
  const pipeline = compilePipeline(query, pipelineDeps(context.clock), {
    from: applied,
    levelFallback: true,
  });
  const send = (lines: readonly FoundLine[]): void => {
    if (lines.length === 0 || socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > BUFFER_BYTES_MAX) socket.close(1008, "too slow");
    else socket.send(messageOf(lines));
  };
  const fail = (error: unknown): void => {
    if (gone.signal.aborted) return;
    socket.close(1011, closeReason(asTriptychError(error)));
  };
  const take = (lines: readonly StoredLine[]): void =>
    send(
      lines.flatMap((line) => (pipeline.run(logqlLine(line)) ? [foundLine(pipeline.line)] : [])),
    );
  try {
    const range = { fromNs: startNs, toNs: nowNs(context.clock) };
    const options = { conditions, linesPerSecond: LINES_PER_SECOND, signal: gone.signal };
    // Followed first: what arrives while the past is read is not missed.
    const early: StoredLine[] = [];
    const arrived = createLineDelay(context.clock, { delayMs, signal: gone.signal }, take);
    let ready = false;
    await followLogs(context, {
      ...options,
      onLines: (lines) => (ready ? arrived(lines) : void early.push(...lines)),
      // Which lines were left out is not known, only that some were.
      onMark: () => {
        if (socket.readyState === WebSocket.OPEN) socket.send(droppedOf(query, context));
      },
      onError: fail,
    });
    const past = await runLogQuery(
      context,
      { query, range, order: "newest", limit },
      { signal: gone.signal },
    );
    send(past.reverse());
    ready = true;
    take(early);
  } catch (error) {
    fail(error);
  }
}

function messageOf(lines: readonly FoundLine[]): string {
  const streams = lines.map(
    (line) => `{"stream":${streamJson(line, false)},"values":[${valueJson(line, false)}]}`,
  );
  return `{"streams":[${streams.join(",")}]}`;
}

/** Lines came faster than they are sent: one entry stands for those of now, with what the query says of their labels. */
function droppedOf({ matchers }: LogqlQuery, { clock }: Context): string {
  const equal = matchers.filter(({ op }) => op === "=").map(({ name, value }) => [name, value]);
  const labels: unknown = Object.fromEntries(equal);
  const dropped = [{ timestamp: String(nowNs(clock)), labels }];
  return JSON.stringify({ streams: [], dropped_entries: dropped });
}
