/** OTLP over gRPC: the three `Export` calls. */
import { type OtlpSignal, TENANT } from "./receiver.ts";
import {
  createUnaryGrpcServer,
  type UnaryGrpcDeps,
  type UnaryGrpcServer,
} from "./unary-grpc-server.ts";

const services: readonly (readonly [signal: OtlpSignal, service: string])[] = [
  ["traces", "opentelemetry.proto.collector.trace.v1.TraceService"],
  ["metrics", "opentelemetry.proto.collector.metrics.v1.MetricsService"],
  ["logs", "opentelemetry.proto.collector.logs.v1.LogsService"],
];

export function createOtlpGrpcServer(deps: UnaryGrpcDeps): UnaryGrpcServer {
  return createUnaryGrpcServer(
    deps,
    services.map(([signal, service]) => {
      const path = `/${service}/Export`;
      return {
        path,
        call: (body) => deps.receiver[signal]({ body, encoding: "protobuf", tenant: TENANT, path }),
      };
    }),
  );
}
