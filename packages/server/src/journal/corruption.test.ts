/** F4: random damage to segments and checkpoint. Opening never throws, and only records that were touched are lost. */
import { createRng, FaultFs, type Rng } from "@triptych/testkit";
import { expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { dataPayload, frameRecord, RecordType } from "./record.ts";
import { openSegmentLog, type RecordPlace, segmentName } from "./segment-log.ts";

const SEEDS = Number(process.env["TRIPTYCH_SEEDS"] ?? 1_000);
const ONE_SEED = process.env["TRIPTYCH_SEED"];
const DIRECTORY = "/journal";
const SEGMENTS = 3;

const open = (fs: FaultFs) =>
  openSegmentLog({ fs, directory: DIRECTORY, segmentBytesMax: 1 << 20, sync: true });

function filled(rng: Rng): { fs: FaultFs; places: RecordPlace[] } {
  const fs = new FaultFs(rng);
  const log = open(fs);
  const places: RecordPlace[] = [];
  let seq = 0;
  for (let segment = 0; segment < SEGMENTS; segment++) {
    for (let i = 0; i < 8; i++) {
      const bytes = new Uint8Array(rng.below(1_500)).fill(++seq);
      const blocks = [{ kind: "otel_logs", partition: 20_231_114, rows: 1, bytes }];
      const hashes = [new Uint8Array(16).fill(seq)];
      places.push(
        ...log.append([{ seq, payload: dataPayload({ timeMs: seq, writer: 7, hashes, blocks }) }]),
      );
    }
    log.rotate();
  }
  log.close();
  return { fs, places };
}

interface Damage {
  readonly from: number;
  readonly to: number;
}

/** Changes the bytes and says which range it touched; a cut touches everything behind it. */
function damaged(rng: Rng, bytes: Uint8Array): { bytes: Uint8Array; touched: Damage } {
  const at = rng.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + rng.below(4_096));
  const out = bytes.slice();
  switch (rng.pick(["flip", "cut", "zero", "noise", "lie"])) {
    case "flip":
      out[at] = (out[at] as number) ^ (1 << rng.below(8));
      return { bytes: out, touched: { from: at, to: at + 1 } };
    case "cut":
      return { bytes: out.subarray(0, at), touched: { from: at, to: bytes.length } };
    case "zero": {
      const page = at - (at % 512);
      const pageEnd = Math.min(bytes.length, page + 4_096);
      out.fill(0, page, pageEnd);
      return { bytes: out, touched: { from: page, to: pageEnd } };
    }
    case "noise":
      out.set(rng.bytes(end - at), at);
      return { bytes: out, touched: { from: at, to: end } };
    default:
      // A length field that promises the rest of the file and more.
      out.fill(0xff, at, Math.min(bytes.length, at + 4));
      return { bytes: out, touched: { from: at, to: Math.min(bytes.length, at + 4) } };
  }
}

function damageSegments(seed: number): void {
  const rng = createRng(seed);
  const { fs, places } = filled(rng);
  const touched: (Damage & { segment: number })[] = [];
  for (let i = rng.between(1, 3); i > 0; i--) {
    const segment = rng.between(1, SEGMENTS);
    const path = `${DIRECTORY}/${segmentName(segment)}`;
    if (fs.bytes(path).length === 0) continue;
    fs.damage(path, (bytes) => {
      const result = damaged(rng, bytes);
      touched.push({ segment, ...result.touched });
      return result.bytes;
    });
  }
  fs.restart();
  const { recovery } = open(fs);
  const found = new Map(recovery.records.map((record) => [record.seq, record]));
  for (const place of places) {
    const hit = touched.some(
      (range) =>
        range.segment === place.segment &&
        range.from < place.offset + place.length &&
        range.to > place.offset,
    );
    const record = found.get(place.seq);
    if (!hit) expect(record, `record ${place.seq} was not touched`).toBeDefined();
    if (record === undefined) continue;
    expect(record.hashes).toEqual([new Uint8Array(16).fill(place.seq)]);
    expect(record.offset).toBe(place.offset);
  }
  expect(recovery.records.length).toBeLessThanOrEqual(places.length);
  // The damage does not grow, and what is written after it is found behind it.
  const again = open(fs);
  again.append([
    { seq: 99, payload: dataPayload({ timeMs: 0, writer: 7, hashes: [], blocks: [] }) },
  ]);
  const last = open(fs).recovery;
  expect(last.records.map((record) => record.seq)).toEqual([...found.keys(), 99]);
}

function damageCheckpoint(seed: number): void {
  const rng = createRng(seed);
  const fs = new FaultFs(rng);
  fs.makeDirectory(DIRECTORY);
  const hashes = Array.from({ length: rng.below(50) }, (_, i) => ({
    hash: new Uint8Array(16).fill(i),
    timeMs: i,
  }));
  const written = { writer: 7, appliedSeq: 1_000 + seed, hashes };
  writeCheckpoint(fs, DIRECTORY, written);
  fs.damage(`${DIRECTORY}/checkpoint`, (bytes) => damaged(rng, bytes).bytes);
  const read = readCheckpoint(fs, DIRECTORY);
  // Zeroes over zeroes and cuts of nothing change nothing.
  if (read !== "damaged") expect(read).toEqual(written);
}

const each = (name: string, run: (seed: number) => void) =>
  test(`${name}: ${ONE_SEED === undefined ? `${SEEDS} seeds` : `seed ${ONE_SEED}`}`, () => {
    const seeds =
      ONE_SEED === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONE_SEED)];
    for (const seed of seeds) {
      try {
        run(seed);
      } catch (error) {
        expect.fail(`seed ${seed}: ${(error as Error).message}. repro: TRIPTYCH_SEED=${seed}`);
      }
    }
  });

each("damaged segments", damageSegments);
each("damaged checkpoint", damageCheckpoint);

/** Records whose checksum is right but whose content is not what any version of ours writes. */
const foreign = (name: string, type: number, payload: Uint8Array) =>
  test(`a record with ${name} is damage, not an end`, () => {
    const fs = new FaultFs(createRng(1));
    open(fs).append([
      { seq: 1, payload: dataPayload({ timeMs: 0, writer: 7, hashes: [], blocks: [] }) },
    ]);
    fs.damage(`${DIRECTORY}/${segmentName(1)}`, (bytes) =>
      Buffer.concat([...frameRecord({ type, seq: 5 }, [payload]), bytes]),
    );
    fs.restart();
    const { recovery } = open(fs);
    expect(recovery.records.map((record) => record.seq)).toEqual([1]);
    expect(recovery.damage).toHaveLength(1);
  });

foreign("no payload", RecordType.data, new Uint8Array(0));
foreign(
  "a hash count beyond its end",
  RecordType.data,
  new Uint8Array(16).fill(0xff).map((byte, i) => (i < 12 ? 0 : byte)),
);
foreign("an unknown type", 77, new Uint8Array(64));

test("other files in the directory are left alone", () => {
  const fs = new FaultFs(createRng(1));
  fs.makeDirectory(DIRECTORY);
  for (const name of ["notes.txt", "x.wal", "-1.wal", "1e3.wal", ".wal"]) {
    const fd = fs.openAppend(`${DIRECTORY}/${name}`);
    fs.write(fd, [new Uint8Array([1])]);
    fs.close(fd);
  }
  const log = open(fs);
  expect(log.recovery.records).toEqual([]);
  log.dropBefore(1_000_000);
  expect(fs.list(DIRECTORY)).toContain("notes.txt");
});
