/** Addresses to listen on as Go writes them: `0.0.0.0:1514`, `[::1]:1514`, `:1514` for every address of the host. */
import { TriptychError } from "@triptych/model";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const EVERY_ADDRESS = "0.0.0.0";

/** Throws `config_invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const found = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3] ?? Number.NaN);
  if (found === null || !(port <= 65_535))
    throw new TriptychError(
      "config_invalid",
      `${JSON.stringify(text)} is no address to listen on, such as 0.0.0.0:1514`,
    );
  return { host: found[1] || found[2] || EVERY_ADDRESS, port };
}
