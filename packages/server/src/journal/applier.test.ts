/** The applier against a store that fails in every way it can: each row arrives once, and nothing stops the line. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TriptychError } from "@triptych/model";
import { createRng, createSimClock, type SimClock } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { type Applier, type BlockSink, createApplier, type SequencedBlock } from "./applier.ts";
import { nodeFs } from "./fs.ts";
import { dataPayload } from "./record.ts";
import { openSegmentLog } from "./segment-log.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

type Outcome = "ok" | "away" | "refused" | "taken, then away";

/** Takes blocks as ClickHouse does: all of an insert or nothing, and says afterwards or not. */
class FakeStore implements BlockSink {
  readonly rows = new Map<string, number>();
  inserts = 0;
  asked = 0;
  next: (blocks: readonly SequencedBlock[]) => Outcome = () => "ok";

  async insert(
    blocks: readonly SequencedBlock[],
    known: { has(table: string, block: SequencedBlock): boolean } | null,
  ): Promise<void> {
    const missing =
      known === null ? blocks : blocks.filter((block) => !known.has(block.kind, block));
    if (missing.length === 0) return;
    this.inserts++;
    const outcome = this.next(missing);
    if (outcome === "away") throw new TriptychError("store_unavailable", "away");
    if (outcome === "refused") throw new TriptychError("store_failed", "refused");
    for (const block of missing) {
      const key = keyOf(block);
      this.rows.set(key, (this.rows.get(key) ?? 0) + block.rows);
    }
    if (outcome === "taken, then away") throw new TriptychError("store_unavailable", "reset");
  }

  async present() {
    this.asked++;
    if (this.next([]) === "away") throw new TriptychError("store_unavailable", "away");
    const known = new Set(this.rows.keys());
    return { has: (_table: string, block: SequencedBlock) => known.has(keyOf(block)) };
  }
}

const keyOf = ({ writer, seq, kind, partition }: SequencedBlock): string =>
  `${writer}/${seq}/${kind}/${partition}`;

interface Setup {
  readonly clock: SimClock;
  readonly store: FakeStore;
  readonly applier: Applier;
  readonly asideRows: () => number;
  readonly errors: Error[];
}

/** A journal with `records` records of two blocks in each of two partitions, pushed to an applier. */
function setup(records: number, recovered = false, store = new FakeStore()): Setup {
  const directory = mkdtempSync(join(tmpdir(), "triptych-applier-"));
  directories.push(directory);
  const log = openSegmentLog({ fs: nodeFs, directory, segmentBytesMax: 4_096, sync: false });
  const clock = createSimClock();
  const errors: Error[] = [];
  let aside = 0;
  const applier = createApplier({
    directory,
    clock,
    sink: store,
    appliedSeq: 0,
    setAside: (block) => {
      aside += block.rows;
    },
    onError: (error) => errors.push(error),
    onApplied: () => {},
  });
  for (let seq = 1; seq <= records; seq++) {
    const block = (partition: number) => ({
      kind: "t",
      partition,
      rows: 1,
      bytes: new Uint8Array(40),
    });
    const payload = dataPayload({
      timeMs: 0,
      writer: 9,
      hashes: [],
      blocks: [block(1), block(1), block(2), block(2)],
    });
    const [place] = log.append([{ seq, payload }]);
    if (place === undefined) throw new Error("no place");
    applier.push({ ...place, writer: 9, acknowledgedMs: clock.nowMs(), recovered });
  }
  log.close();
  return { clock, store, applier, asideRows: () => aside, errors };
}

/** Steps time until everything is applied. */
async function settle({ clock, applier }: Setup, stepsMax = 20_000): Promise<void> {
  for (let step = 0; step < stepsMax && applier.pendingRecords > 0; step++)
    await clock.advance(100);
}

function expectOnce({ store }: Setup, records: number): void {
  const wrong = [...store.rows].filter(([, rows]) => rows !== 2);
  expect(wrong, "two rows a record and partition, no more and no fewer").toEqual([]);
  expect(store.rows.size).toBe(records * 2);
}

test("everything arrives in few inserts", async () => {
  const it = setup(100);
  await settle(it);
  expectOnce(it, 100);
  expect(it.store.inserts).toBeLessThan(10);
  expect(it.store.asked, "new records need no question").toBe(0);
  expect(it.applier.appliedSeq).toBe(100);
  expect(it.applier.pendingBytes).toBe(0);
  expect(it.applier.oldestSegment).toBeUndefined();
});

test("one insert in five is taken and then fails (F8)", async () => {
  const rng = createRng(8);
  for (let round = 0; round < 40; round++) {
    const it = setup(25);
    it.store.next = (blocks) => (blocks.length > 0 && rng.chance(0.2) ? "taken, then away" : "ok");
    await settle(it);
    expectOnce(it, 25);
    await it.applier.close();
  }
});

test("the store comes and goes, also while it is asked", async () => {
  const rng = createRng(3);
  const it = setup(200);
  it.store.next = () =>
    rng.pick<Outcome>(["away", "away", "taken, then away", "ok", "away", "away"]);
  await settle(it);
  expectOnce(it, 200);
});

test("a store that is away for an hour costs waiting only", async () => {
  const it = setup(10);
  it.store.next = () => "away";
  for (let minute = 0; minute < 60; minute++) await it.clock.advance(60_000);
  expect(it.applier.pendingRecords).toBe(10);
  expect(it.applier.lagMs()).toBe(3_600_000);
  expect(it.store.inserts + it.store.asked).toBeLessThan(1_000);
  it.store.next = () => "ok";
  await settle(it);
  expectOnce(it, 10);
});

test("records found at a start are asked about first", async () => {
  const store = new FakeStore();
  for (let seq = 1; seq <= 50; seq++) store.rows.set(`9/${seq}/t/${1 + (seq % 2)}`, 2);
  const it = setup(50, true, store);
  await settle(it);
  expectOnce(it, 50);
});

test("refused blocks are set aside, whole records at a time, and the line goes on", async () => {
  const it = setup(20);
  const bad = (block: SequencedBlock): boolean => block.seq === 7 && block.partition === 2;
  it.store.next = (blocks) => (blocks.some(bad) ? "refused" : "ok");
  await settle(it);
  expect(it.asideRows()).toBe(2);
  expect(it.store.rows.size).toBe(39);
  expect([...it.store.rows.values()].filter((rows) => rows !== 2)).toEqual([]);
});

test("a segment that cannot be read is tried again, not the end of the process", async () => {
  const it = setup(5);
  const directory = directories.at(-1) ?? "";
  await it.applier.close();
  const errors: Error[] = [];
  const applier = createApplier({
    directory: `${directory}-missing`,
    clock: it.clock,
    sink: it.store,
    appliedSeq: 0,
    setAside: () => {},
    onError: (error) => errors.push(error),
    onApplied: () => {},
  });
  const at = { seq: 1, segment: 1, offset: 0, length: 100, writer: 9 };
  applier.push({ ...at, acknowledgedMs: 0, recovered: false });
  // The file system answers in its own time, so the fake clock is stepped until it has, within a bound.
  for (let i = 0; i < 10_000 && errors.length < 2; i++) {
    await it.clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(errors.length).toBeGreaterThan(1);
  expect(applier.pendingRecords).toBe(1);
  const closed = applier.close();
  await it.clock.advance(10_000);
  await closed;
});

test("drained and close", async () => {
  const it = setup(10);
  const drained = it.applier.drained();
  await settle(it);
  await drained;
  await it.applier.close();
});
