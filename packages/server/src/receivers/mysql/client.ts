/** The MySQL connection: the only file that imports `mysql2`. Rows come as text, as the server wrote them. */
import { readFile } from "node:fs/promises";
import { createConnection } from "mysql2/promise";
import type { MysqlAddress } from "./dsn.ts";

export interface MysqlClient {
  /** Rows of a statement, values as text; null stays null. Throws what the server answered. */
  rows(sql: string): Promise<readonly MysqlRow[]>;
  readonly isOpen: boolean;
  close(): void;
}

export type MysqlRow = { readonly [column: string]: string | null };

export interface MysqlTls {
  readonly mode: "off" | "verify" | "insecure";
  readonly caFile: string;
}

/** A collection asks for some thousand rows at most. */
const ROWS_MAX = 50_000;

export async function openMysql(
  address: MysqlAddress,
  options: {
    readonly password: string;
    readonly tls: MysqlTls;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<MysqlClient> {
  const { tls, password, timeoutMs, signal } = options;
  const connection = await createConnection({
    ...(address.socketPath === undefined
      ? { host: address.host, port: address.port }
      : { socketPath: address.socketPath }),
    user: address.user,
    password,
    connectTimeout: timeoutMs,
    // Rows as arrays, and not by code that is made and evaluated.
    rowsAsArray: true,
    disableEval: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    // Everything as text: no guesses about types.
    typeCast: (field) => field.string(),
    multipleStatements: false,
    ...(tls.mode === "off"
      ? {}
      : {
          ssl: {
            rejectUnauthorized: tls.mode === "verify",
            ...(tls.caFile === "" ? {} : { ca: await readFile(tls.caFile, "utf8") }),
          },
        }),
  });
  let open = true;
  // The library forgets what was asked of a connection that is destroyed.
  let lose: (error: Error) => void = () => {};
  const lost = new Promise<never>((_resolve, reject) => {
    lose = reject;
  });
  lost.catch(() => {});
  const close = (): void => {
    open = false;
    connection.destroy();
    lose(new Error("the connection was closed"));
  };
  // Without a listener a lost connection would be an uncaught error.
  connection.on("error", () => {
    open = false;
  });
  connection.on("end", () => {
    open = false;
  });
  if (signal.aborted) close();
  return {
    async rows(sql) {
      const asked = connection.query({ sql, timeout: timeoutMs });
      const [rows, fields] = await Promise.race([asked, lost]);
      if (!Array.isArray(rows)) return [];
      const names = fields.map(({ name }) => name);
      return rows
        .slice(0, ROWS_MAX)
        .map((row: unknown) =>
          Object.fromEntries(names.map((name, i) => [name, textOf((row as unknown[])[i])])),
        );
    },
    get isOpen() {
      return open;
    },
    close,
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
