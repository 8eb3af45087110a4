/** The servers on all ports, and how they begin to listen. */
import type { TriptychError } from "@triptych/model";
import { closeHttp, listen } from "../receivers/http-listen.ts";
import { createHttpServer } from "../receivers/http-server.ts";
import { lokiPushPaths, registerLokiPush } from "../receivers/loki/http.ts";
import type { IngestNext } from "../receivers/next.ts";
import { createOtlpGrpcServer } from "../receivers/otlp/grpc.ts";
import { registerOtlpHttp } from "../receivers/otlp/http.ts";
import { createOtlpReceiver } from "../receivers/otlp/receiver.ts";
import { registerRemoteWrite } from "../receivers/remote-write/http.ts";
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
  return {
    app,
    async listen() {
      ports.http = await listen(app, config.listen, config.http.port);
      ports.otlpHttp = await listen(otlpHttp, config.listen, config.otlp.httpPort);
      ports.otlpGrpc = await otlpGrpc.listen(config.listen, config.otlp.grpcPort);
    },
  };
}
