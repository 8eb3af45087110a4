/** `/-/healthy`, `/-/ready` and `/-/reload`, at the root as Prometheus has them. */
import { asTriptychError } from "@triptych/model";
import type { FastifyInstance, FastifyReply } from "fastify";
import { acceptForms } from "../form-body.ts";
import type { LifecycleView } from "./views.ts";

function text(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply.code(status).type("text/plain; charset=utf-8").send(body);
}

/** `root` is the path before `/-/`: empty, or `/prometheus`. */
export function registerLifecycle(
  app: FastifyInstance,
  root: string,
  view: LifecycleView | undefined,
): void {
  app.get(`${root}/-/healthy`, (_request, reply) =>
    text(reply, 200, "Prometheus Server is Healthy.\n"),
  );
  app.get(`${root}/-/ready`, (_request, reply) =>
    view?.notReady() === undefined
      ? text(reply, 200, "Prometheus Server is Ready.\n")
      : text(reply, 503, "Service Unavailable"),
  );
  const reload = async (reply: FastifyReply): Promise<FastifyReply> => {
    if (view?.reload === undefined) return text(reply, 403, "Lifecycle API is not enabled.");
    try {
      await view.reload();
      return reply.code(200).send();
    } catch (error) {
      return text(reply, 500, `failed to reload config: ${asTriptychError(error).message}\n`);
    }
  };
  void app.register((scope, _options, done) => {
    // Whatever a client sends along is read and left aside.
    acceptForms(scope);
    const method = ["POST", "PUT"];
    scope.route({
      method,
      url: `${root}/-/reload`,
      handler: (_request, reply) => reload(reply),
    });
    // Nobody stops the process over HTTP.
    scope.route({
      method,
      url: `${root}/-/quit`,
      handler: (_request, reply) => text(reply, 403, "Lifecycle API is not enabled."),
    });
    done();
  }, {});
  for (const name of ["reload", "quit"])
    app.get(`${root}/-/${name}`, (_request, reply) =>
      text(reply, 405, "Only POST or PUT requests allowed"),
    );
}
