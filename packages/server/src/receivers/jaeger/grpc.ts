/** Jaeger's collector over gRPC: `jaeger.api_v2.CollectorService/PostSpans`, port 14250. */
import {
  createUnaryGrpcServer,
  type UnaryGrpcDeps,
  type UnaryGrpcServer,
} from "../otlp/unary-grpc-server.ts";
import { acceptJaeger } from "./receiver.ts";

/** `PostSpansResponse` has no fields. */
const DONE = Buffer.alloc(0);

export function createJaegerGrpcServer(deps: UnaryGrpcDeps): UnaryGrpcServer {
  const path = "/jaeger.api_v2.CollectorService/PostSpans";
  const call = async (body: Buffer): Promise<Uint8Array> => {
    await acceptJaeger(body, "protobuf", deps);
    return DONE;
  };
  return createUnaryGrpcServer(deps, [{ path, call }]);
}
