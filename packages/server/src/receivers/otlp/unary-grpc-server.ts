/**
 * A gRPC server of calls that take one message and answer one. Messages pass through grpc-js as bytes; the guard bounds
 * them, whoever is called decodes and stores them.
 */
import {
  type handleUnaryCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerOptions,
  setLogVerbosity,
  status,
} from "@grpc/grpc-js";
import { asTriptychError, type Clock, type Limits, TriptychError } from "@triptych/model";
import { type CallGuard, createCallGuard } from "./grpc-call-guard.ts";
import { grpcRefusal } from "./grpc-status.ts";
import { noteRefusal, type OtlpTransportDeps } from "./receiver.ts";

/** What OTLP's transports are given, because the guard is theirs. */
export interface UnaryGrpcDeps extends OtlpTransportDeps {
  readonly clock: Clock;
  /** Time a sender has for its whole message; 30 s unless given. */
  readonly uploadMsMax?: number;
  /** How long `close` waits for calls under way; 5 s unless given. */
  readonly closeGraceMs?: number;
}

export interface UnaryGrpcServer {
  /** Resolves with the port, which is a free one when `port` is 0. Throws `port_in_use`. */
  listen(host: string, port: number): Promise<number>;
  /** Refuses new calls, lets those under way end, then closes what is left. Safe to call twice. */
  close(): Promise<void>;
}

export interface UnaryMethod {
  /** Such as `/package.Service/Method`. */
  readonly path: string;
  /** Resolves with the answer's message. What it throws becomes the call's status. */
  readonly call: (body: Buffer) => Promise<Uint8Array>;
}

const sameBytes = (bytes: Buffer): Buffer => bytes;

export function createUnaryGrpcServer(
  deps: UnaryGrpcDeps,
  methods: readonly UnaryMethod[],
): UnaryGrpcServer {
  // The library writes to standard error by itself; what matters comes back as errors, which we report.
  setLogVerbosity(logVerbosity.NONE);
  const guard = createCallGuard({ ...deps, uploadMsMax: deps.uploadMsMax ?? 30_000 });
  const server = new Server({ ...serverOptions(deps.limits), interceptors: [guard.interceptor] });
  for (const method of methods) {
    const definition = {
      path: method.path,
      requestStream: false,
      responseStream: false,
      requestSerialize: sameBytes,
      requestDeserialize: sameBytes,
      responseSerialize: sameBytes,
      responseDeserialize: sameBytes,
    } as const;
    server.addService({ call: definition }, { call: handler(method, { guard, deps }) });
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

function handler(
  { call }: UnaryMethod,
  { guard, deps }: { readonly guard: CallGuard; readonly deps: UnaryGrpcDeps },
): handleUnaryCall<Buffer, Buffer> {
  return ({ request: body }, answer) => {
    const reservation = guard.take(body);
    if (reservation === undefined) {
      answer({ code: status.CANCELLED, details: "The call was cancelled." });
      return;
    }
    call(body)
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
