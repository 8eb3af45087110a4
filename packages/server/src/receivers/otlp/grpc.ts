/**
 * OTLP over gRPC: the three `Export` calls. Messages pass through grpc-js as bytes; the guard bounds them, the core
 * decodes and stores them.
 */
import {
  type handleUnaryCall,
  logVerbosity,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerOptions,
  setLogVerbosity,
  status,
} from "@grpc/grpc-js";
import { asTriptychError, type Clock, type Limits, TriptychError } from "@triptych/model";
import { createCallGuard, type CallGuard } from "./grpc-call-guard.ts";
import { grpcRefusal } from "./grpc-status.ts";
import { noteRefusal, type OtlpSignal, type OtlpTransportDeps, TENANT } from "./receiver.ts";

export interface OtlpGrpcDeps extends OtlpTransportDeps {
  readonly clock: Clock;
  /** Time a sender has for its whole message; 30 s unless given. */
  readonly uploadMsMax?: number;
  /** How long `close` waits for calls under way; 5 s unless given. */
  readonly closeGraceMs?: number;
}

export interface OtlpGrpcServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Refuses new calls, lets those under way end, then closes what is left. Safe to call twice. */
  close(): Promise<void>;
}

const services: readonly (readonly [signal: OtlpSignal, service: string])[] = [
  ["traces", "opentelemetry.proto.collector.trace.v1.TraceService"],
  ["metrics", "opentelemetry.proto.collector.metrics.v1.MetricsService"],
  ["logs", "opentelemetry.proto.collector.logs.v1.LogsService"],
];

type Export = MethodDefinition<Buffer, Buffer>;
const sameBytes = (bytes: Buffer): Buffer => bytes;

export function createOtlpGrpcServer(deps: OtlpGrpcDeps): OtlpGrpcServer {
  // The library writes to standard error by itself; what matters comes back as errors, which we report.
  setLogVerbosity(logVerbosity.NONE);
  const guard = createCallGuard({ ...deps, uploadMsMax: deps.uploadMsMax ?? 30_000 });
  const server = new Server({ ...serverOptions(deps.limits), interceptors: [guard.interceptor] });
  for (const [signal, service] of services) {
    const path = `/${service}/Export`;
    const method: Export = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: sameBytes,
      requestDeserialize: sameBytes,
      responseSerialize: sameBytes,
      responseDeserialize: sameBytes,
    };
    server.addService({ export: method }, { export: exportHandler({ signal, path, guard, deps }) });
  }
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
    "grpc.max_send_message_length": 4 * 1024 * 1024,
    "grpc.max_concurrent_streams": 256,
    /** In MiB. Messages are handed on as they arrive, so a session needs room for headers and frames only. */
    "grpc-node.max_session_memory": 16,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_connection_idle_ms": 600_000,
    "grpc.enable_channelz": 0,
  };
}

function exportHandler(call: {
  signal: OtlpSignal;
  path: string;
  guard: CallGuard;
  deps: OtlpGrpcDeps;
}): handleUnaryCall<Buffer, Buffer> {
  const { signal, path, guard, deps } = call;
  return ({ request: body }, answer) => {
    const reservation = guard.take(body);
    if (reservation === undefined) {
      answer({ code: status.CANCELLED, details: "The call was cancelled." });
      return;
    }
    deps.receiver[signal]({ body, encoding: "protobuf", tenant: TENANT, path })
      .finally(() => reservation.release())
      .then(
        (bytes) => answer(null, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
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
      reject(
        new TriptychError("port_in_use", `Cannot listen on ${address}: another process does.`, {
          cause: error,
        }),
      );
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
