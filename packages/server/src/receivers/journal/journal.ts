/**
 * Reads systemd's journal: from `journalctl`, run as a child that follows it, or from a file or pipe in its export or
 * JSON format. The cursor of the last entry that is durable is kept; `journalctl` is told to go on behind it.
 */
import { spawn } from "node:child_process";
import { constants, createReadStream, open } from "node:fs";
import { stat } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";
import { asTriptychError } from "@triptych/model";
import { createJournalExportReader, type JournalEntry, journalEntryOfJson } from "@triptych/wire";
import { createMarkedLines, type MarkedLines } from "../log-lines/marked-lines.ts";
import type { Positions } from "../log-lines/positions.ts";
import { type LogSourceDeps, sleepUnless } from "../log-lines/submit.ts";
import type { Stage } from "../log-stages/entry.ts";
import type { JournalLine } from "./journal-lines.ts";

export interface JournalOptions {
  readonly job: string;
  /** `journalctl`, or a path of a program, file or pipe. */
  readonly source:
    | {
        readonly kind: "journalctl";
        readonly program: string;
        readonly directory: string;
        readonly matches: readonly string[];
        readonly maxAgeMs: number;
      }
    | { readonly kind: "path"; readonly path: string; readonly format: "export" | "json" };
  readonly line: JournalLine;
  readonly stage: Stage;
}

export interface JournalReader {
  /** Resolves when there is nothing more to come: a file was read, or it was closed. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 60_000;
const ERROR_CHARS_MAX = 500;
const JSON_LINE_BYTES_MAX = 16 * 1024 * 1024;

/** A plain descriptor: the socket that reads from it owns and closes it. */
const openDescriptor: (path: string, flags: number) => Promise<number> = promisify(open);

/** Reads entries until the source ends. */
type Follow = (lines: MarkedLines, signal: AbortSignal) => Promise<void>;

export function createJournalReader(
  options: JournalOptions,
  deps: LogSourceDeps & { readonly positions: Positions },
): JournalReader {
  const abort = new AbortController();
  const lines = createMarkedLines(
    { key: `journal\n${options.job}`, labels: new Map(), stage: options.stage },
    deps,
  );
  const { source } = options;
  const follow: Follow =
    source.kind === "journalctl"
      ? (into, signal) => followChild(source, { lines: into, signal, options })
      : (into, signal) => readPath(source, { lines: into, signal, options });
  const problem = `journal ${options.job}`;
  const run = async (): Promise<void> => {
    let waitMs = RETRY_MS_MIN;
    while (!abort.signal.aborted) {
      const before = lines.mark();
      try {
        await follow(lines, abort.signal);
        deps.problems.clear(problem);
        await lines.drain();
        // A file is read once; a pipe or the program is there again later.
        if (source.kind === "path") return;
      } catch (error) {
        if (abort.signal.aborted) return;
        const { message } = asTriptychError(error);
        const cause = error instanceof Error ? error.message : message;
        deps.log("warn", `the journal cannot be read: ${cause}`, { job: options.job });
        deps.problems.raise(problem, `the journal cannot be read: ${cause}`, 0);
        await lines.drain();
      }
      waitMs = lines.mark() === before ? Math.min(RETRY_MS_MAX, waitMs * 2) : RETRY_MS_MIN;
      await sleepUnless(abort.signal, deps.clock, waitMs);
    }
  };
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= run();
      return running;
    },
    async close() {
      abort.abort();
      await lines.close();
      await running;
    },
  };
}

interface Into {
  readonly lines: MarkedLines;
  readonly signal: AbortSignal;
  readonly options: JournalOptions;
}

