/** The servers on all ports, and how they begin to listen. */
import type { TriptychError } from "@triptych/model";
import { closeHttp, listen } from "../receivers/http-listen.ts";
import { createHttpServer } from "../receivers/http-server.ts";
import { createJaegerGrpcServer } from "../receivers/jaeger/grpc.ts";
import {
  type JaegerSamplingDeps,
  registerJaegerHttp,
  registerJaegerSampling,
} from "../receivers/jaeger/http.ts";
import { createJaegerUdp } from "../receivers/jaeger/udp.ts";
import { lokiPushPaths, registerLokiPush } from "../receivers/loki/http.ts";
import type { IngestNext } from "../receivers/next.ts";
import { createOtlpGrpcServer } from "../receivers/otlp/grpc.ts";
import { registerOtlpHttp } from "../receivers/otlp/http.ts";
import { createOtlpReceiver } from "../receivers/otlp/receiver.ts";
import type { UnaryGrpcDeps } from "../receivers/otlp/unary-grpc-server.ts";
import { registerRemoteWrite } from "../receivers/remote-write/http.ts";
import { registerZipkin, ZIPKIN_PORT } from "../receivers/zipkin/http.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";

export function createServers(core: Core, next: IngestNext) {
  const { config, limits, log, ports } = core;
  const report = (error: TriptychError): void => log("error", error.message, { code: error.code });
  const transport = {
    receiver: createOtlpReceiver({ next, limits, clock }),
    next,
    limits,
    clock,
    report,
    cors: config.otlp.cors === false ? (false as const) : { origins: config.otlp.cors },
  };
  const app = createHttpServer({ report });
  const otlpHttp = createHttpServer({ report });
  const otlpGrpc = createOtlpGrpcServer(transport);
  core.onClose(() => otlpGrpc.close());
  for (const server of [app, otlpHttp]) core.onClose(() => closeHttp(server, clock));
  registerOtlpHttp(app, transport);
  registerOtlpHttp(otlpHttp, transport);
  registerRemoteWrite(app, { ...transport, prefixes: ["/api/v1", "/prometheus/api/v1"] });
  registerLokiPush(app, { ...transport, paths: lokiPushPaths });
  registerZipkin(app, { ...transport, prefixes: [""] });
  const sampling = { rates: config.jaeger.sampling, prefixes: [""] };
  const classic = config.classicPorts ? createClassicServers(core, transport, sampling) : undefined;
  return {
    app,
    async listen() {
      ports.http = await listen(app, config.listen, config.http.port);
      ports.otlpHttp = await listen(otlpHttp, config.listen, config.otlp.httpPort);
      ports.otlpGrpc = await otlpGrpc.listen(config.listen, config.otlp.grpcPort);
      await classic?.listen();
    },
  };
}

/** The ports that tracing clients of other makers send to unless they are told another. */
const classicPorts = {
  jaegerHttp: 14_268,
  jaegerGrpc: 14_250,
  jaegerSampling: 5_778,
  jaegerCompact: 6_831,
  jaegerBinary: 6_832,
} as const;

function createClassicServers(core: Core, transport: UnaryGrpcDeps, sampling: JaegerSamplingDeps) {
  const { report } = transport;
  const http = { zipkin: createHttpServer({ report }), jaeger: createHttpServer({ report }) };
  const strategies = createHttpServer({ report });
  const grpc = createJaegerGrpcServer(transport);
  const compact = createJaegerUdp({ ...transport, protocol: "compact" });
  const binary = createJaegerUdp({ ...transport, protocol: "binary" });
  for (const server of [http.zipkin, http.jaeger, strategies])
    core.onClose(() => closeHttp(server, clock));
  for (const server of [grpc, compact, binary]) core.onClose(() => server.close());
  registerZipkin(http.zipkin, { ...transport, prefixes: [""] });
  registerJaegerHttp(http.jaeger, { ...transport, prefixes: [""] });
  registerJaegerSampling(http.jaeger, sampling);
  registerJaegerSampling(strategies, sampling);
  const host = core.config.listen;
  return {
    async listen() {
      await listen(http.zipkin, host, ZIPKIN_PORT);
      await listen(http.jaeger, host, classicPorts.jaegerHttp);
      await listen(strategies, host, classicPorts.jaegerSampling);
      await grpc.listen(host, classicPorts.jaegerGrpc);
      await compact.listen(host, classicPorts.jaegerCompact);
      await binary.listen(host, classicPorts.jaegerBinary);
    },
  };
}
