/** Begins and ends listening of an HTTP server. */
import { type Clock, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";

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
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
      throw new TriptychError(
        "port_in_use",
        `port ${port} on ${host} is in use; stop what listens there or choose another port`,
        { cause },
      );
    }
    throw cause;
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
