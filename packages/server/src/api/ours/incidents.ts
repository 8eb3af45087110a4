/** Incidents of our own HTTP API: the list, newest first, and one by its id. */
import type { Incident } from "@triptych/contract";
import { TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { quoted } from "./params.ts";

export interface IncidentsApiDeps {
  readonly watch: {
    list(): readonly Incident[];
    get(id: string): Incident | undefined;
  };
  /** `/api/triptych`. */
  readonly prefix: string;
}

export function registerIncidentsApi(
  app: FastifyInstance,
  { watch, prefix }: IncidentsApiDeps,
): void {
  app.get(`${prefix}/incidents`, () => watch.list());
  app.get(`${prefix}/incidents/:id`, (request) => {
    const { id } = request.params as { readonly id: string };
    const incident = watch.get(id);
    if (incident === undefined)
      throw new TriptychError(
        "not_found",
        `there is no incident ${quoted(id)}; ids are like INC-1`,
      );
    return incident;
  });
}
