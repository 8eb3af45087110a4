/** Begins and ends listening of an HTTP server. */
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import { portError } from "./sockets.ts";

const CONNECTIONS_GRACE_MS = 2_000;

/** Lets requests under way end, then drops connections that would keep us, such as those that never asked anything. */
export async function closeHttp(app: FastifyInstance, clock: Clock): Promise<void> {
  const cancel = clock.after(CONNECTIONS_GRACE_MS, () => app.server.closeAllConnections());
  await app.close();
  cancel();
}

export async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw portError(cause, host, port);
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
