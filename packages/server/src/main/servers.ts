/** The servers on our own ports, and how they begin to listen. */
import type { Limits, TriptychError } from "@triptych/model";
import { registerElasticsearch } from "../receivers/elasticsearch/http.ts";
import { createBeatsServer } from "../receivers/beats/server.ts";
import { createFluentdServer } from "../receivers/fluentd/server.ts";
import { closeHttp, listen } from "../receivers/http-listen.ts";
import { createHttpServer } from "../receivers/http-server.ts";
import { createLineReceivers } from "../receivers/lines/start.ts";
import { lokiPushPaths, registerLokiPush } from "../receivers/loki/http.ts";
import type { IngestNext } from "../receivers/next.ts";
import { createOtlpGrpcServer } from "../receivers/otlp/grpc.ts";
import { registerOtlpHttp } from "../receivers/otlp/http.ts";
import { createOtlpReceiver, type OtlpReceiver } from "../receivers/otlp/receiver.ts";
import { registerRemoteWrite } from "../receivers/remote-write/http.ts";
import { createStatsdServer } from "../receivers/statsd/server.ts";
import { registerZipkin } from "../receivers/zipkin/http.ts";
import { systemClock as clock } from "../self/clock.ts";
import type { Core } from "./core.ts";

/** What every receiver is given. */
export interface ReceiverDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: typeof clock;
  readonly report: (error: TriptychError) => void;
  readonly receiver: OtlpReceiver;
}

export function createServers(core: Core, next: IngestNext, outOfOrderMs: () => number) {
  const { config, limits, log, ports } = core;
  const report = (error: TriptychError): void => log("error", error.message, { code: error.code });
  const receiver = createOtlpReceiver({ next, limits, clock });
  const deps: ReceiverDeps = { next, limits, clock, report, receiver };
  const otlp = {
    ...deps,
    cors: config.otlp.cors === false ? (false as const) : { origins: config.otlp.cors },
  };
  const app = createHttpServer({ report, pathPrefix: core.pathPrefix });
  const otlpHttp = createHttpServer({ report });
  const otlpGrpc = createOtlpGrpcServer(otlp);
  core.onClose(() => otlpGrpc.close());
  for (const server of [app, otlpHttp]) core.onClose(() => closeHttp(server, clock));
  registerOtlpHttp(app, {
    ...otlp,
    metricsUrls: ["/api/v1/otlp/v1/metrics", "/prometheus/api/v1/otlp/v1/metrics"],
  });
  registerOtlpHttp(otlpHttp, otlp);
  registerRemoteWrite(app, {
    ...deps,
    prefixes: ["/api/v1", "/prometheus/api/v1"],
    outOfOrderMs: config.prometheus.lateSamples ? undefined : outOfOrderMs,
  });
  registerLokiPush(app, { ...deps, paths: lokiPushPaths });
  registerZipkin(app, { ...deps, prefixes: [""] });
  registerElasticsearch(app, {
    ...deps,
    prefix: "/elastic",
    version: config.elasticsearch.version,
  });
  const shippers = createShippers(core, deps);
  return {
    app,
    deps,
    async listen() {
      ports.http = await listen(app, config.listen, config.http.port);
      ports.otlpHttp = await listen(otlpHttp, config.listen, config.otlp.httpPort);
      ports.otlpGrpc = await otlpGrpc.listen(config.listen, config.otlp.grpcPort);
      await shippers.listen();
    },
  };
}

/** What listens only when it is asked for: syslog, Logstash's lines, Fluentd's forward, Beats, StatsD. */
function createShippers({ config, onClose }: Core, deps: ReceiverDeps) {
  const { beats, fluentd, statsd, logstash, syslog, classicPorts, listen: host } = config;
  const takesFluentd = fluentd.enabled || classicPorts;
  const takesLogstash = { ...logstash, enabled: logstash.enabled || classicPorts };
  const lines = createLineReceivers({ ...deps, syslog, logstash: takesLogstash });
  const forward = takesFluentd ? createFluentdServer({ ...deps, config: fluentd }) : undefined;
  const takesBeats = beats.enabled || classicPorts;
  const events = takesBeats ? createBeatsServer({ ...deps, config: beats }) : undefined;
  const counters = statsd.enabled ? createStatsdServer({ ...deps, config: statsd }) : undefined;
  for (const server of [lines, forward, events, counters])
    if (server !== undefined) onClose(() => server.close());
  return {
    async listen() {
      await lines.listen(host);
      await forward?.listen(host, fluentd.port);
      await events?.listen(host, beats.port);
      await counters?.listen(host, statsd.port);
    },
  };
}
