/** The whole journal with its real thread and disk, before a store that remembers what it was given. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Batch } from "@triptych/model";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemClock as clock } from "../self/clock.ts";
import type { BlockSink, SequencedBlock } from "./applier.ts";
import type { BlockEncoder } from "./block.ts";
import { type Journal, type JournalOptions, openJournal } from "./journal.ts";

const built = mkdtempSync(join(tmpdir(), "triptych-worker-"));
const workerFile = join(built, "wal-worker.mjs");
const scratch: string[] = [];
const opened: Journal[] = [];

beforeAll(async () => {
  await build({
    entryPoints: [new URL("./wal-worker.ts", import.meta.url).pathname],
    outfile: workerFile,
    bundle: true,
    format: "esm",
    platform: "node",
    conditions: ["triptych:source"],
    logLevel: "warning",
  });
});
afterAll(() => rmSync(built, { recursive: true }));
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close(0);
  for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true });
});

const newDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-journal-"));
  scratch.push(directory);
  return directory;
};

/** One row a batch, whose text is its number. */
const encoder: BlockEncoder = {
  // biome-ignore lint/correctness/useYield: the interface asks for a generator
  *encode(batches) {
    const text = batches.map((batch) => (batch as unknown as { id: string }).id).join("\n");
    return [{ kind: "t", partition: 1, rows: batches.length, bytes: Buffer.from(text) }];
  },
  forget: () => {},
};
const batch = (id: string, rows = 1): Batch => ({ signal: "spans", rows, id }) as unknown as Batch;
const hash = (value: number): Uint8Array => new Uint8Array(16).fill(value);

class Store implements BlockSink {
  ids: string[] = [];
  readonly has = new Set<string>();
  away = false;
  async insert(blocks: readonly SequencedBlock[], known: unknown): Promise<void> {
    if (this.away) throw new Error("away");
    for (const block of blocks) {
      const key = `${block.writer}/${block.seq}`;
      if (known !== null && this.has.has(key)) continue;
      this.has.add(key);
      this.ids.push(...Buffer.from(block.bytes).toString().split("\n"));
    }
  }
  async present() {
    return { has: () => false };
  }
}

async function openOn(directory: string, sink: Store, options: Partial<JournalOptions> = {}) {
  const journal = await openJournal({
    directory,
    clock,
    encoder,
    sink,
    workerUrl: pathToFileURL(workerFile),
    roundBytesMax: 0,
    pendingBytesMax: 1 << 30,
    durability: "fsync",
    random: Math.random,
    onDeath: () => {},
    onError: () => {},
    ...options,
  });
  opened.push(journal);
  return journal;
}

test("requests that arrive together share a record", async () => {
  const store = new Store();
  const journal = await openOn(newDirectory(), store);
  const ids = Array.from({ length: 500 }, (_, i) => String(i));
  await Promise.all(ids.map((id) => journal.append(batch(id), null)));
  expect(journal.status().appendedRecords).toBeLessThan(20);
  await journal.drained();
  expect(store.ids.sort()).toEqual(ids.sort());
});

test("what was acknowledged while the store was away is there after the next start, once", async () => {
  const directory = newDirectory();
  const store = new Store();
  store.away = true;
  const first = await openOn(directory, store);
  await Promise.all([1, 2, 3].map((i) => first.append(batch(`a${i}`), hash(i))));
  await first.close(0);
  store.away = false;
  const second = await openOn(directory, store);
  await second.drained();
  expect(store.ids.sort()).toEqual(["a1", "a2", "a3"]);
  expect(second.duplicateOf(hash(2)), "the window is carried over").not.toBeNull();
  expect(second.duplicateOf(hash(4))).toBeNull();
});

test("drained tells of what was taken before, however much comes after", async () => {
  const store = new Store();
  const journal = await openOn(newDirectory(), store);
  let coming = true;
  const senders = ["a", "b", "c"].map(async (name) => {
    for (let i = 0; coming; i++) await journal.append(batch(`${name}${i}`), null);
  });
  await journal.append(batch("mine"), null);
  const early = journal.append(batch("not yet written"), null);
  await journal.drained();
  expect(store.ids).toContain("mine");
  expect(store.ids).toContain("not yet written");
  coming = false;
  await Promise.all([...senders, early]);
});

