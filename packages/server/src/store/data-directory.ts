/**
 * The data directory: who has it open, and which format it is in. An unknown format is refused with the way out, never
 * opened blindly; a second process is refused while the first one lives.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { TriptychError } from "@triptych/model";

export const FORMAT_VERSION = 1;

export interface DataDirectory {
  readonly path: string;
  /** Gives the directory up. Safe to call twice. */
  release(): void;
}

/** Throws `data_dir_unusable`, `data_dir_locked` or `data_dir_format`; then nothing in the directory was changed. */
export function openDataDirectory(path: string, engine: string): DataDirectory {
  try {
    makeDirectories(resolve(path));
  } catch (cause) {
    throw unusable(path, cause);
  }
  checkFormat(path);
  const release = lock(path);
  try {
    writeFormat(path, engine);
  } catch (cause) {
    release();
    throw unusable(path, cause);
  }
  return { path, release };
}

/** Level by level: Node's recursive `mkdirSync` never returns for a path under /proc. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  mkdirSync(path);
}

function unusable(path: string, cause: unknown): TriptychError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TriptychError(
    "data_dir_unusable",
    `cannot use the data directory ${path}: ${reason}. Give another with --data, or make it writable for this user`,
    { cause },
  );
}

interface Format {
  readonly format: number;
  readonly engine: string;
}

function checkFormat(path: string): void {
  let text: string;
  try {
    text = readFileSync(`${path}/FORMAT.json`, "utf8");
  } catch (cause) {
    if (isMissing(cause)) return;
    throw unusable(path, cause);
  }
  let format: Partial<Format>;
  try {
    format = JSON.parse(text) as Partial<Format>;
  } catch {
    // A damaged note about the format does not make the data unusable: it is written again.
    return;
  }
  if (format.format === undefined || format.format === FORMAT_VERSION) return;
  throw new TriptychError(
    "data_dir_format",
    `the data directory ${path} has format ${format.format}, this version reads format ${FORMAT_VERSION}. Run the version that wrote it and use "triptych backup", then "triptych import" here; or give another directory with --data`,
  );
}

function writeFormat(path: string, engine: string): void {
  const temporary = `${path}/FORMAT.json.tmp`;
  const fd = openSync(temporary, "w", 0o640);
  writeSync(fd, `${JSON.stringify({ format: FORMAT_VERSION, engine } satisfies Format)}\n`);
  closeSync(fd);
  renameSync(temporary, `${path}/FORMAT.json`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/**
 * A lock file with the owner's process id and start time. Both together name a process also after its id was given to
 * another one, so a lock left behind by a crash is recognised and taken over.
 */
function lock(path: string): () => void {
  const file = `${path}/LOCK`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const fd = openSync(file, "wx", 0o640);
      writeSync(fd, `${process.pid} ${startTime(process.pid)}\n`);
      closeSync(fd);
      let released = false;
      return () => {
        if (!released) rmSync(file, { force: true });
        released = true;
      };
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST"))
        throw unusable(path, cause);
      refuseIfAlive(path, file);
      rmSync(file, { force: true });
    }
  }
  throw unusable(path, new Error("the lock file keeps reappearing"));
}

function refuseIfAlive(path: string, file: string): void {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return;
  }
  const [pidText = "", started = ""] = text.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return;
  if (!isAlive(pid) || (started !== "" && startTime(pid) !== started)) return;
  throw new TriptychError(
    "data_dir_locked",
    `the data directory ${path} is in use by process ${pid}. Stop that process, or give another directory with --data`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** When the process started, in the kernel's own ticks; empty where the system does not tell. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22; the second field is a name in parentheses that may hold spaces.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
