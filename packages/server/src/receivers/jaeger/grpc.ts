/**
 * Jaeger's collector over gRPC: `jaeger.api_v2.CollectorService/PostSpans`, port 14250. Messages pass through grpc-js
 * as bytes; the guard of OTLP's server bounds them, the core decodes and stores them.
 */
import {
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerOptions,
  status,
} from "@grpc/grpc-js";
import { asTriptychError, type Clock, type Limits, TriptychError } from "@triptych/model";
import { type CallGuard, createCallGuard } from "../otlp/grpc-call-guard.ts";
import { grpcRefusal } from "../otlp/grpc-status.ts";
import { noteRefusal, type OtlpTransportDeps } from "../otlp/receiver.ts";
import { acceptJaeger } from "./receiver.ts";

/** What OTLP's transports are given, because the guard is theirs. */
export interface JaegerGrpcDeps extends OtlpTransportDeps {
  readonly clock: Clock;
  /** Time a sender has for its whole message; 30 s unless given. */
  readonly uploadMsMax?: number;
  /** How long `close` waits for calls under way; 5 s unless given. */
  readonly closeGraceMs?: number;
}

export interface JaegerGrpcServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Refuses new calls, lets those under way end, then closes what is left. Safe to call twice. */
  close(): Promise<void>;
}

const sameBytes = (bytes: Buffer): Buffer => bytes;
const postSpans: MethodDefinition<Buffer, Buffer> = {
  path: "/jaeger.api_v2.CollectorService/PostSpans",
  requestStream: false,
  responseStream: false,
  requestSerialize: sameBytes,
  requestDeserialize: sameBytes,
  responseSerialize: sameBytes,
  responseDeserialize: sameBytes,
};
/** `PostSpansResponse` has no fields. */
const DONE = Buffer.alloc(0);

export function createJaegerGrpcServer(deps: JaegerGrpcDeps): JaegerGrpcServer {
  const guard = createCallGuard({ ...deps, uploadMsMax: deps.uploadMsMax ?? 30_000 });
  const server = new Server({ ...serverOptions(deps.limits), interceptors: [guard.interceptor] });
  server.addService({ postSpans }, { postSpans: handler(guard, deps) });
  let closing: Promise<void> | undefined;
  return {
    listen: (host, port) => listen(server, host, port),
    close() {
      closing ??= shutDown(server, deps.clock, deps.closeGraceMs ?? 5_000);
      return closing;
    },
  };
}

/** Bounds on what one connection may cost; grpc-js bounds none of these by itself. */
function serverOptions(limits: Limits): ServerOptions {
  return {
    "grpc.max_receive_message_length": limits.bodyBytesMax,
    "grpc.max_concurrent_streams": 256,
    /** In MiB. Messages are handed on as they arrive, so a session needs room for headers and frames only. */
    "grpc-node.max_session_memory": 16,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_connection_idle_ms": 600_000,
    "grpc.enable_channelz": 0,
  };
}

function handler(guard: CallGuard, deps: JaegerGrpcDeps): handleUnaryCall<Buffer, Buffer> {
  return ({ request: body }, answer) => {
    const reservation = guard.take(body);
    if (reservation === undefined) {
      answer({ code: status.CANCELLED, details: "The call was cancelled." });
      return;
    }
    acceptJaeger(body, "protobuf", deps)
      .finally(() => reservation.release())
      .then(
        () => answer(null, DONE),
        (thrown: unknown) => {
          const error = asTriptychError(thrown);
          noteRefusal(error, deps);
          answer(grpcRefusal(error));
        },
      );
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error === null) return resolve(boundPort);
      if (!error.message.includes("EADDRINUSE")) return reject(error);
      const text = `Cannot listen on ${address}: another process does.`;
      reject(new TriptychError("port_in_use", text, { cause: error }));
    });
  });
}

function shutDown(server: Server, clock: Clock, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const stopWaiting = clock.after(graceMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      stopWaiting();
      resolve();
    });
  });
}