test("without durability it is acknowledged before it is written, and written all the same", async () => {
  const directory = newDirectory();
  const store = new Store();
  const journal = await openOn(directory, store, { durability: "none" });
  await journal.append(batch("early"), hash(1));
  expect(journal.status().appendedRecords).toBe(0);
  expect(journal.duplicateOf(hash(1))).not.toBeNull();
  await journal.close(1_000);
  expect(store.ids).toEqual(["early"]);
  await expect(journal.append(batch("late"), null)).rejects.toThrow("stopping");
});

test("numbers are not used again after the end of the log was damaged", async () => {
  const directory = newDirectory();
  const store = new Store();
  // A log without a checkpoint that says how far it came: the process was killed.
  const first = await openOn(directory, store);
  await first.append(batch("first"), null);
  await first.drained();
  await first.close(0);
  const second = await openOn(directory, store);
  for (const id of ["x", "y", "z"]) await second.append(batch(id), null);
  await second.drained();
  const wal =
    readdirSync(directory)
      .filter((name) => name.endsWith(".wal"))
      .at(-1) ?? "";
  const checkpoint = readFileSync(join(directory, "checkpoint"));
  const bytes = readFileSync(join(directory, wal));
  await second.close(0);
  writeFileSync(join(directory, "checkpoint"), checkpoint);
  writeFileSync(join(directory, wal), bytes.fill(0, Math.floor(bytes.length / 3)));
  const before = new Set(store.has);
  const third = await openOn(directory, store);
  await third.append(batch("new"), null);
  await third.drained();
  const added = [...store.has].filter((key) => !before.has(key));
  expect(added, "the store had not seen this number").toHaveLength(1);
});

test("beyond its bound the journal asks senders to wait, and recovers", async () => {
  const store = new Store();
  store.away = true;
  const journal = await openOn(newDirectory(), store, { pendingBytesMax: 2_000 });
  let refused: unknown;
  let taken = 0;
  for (let i = 0; i < 200 && refused === undefined; i++) {
    await journal.append(batch(`${i}`), null).then(
      () => taken++,
      (error: unknown) => {
        refused = error;
      },
    );
  }
  expect(refused).toMatchObject({ code: "queue_full", retryAfterSeconds: expect.any(Number) });
  store.away = false;
  await journal.drained();
  await journal.append(batch("after"), null);
  await journal.drained();
  expect(store.ids).toHaveLength(taken + 1);
});

test("waiting for the store does not hold up who writes", async () => {
  const store = new Store();
  const journal = await openOn(newDirectory(), store);
  const all: Promise<unknown>[] = [];
  for (let i = 0; i < 60; i++) {
    // Each is a group of its own, so that several writes are in flight.
    for (let j = 0; j < 6; j++) all.push(journal.append(batch(`${i}-${j}`, 20_000), null));
    all.push(journal.drained());
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  await journal.drained();
  expect(store.ids).toHaveLength(360);
});

test("the end of the thread is told, fails what waits, and does not hang the end", async () => {
  const directory = newDirectory();
  const flag = join(directory, "die");
  const mortal = join(built, "mortal.mjs");
  writeFileSync(
    mortal,
    `import { existsSync } from "node:fs";
     import "./wal-worker.mjs";
     setInterval(() => existsSync(${JSON.stringify(flag)}) && process.exit(3), 1);`,
  );
  let died: (error: Error) => void = () => {};
  const death = new Promise<Error>((resolve) => {
    died = resolve;
  });
  const journal = await openOn(directory, new Store(), {
    workerUrl: pathToFileURL(mortal),
    onDeath: died,
  });
  await journal.append(batch("before"), null);
  writeFileSync(flag, "");
  expect((await death).message).toContain("ended");
  await expect(journal.append(batch("after"), null)).rejects.toThrow();
  await journal.close(100);
}, 10_000);

test("closing makes durable what was taken", async () => {
  const directory = newDirectory();
  const store = new Store();
  const journal = await openOn(directory, store);
  const taken = Promise.all(["a", "b"].map((id) => journal.append(batch(id), null)));
  await journal.close(5_000);
  await taken;
  expect(store.ids.sort()).toEqual(["a", "b"]);
  await expect(journal.append(batch("late"), null)).rejects.toMatchObject({
    code: "shutting_down",
  });
});
