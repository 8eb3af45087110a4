/** Sockets that receivers listen on: TCP and UDP, with one way to say that a port is taken. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import type { Server } from "node:net";
import { TriptychError } from "@triptych/model";

/** What the system keeps of datagrams until we read them. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** What cannot listen: `port_in_use` when that is why. */
export function portError(
  cause: unknown,
  host: string,
  port: number,
  protocol: "TCP" | "UDP" = "TCP",
): unknown {
  if (!(cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")) return cause;
  return new TriptychError(
    "port_in_use",
    `port ${port} (${protocol}) on ${host} is in use; stop what listens there or choose another port`,
    { cause },
  );
}

/** Errors of single datagrams leave the socket usable, so none of them is thrown. */
export function bindUdp(host: string, port: number): Promise<UdpSocket> {
  const socket = createSocket({
    type: host.includes(":") ? "udp6" : "udp4",
    recvBufferSize: RECEIVE_BUFFER_BYTES,
  });
  return new Promise((resolve, reject) => {
    socket.once("error", (cause) => {
      socket.close();
      reject(portError(cause, host, port, "UDP"));
    });
    socket.bind(port, host, () => {
      socket.removeAllListeners("error");
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

/** Resolves with the port, a free one when `port` is 0. */
export function listenTcp(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => reject(portError(cause, host, port));
    server.once("error", failed);
    server.listen(port, host, () => {
      server.removeListener("error", failed);
      // A connection that could not be taken is the sender's loss only.
      server.on("error", () => {});
      const address = server.address();
      resolve(typeof address === "object" ? (address?.port ?? port) : port);
    });
  });
}