export function journalctlArguments(
  source: Extract<JournalOptions["source"], { kind: "journalctl" }>,
  cursor: string,
): string[] {
  const from =
    cursor === ""
      ? [`--since=-${Math.max(1, Math.round(source.maxAgeMs / 1000))}s`]
      : [`--after-cursor=${cursor}`];
  const where = source.directory === "" ? [] : [`--directory=${source.directory}`];
  // Without it only the last ten entries come before the new ones.
  const all = ["--output=export", "--follow", "--no-tail", "--no-pager", "--quiet", "--all"];
  return [...all, ...from, ...where, "--", ...source.matches];
}

async function followChild(
  source: Extract<JournalOptions["source"], { kind: "journalctl" }>,
  into: Into,
): Promise<void> {
  const child = spawn(source.program, journalctlArguments(source, into.lines.mark()), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8" },
  });
  let errors = "";
  child.stderr.on("data", (piece: Buffer) => {
    if (errors.length < ERROR_CHARS_MAX) errors += piece.toString("utf8");
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const said = errors.trim().slice(0, ERROR_CHARS_MAX);
      reject(new Error(`${source.program} ended with ${code}${said === "" ? "" : `: ${said}`}`));
    });
  });
  // Told below; until then it is nobody's unhandled rejection.
  ended.catch(() => {});
  const stop = (): void => void child.kill("SIGTERM");
  into.signal.addEventListener("abort", stop, { once: true });
  try {
    if (into.signal.aborted) stop();
    await readExport(child.stdout, into);
    await ended;
  } finally {
    into.signal.removeEventListener("abort", stop);
    child.kill("SIGTERM");
  }
}

async function readPath(
  source: Extract<JournalOptions["source"], { kind: "path" }>,
  into: Into,
): Promise<void> {
  const stats = await stat(source.path);
  const stream = stats.isFIFO() ? await openPipe(source.path) : createReadStream(source.path);
  const stop = (): void => void stream.destroy();
  into.signal.addEventListener("abort", stop, { once: true });
  try {
    // A pipe has no beginning to skip from; a file was read as far as the cursor says.
    const skipTo = stats.isFIFO() ? "" : into.lines.mark();
    if (source.format === "json") await readJson(stream, into, skipTo);
    else await readExport(stream, into, skipTo);
  } finally {
    into.signal.removeEventListener("abort", stop);
    stream.destroy();
  }
}

/** Open for writing too, so that it does not end when a writer leaves, and opening does not wait for one. */
async function openPipe(path: string): Promise<Socket> {
  const fd = await openDescriptor(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

type Pieces = AsyncIterable<unknown>;

async function readExport(stream: Pieces, into: Into, skipTo = ""): Promise<void> {
  const reader = createJournalExportReader();
  const take = taking(into, skipTo);
  for await (const piece of stream) await take(reader.push(piece as Uint8Array));
  await take(reader.end());
}

async function readJson(stream: Pieces, into: Into, skipTo: string): Promise<void> {
  const take = taking(into, skipTo);
  let rest = "";
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    const lines = (rest + decoder.decode(piece as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > JSON_LINE_BYTES_MAX) throw new Error("an entry is too long");
    await take(entriesOf(lines));
  }
  await take(entriesOf([rest]));
}

function entriesOf(lines: readonly string[]): JournalEntry[] {
  const out: JournalEntry[] = [];
  for (const line of lines) {
    const entry = line === "" ? undefined : journalEntryOfJson(line);
    if (entry !== undefined) out.push(entry);
  }
  return out;
}

/** Hands entries on, from behind the one with the cursor `skipTo`. */
function taking(
  { lines, options }: Into,
  skipTo: string,
): (entries: readonly JournalEntry[]) => Promise<void> {
  let isSkipping = skipTo !== "";
  let count = 0;
  return async (entries) => {
    for (const entry of entries) {
      if (isSkipping) {
        isSkipping = entry.get("__CURSOR") !== skipTo;
        continue;
      }
      const line = options.line(entry);
      if (line === undefined) continue;
      const mark = line.mark === "" ? `#${++count}` : line.mark;
      const room = lines.push({ ...line, mark });
      if (room !== undefined) await room;
    }
  };
}
