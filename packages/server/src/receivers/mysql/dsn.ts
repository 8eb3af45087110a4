/** Where a MySQL server is: the form mysqld_exporter and Go's driver have, or a URL. */
import { TriptychError } from "@triptych/model";

export interface MysqlAddress {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Host and port or the socket, nothing secret. */
  readonly shown: string;
}

const DEFAULT_PORT = 3306;
const DEFAULT_HOST = "127.0.0.1";

/**
 * `user:password@tcp(host:3306)/`, `user@unix(/path)/`, `user:password@(host:3306)/` or `mysql://user:password@host/`.
 * Throws `config_invalid`, without quoting: there may be a password in it.
 */
export function parseDsn(text: string): MysqlAddress {
  if (/^(mysql|mariadb):\/\//.test(text)) return parseUrl(text);
  // The password may hold anything; the last `@` before the address ends it.
  const slash = text.lastIndexOf("/");
  const before = slash > text.lastIndexOf(")") ? text.slice(0, slash) : text;
  const at = before.lastIndexOf("@");
  const login = at < 0 ? "" : before.slice(0, at);
  const [, net = "tcp", inside] =
    /^(?:([a-z]*)(?:\((.*)\))?)?$/.exec(before.slice(at + 1)) ?? ([] as undefined[]);
  if (inside === undefined && before.slice(at + 1) !== "" && net !== "tcp") throw invalid();
  const colon = login.indexOf(":");
  const who = {
    user: colon < 0 ? login : login.slice(0, colon),
    password: colon < 0 ? "" : login.slice(colon + 1),
  };
  if (net === "unix")
    return { ...who, host: "", port: 0, socketPath: inside ?? "", shown: inside ?? "" };
  if (net !== "tcp" && net !== "") throw invalid();
  return { ...who, ...placeOf(inside ?? DEFAULT_HOST), socketPath: undefined };
}

function parseUrl(text: string): MysqlAddress {
  if (!URL.canParse(text)) throw invalid();
  const url = new URL(text);
  return {
    user: decoded(url.username),
    password: decoded(url.password),
    ...placeOf(url.host),
    socketPath: undefined,
  };
}

function placeOf(text: string): Pick<MysqlAddress, "host" | "port" | "shown"> {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (six === undefined && four === undefined) throw invalid();
  const host = six ?? (four || DEFAULT_HOST);
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return {
    host,
    port: number,
    shown: `${six === undefined ? host : `[${host}]`}:${number}`,
  };
}

/** A `%` that escapes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function invalid(): TriptychError {
  return new TriptychError(
    "config_invalid",
    "collect.mysql: a dsn is neither user:password@tcp(host:3306)/, user@unix(/path)/ nor mysql://user:password@host:3306/",
  );
}
