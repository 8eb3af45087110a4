/** Sends OTLP bodies over HTTP and gRPC with nothing but Node: connections are kept, answers are read whole. */
import { Agent, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import type { Encoding, Signal } from "./otlp-payload.ts";

export interface Answer {
  /** 200, or what the protocol said. gRPC's OK is 200 here, its other codes 1000 + code; 0 is no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly body: Buffer;
  readonly ms: number;
}

export interface OtlpClient {
  send(signal: Signal, body: Uint8Array): Promise<Answer>;
  close(): void;
}

const none = (started: number): Answer => ({
  status: 0,
  retryAfterSeconds: undefined,
  body: Buffer.alloc(0),
  ms: performance.now() - started,
});

const contentTypes = { protobuf: "application/x-protobuf", json: "application/json" } as const;

export function createHttpClient(
  url: string,
  encoding: Encoding,
  options: { connections?: number; timeoutMs?: number } = {},
): OtlpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 4 });
  return {
    send(signal, body) {
      const started = performance.now();
      return new Promise((resolve) => {
        const call = request(
          `${url}/v1/${signal}`,
          {
            method: "POST",
            agent,
            timeout: options.timeoutMs ?? 30_000,
            headers: { "content-type": contentTypes[encoding], "content-length": body.length },
          },
          (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => chunks.push(chunk));
            answer.on("error", () => resolve(none(started)));
            answer.on("end", () => {
              const wait = answer.headers["retry-after"];
              resolve({
                status: answer.statusCode ?? 0,
                retryAfterSeconds: wait === undefined ? undefined : Number(wait),
                body: Buffer.concat(chunks),
                ms: performance.now() - started,
              });
            });
          },
        );
        call.on("timeout", () => call.destroy());
        call.on("error", () => resolve(none(started)));
        call.on("close", () => resolve(none(started)));
        call.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

const services = {
  traces: "trace.v1.TraceService",
  metrics: "metrics.v1.MetricsService",
  logs: "logs.v1.LogsService",
} as const;

export function createGrpcClient(url: string, options: { timeoutMs?: number } = {}): OtlpClient {
  let session: ClientHttp2Session | undefined;
  const open = (): ClientHttp2Session => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    session = connect(url);
    session.on("error", () => {});
    return session;
  };
  return {
    send(signal, body) {
      const started = performance.now();
      const frame = Buffer.alloc(5 + body.length);
      frame.writeUInt32BE(body.length, 1);
      frame.set(body, 5);
      return new Promise((resolve) => {
        const stream = open().request({
          ":method": "POST",
          ":path": `/opentelemetry.proto.collector.${services[signal]}/Export`,
          "content-type": "application/grpc",
          te: "trailers",
        });
        let status: number | undefined;
        let retry: number | undefined;
        const chunks: Buffer[] = [];
        const look = (headers: { readonly [name: string]: unknown }): void => {
          const code = headers["grpc-status"];
          if (code !== undefined) status = Number(code);
          // A RetryInfo is in the details; that there is one is all the callers ask.
          if (String(headers["grpc-status-details-bin"] ?? "") !== "") retry = 1;
        };
        let done = false;
        const settle = (answer: Answer): void => {
          if (done) return;
          done = true;
          // Answered before everything was read: what is left would block the connection for the next call.
          if (!stream.writableFinished) session?.destroy();
          resolve(answer);
        };
        const finish = (): void => {
          if (status === undefined) settle(none(started));
          else
            settle({
              status: status === 0 ? 200 : 1000 + status,
              retryAfterSeconds: retry,
              body: Buffer.concat(chunks),
              ms: performance.now() - started,
            });
        };
        stream.setTimeout(options.timeoutMs ?? 30_000, () => {
          // A connection that does not answer is given up as a whole.
          session?.destroy();
          settle(none(started));
        });
        stream.on("response", (headers) => {
          look(headers);
          // An answer of trailers only.
          if (status !== undefined) finish();
        });
        stream.on("trailers", (headers) => {
          look(headers);
          finish();
        });
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("error", () => {});
        stream.on("close", finish);
        stream.end(frame);
      });
    },
    close: () => session?.destroy(),
  };
}
