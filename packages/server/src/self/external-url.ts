/**
 * The address others reach this process under, for links in alerts and for targets on this very machine. Prometheus
 * takes the machine's name unless it is told another; so do we, but not while only this machine can reach us.
 */
const LOOPBACK = new Set(["127.0.0.1", "localhost", "::1", "[::1]"]);

/** Without a slash at the end. `given` is what the configuration says, "" when it says nothing. */
export function externalUrl(of: {
  readonly given?: string;
  readonly listen: string;
  readonly port: number;
  readonly hostname: string;
}): string {
  const { given = "", listen, port, hostname } = of;
  if (given !== "") return given;
  const isEverywhere = ["0.0.0.0", "::", "[::]", ""].includes(listen);
  const isOwnName = isEverywhere && hostname !== "";
  const host = isOwnName ? hostname : LOOPBACK.has(listen) || isEverywhere ? "127.0.0.1" : listen;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}
