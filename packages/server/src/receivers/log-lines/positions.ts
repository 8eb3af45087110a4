/**
 * How far each source of lines has been read: one small JSON file, replaced as a whole, so that it is always either the
 * old or the new one. Who reads a source says what it is about to send before it sends it; after a crash it sends
 * just that again, and the journal knows the request.
 */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

export type PositionValue = { readonly [key: string]: string | number | boolean };

export interface Positions {
  get(key: string): PositionValue | undefined;
  keys(): readonly string[];
  /** In memory; durable with the next `save`. */
  set(key: string, value: PositionValue): void;
  delete(key: string): void;
  /** Makes what was set durable. Calls that come while one runs share the next. Rejects as `fs` does. */
  save(): Promise<void>;
}

const FORMAT = 1;
/** At 200 bytes each, 20 MB; real hosts have thousands. */
const POSITIONS_MAX = 100_000;

/** `problem` is told of a file that cannot be used: reading begins as if there was none, and it is kept aside. */
export async function openPositions(
  file: string,
  problem: (message: string) => void,
): Promise<Positions> {
  const known = await readPositions(file, problem);
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let isDirty = false;
  const write = async (): Promise<void> => {
    if (!isDirty) return;
    isDirty = false;
    const text = JSON.stringify({ format: FORMAT, positions: Object.fromEntries(known) });
    try {
      await replaceFile(file, text);
    } catch (error) {
      isDirty = true;
      throw error;
    }
  };
  const start = (): Promise<void> => {
    const run = write().finally(() => {
      running = undefined;
    });
    running = run;
    return run;
  };
  return {
    get: (key) => known.get(key),
    keys: () => [...known.keys()],
    set(key, value) {
      known.delete(key);
      known.set(key, value);
      isDirty = true;
      const [oldest] = known.keys();
      if (known.size > POSITIONS_MAX && oldest !== undefined) known.delete(oldest);
    },
    delete(key) {
      if (known.delete(key)) isDirty = true;
    },
    save() {
      if (running === undefined) return start();
      waiting ??= running
        .catch(() => {})
        .then(() => {
          waiting = undefined;
          return start();
        });
      return waiting;
    },
  };
}

async function readPositions(
  file: string,
  problem: (message: string) => void,
): Promise<Map<string, PositionValue>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") problem(`${file}: ${String(error)}`);
    return new Map();
  }
  try {
    const { format, positions } = JSON.parse(text) as {
      readonly format?: unknown;
      readonly positions?: { readonly [key: string]: PositionValue };
    };
    if (format !== FORMAT || positions === undefined) throw new Error("unknown format");
    return new Map(Object.entries(positions));
  } catch (error) {
    problem(`${file} cannot be used, sources are read from their beginning: ${String(error)}`);
    await rename(file, `${file}.damaged`).catch(() => {});
    return new Map();
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.new`;
  const handle = await open(next, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
  const directory = await open(dirname(file), "r");
  try {
    // The name must survive a power loss too.
    await directory.sync();
  } finally {
    await directory.close();
  }
}
