/**
 * The ports of the programs that Triptych replaces, so that senders and data sources need no new address. What answers
 * there has its own root: Tempo's API is not under `/tempo` on Tempo's port.
 */
import { createServer, type Server } from "node:http";
import type { FastifyInstance } from "fastify";
import { registerJaegerApi } from "../api/jaeger/jaeger.ts";
import { registerTempoApi, type TempoApiDeps } from "../api/tempo/api.ts";
import { ELASTICSEARCH_PORT, registerElasticsearch } from "../receivers/elasticsearch/http.ts";
import { closeHttp, listen } from "../receivers/http-listen.ts";
import { createHttpServer } from "../receivers/http-server.ts";
import { createJaegerGrpcServer } from "../receivers/jaeger/grpc.ts";
import { registerJaegerHttp, registerJaegerSampling } from "../receivers/jaeger/http.ts";
import { createJaegerUdp } from "../receivers/jaeger/udp.ts";
import type { Pushgateway } from "../receivers/pushgateway/gateway.ts";
import { registerPushgateway } from "../receivers/pushgateway/http.ts";
import { listenTcp } from "../receivers/sockets.ts";
import { registerZipkin, ZIPKIN_PORT } from "../receivers/zipkin/http.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";
import type { ReceiverDeps } from "./servers.ts";

const senderPorts = {
  jaegerHttp: 14_268,
  jaegerGrpc: 14_250,
  jaegerSampling: 5_778,
  jaegerCompact: 6_831,
  jaegerBinary: 6_832,
} as const;
const TEMPO_PORT = 3_200;
const JAEGER_UI_PORT = 16_686;
/** Paths of these are the same on our own port: Prometheus, Loki, exporters. */
const samePaths = [9_090, 3_100, 9_464] as const;
const PUSHGATEWAY_PORT = 9_091;

export interface ClassicDeps {
  readonly app: FastifyInstance;
  readonly receivers: ReceiverDeps;
  readonly gateway: Pushgateway;
  /** Of the APIs that have a root of their own. */
  readonly query: Omit<TempoApiDeps, "prefix">;
}

/** Listens; register everything on `app` before. */
export async function listenClassic(core: Core, deps: ClassicDeps): Promise<void> {
  const { config } = core;
  await listenForTraces(core, deps.receivers);
  const roots: readonly (readonly [number, (server: FastifyInstance) => void])[] = [
    [TEMPO_PORT, (server) => registerTempoApi(server, { ...deps.query, prefix: "" })],
    [JAEGER_UI_PORT, (server) => registerJaegerApi(server, { ...deps.query, prefix: "" })],
    [
      PUSHGATEWAY_PORT,
      (server) =>
        registerPushgateway(server, { ...deps.receivers, gateway: deps.gateway, prefix: "" }),
    ],
    [
      ELASTICSEARCH_PORT,
      (server) =>
        registerElasticsearch(server, {
          ...deps.receivers,
          prefix: "",
          version: config.elasticsearch.version,
        }),
    ],
  ];
  for (const [port, register] of roots) {
    const server = opened(core, deps.receivers);
    register(server);
    await listen(server, config.listen, port);
  }
  for (const port of samePaths) await listenToo(core, deps.app, port);
}

function opened(core: Core, { report }: ReceiverDeps): FastifyInstance {
  const server = createHttpServer({ report });
  core.onClose(() => closeHttp(server, clock));
  return server;
}

async function listenForTraces(core: Core, receivers: ReceiverDeps): Promise<void> {
  const { listen: host, jaeger } = core.config;
  const sampling = { rates: jaeger.sampling, prefixes: [""] };
  const zipkin = opened(core, receivers);
  const thrift = opened(core, receivers);
  const strategies = opened(core, receivers);
  registerZipkin(zipkin, { ...receivers, prefixes: [""] });
  registerJaegerHttp(thrift, { ...receivers, prefixes: [""] });
  registerJaegerSampling(thrift, sampling);
  registerJaegerSampling(strategies, sampling);
  const grpc = createJaegerGrpcServer(receivers);
  const compact = createJaegerUdp({ ...receivers, protocol: "compact" });
  const binary = createJaegerUdp({ ...receivers, protocol: "binary" });
  for (const server of [grpc, compact, binary]) core.onClose(() => server.close());
  await listen(zipkin, host, ZIPKIN_PORT);
  await listen(thrift, host, senderPorts.jaegerHttp);
  await listen(strategies, host, senderPorts.jaegerSampling);
  await grpc.listen(host, senderPorts.jaegerGrpc);
  await compact.listen(host, senderPorts.jaegerCompact);
  await binary.listen(host, senderPorts.jaegerBinary);
}

/** Another port for what `app` answers, with its bounds; upgrades go to it too. */
async function listenToo(core: Core, app: FastifyInstance, port: number): Promise<void> {
  await app.ready();
  const { server: own } = app;
  const server = createServer(
    {
      requestTimeout: own.requestTimeout,
      keepAliveTimeout: own.keepAliveTimeout,
      headersTimeout: own.headersTimeout,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (request, response) => app.routing(request, response),
  );
  server.maxConnections = own.maxConnections;
  server.on("upgrade", (...args) => own.emit("upgrade", ...args));
  core.onClose(() => closed(server));
  await listenTcp(server, core.config.listen, port);
}
const HEADER_BYTES_MAX = 16 * 1024;

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
