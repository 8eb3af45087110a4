/** The only file that imports `chdb`. A session runs one query at a time; several on one path run side by side. */
import { createRequire } from "node:module";
import { assert, TriptychError } from "@triptych/model";

export interface ChdbAnswer {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

export interface ChdbSession {
  /**
   * Runs statements one after another, nothing of others between them; the answer is the last one's, in Native format.
   * Values are bound by a `SET` before: the driver's own binding lets only one bound query run in the whole process.
   */
  query(...texts: readonly string[]): Promise<ChdbAnswer>;
  close(): Promise<void>;
}

type Chdb = typeof import("chdb");

/** `args` are engine options in command-line form; they count for the first session on a path only. */
export function openChdbSession(path: string, args: readonly string[]): ChdbSession {
  const { Session } = loadChdb();
  const session = new Session(path, { connectionArgs: args });
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  const run = async (texts: readonly string[]): Promise<ChdbAnswer> => {
    if (closed) throw new TriptychError("shutting_down", "the store is closed");
    let result: Awaited<ReturnType<typeof session.queryAsync>> | undefined;
    for (const text of texts) result = await session.queryAsync(text, { format: "Native" });
    assert(result !== undefined, "a query has a text");
    return {
      bytes: result.bytes(),
      rowsRead: result.rowsRead,
      bytesRead: result.bytesRead,
      elapsedMs: result.elapsed * 1000,
    };
  };
  return {
    query(...texts) {
      const mine = last.then(() => run(texts));
      last = mine.catch(() => {});
      return mine;
    },
    async close() {
      if (closed) return;
      closed = true;
      // To close it under a query that runs would end the process.
      await last;
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
