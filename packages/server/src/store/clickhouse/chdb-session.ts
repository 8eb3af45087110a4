/** The only file that imports `chdb`. A session runs one query at a time; several on one path run side by side. */
import { createRequire } from "node:module";
import { TriptychError } from "@triptych/model";

export interface ChdbAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

export interface ChdbSession {
  /** Runs one statement; the answer is in Native format. */
  query(text: string, params?: { readonly [name: string]: unknown }): Promise<ChdbAnswer>;
  close(): void;
}

type Chdb = typeof import("chdb");

/** `args` are engine options in command-line form; they count for the first session on a path only. */
export function openChdbSession(path: string, args: readonly string[]): ChdbSession {
  const { Session } = loadChdb();
  const session = new Session(path, { connectionArgs: args });
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const run = async (text: string, params: object | undefined): Promise<ChdbAnswer> => {
    if (closed) throw new TriptychError("shutting_down", "the store is closed");
    const options = { format: "Native" };
    const result = await (params === undefined || Object.keys(params).length === 0
      ? session.queryAsync(text, options)
      : session.queryBindAsync(text, params, options));
    return {
      bytes: result.bytes(),
      rowsRead: result.rowsRead,
      bytesRead: result.bytesRead,
      elapsedMs: result.elapsed * 1000,
    };
  };
  return {
    query(text, params) {
      const mine = last.then(
        () => run(text, params),
        () => run(text, params),
      );
      last = mine.catch(() => {});
      return mine;
    },
    close() {
      if (closed) return;
      closed = true;
      session.close();
    },
  };
}

let loaded: Chdb | undefined;

function loadChdb(): Chdb {
  if (loaded !== undefined) return loaded;
  checkPlatform();
  try {
    // Required, not imported: the engine's library is loaded when the store is opened, not when the program starts.
    loaded = createRequire(import.meta.url)("chdb") as Chdb;
    return loaded;
  } catch (cause) {
    throw unsupported(
      `its library does not load here (${cause instanceof Error ? cause.message : cause})`,
      cause,
    );
  }
}

function checkPlatform(): void {
  const { platform, arch } = process;
  const report = process.report?.getReport() as
    | { header?: { glibcVersionRuntime?: string } }
    | undefined;
  if (platform === "linux" && report?.header?.glibcVersionRuntime === undefined) {
    throw unsupported("this Linux uses musl, not glibc");
  }
  if (platform !== "linux" && platform !== "darwin")
    throw unsupported(`there is no build for ${platform}`);
  if (arch !== "x64" && arch !== "arm64")
    throw unsupported(`there is no build for ${arch} processors`);
}

function unsupported(reason: string, cause?: unknown): TriptychError {
  const message = `the embedded ClickHouse cannot run: ${reason}. Use Linux (glibc, x64 with AVX2 or arm64) or macOS, or give --store http://HOST:8123 to use a ClickHouse server`;
  return new TriptychError("platform_unsupported", message, { cause });
}
