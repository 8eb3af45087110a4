/** What says that Tempo is there, and which one. */
import type { FastifyReply } from "fastify";
import type { Exchange } from "./exchange.ts";

/** The version whose answers ours are like; clients decide by it what they may ask for. */
const TEMPO_VERSION = "2.9.0";

export async function echo({ reply }: Exchange): Promise<FastifyReply> {
  return reply.type("text/plain; charset=utf-8").send("echo\n");
}

export async function buildInfo(): Promise<object> {
  return {
    version: TEMPO_VERSION,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  };
}

export async function version({ reply }: Exchange): Promise<FastifyReply> {
  return reply.type("text/plain; charset=utf-8").send(`tempo, version ${TEMPO_VERSION}\n`);
}

export async function services({ reply }: Exchange): Promise<FastifyReply> {
  return reply.type("text/plain; charset=utf-8").send("triptych: Running\n");
}

/** There are no limits per tenant to read or change here. */
export async function overrides(): Promise<object> {
  return {};
}

export async function ready(
  reply: FastifyReply,
  notReady: (() => string | undefined) | undefined,
): Promise<FastifyReply> {
  const reason = notReady?.();
  reply.type("text/plain; charset=utf-8");
  return reason === undefined ? reply.send("ready\n") : reply.code(503).send(`${reason}\n`);
}
