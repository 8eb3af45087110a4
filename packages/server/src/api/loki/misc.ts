/** Small answers: the formatted query, build information. */
import { formatLogql, parseLogql } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { FastifyReply } from "fastify";
import { type Context, type Exchange, located } from "./exchange.ts";

/** The version whose API and language this follows; clients choose features by it. */
export const LOKI_VERSION = "3.5.0";

export async function buildInfo(_context: Context, { reply }: Exchange): Promise<FastifyReply> {
  return reply.type("application/json; charset=UTF-8").send({
    version: LOKI_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  });
}

/** Loki answers a query that it cannot read with its own form of an error. */
export async function formatQuery(
  _context: Context,
  { params, reply }: Exchange,
): Promise<FastifyReply> {
  const text = params.get("query") ?? "";
  try {
    const data = located(text, () => formatLogql(parseLogql(text)));
    return reply.send({ status: "success", data });
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return reply.code(400).send({ status: "invalid-query", error: error.message });
  }
}
