/**
 * F3: the power goes at a random call, with full disks, short writes and I/O errors before it. Each seed is several
 * lives of a log and its checkpoint on one simulated disk, checked after every start against what was acknowledged.
 */
import { createRng, FaultFs, PowerLoss, type Rng } from "@triptych/testkit";
import { expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { dataPayload, readRecord } from "./record.ts";
import {
  openSegmentLog,
  type RecoveredRecord,
  type SegmentLog,
  segmentName,
} from "./segment-log.ts";

const SEEDS = Number(process.env["TRIPTYCH_SEEDS"] ?? 2_000);
const ONE_SEED = process.env["TRIPTYCH_SEED"];
const DIRECTORY = "/data/journal";
const WRITER = 7;

/** What the outside knows: the store survives everything here, the log must do the rest. */
interface World {
  readonly fs: FaultFs;
  readonly rng: Rng;
  /** Payload of every record that was ever handed to the log. */
  readonly submitted: Map<number, Uint8Array>;
  /** Records a sender has a success for: from `append`, or because a start found them (their hash is known then). */
  readonly kept: Map<number, { segment: number }>;
  /** Refused, and a later append succeeded: must never appear again. */
  readonly voided: Set<number>;
  refused: number[];
  /** The request that each record carries; a sender repeats one that was refused. */
  readonly requests: Map<number, number>;
  /** Requests that senders will repeat, in order. */
  repeat: number[];
  lastRequest: number;
  /** Requests in the store, as often as it took them. */
  readonly stored: number[];
  appliedSeq: number;
  /** The checkpoint that must be there, and one that may be there instead. */
  checkpoint: number;
  checkpointMaybe: number;
  lastSeq: number;
  hadSyncError: boolean;
}

function payloadOf(rng: Rng, seq: number): Uint8Array[] {
  const hash = new Uint8Array(16).fill(seq & 0xff);
  const blocks = Array.from({ length: rng.between(0, 3) }, (_, i) => ({
    kind: "otel_logs",
    partition: 20_231_114 + i,
    rows: i,
    bytes: new Uint8Array(rng.below(rng.chance(0.1) ? 3_000 : 400)).fill((seq * 31 + i) & 0xff),
  }));
  return dataPayload({ timeMs: seq, writer: WRITER, hashes: [hash], blocks });
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

function recordReader(fs: FaultFs): (record: RecoveredRecord) => Uint8Array {
  const segments = new Map<number, Uint8Array>();
  return (record) => {
    let bytes = segments.get(record.segment);
    if (bytes === undefined) {
      bytes = fs.bytes(`${DIRECTORY}/${segmentName(record.segment)}`);
      segments.set(record.segment, bytes);
    }
    const found = readRecord(bytes, record.offset);
    if (found === undefined) throw new Error(`record ${record.seq} is not where recovery says`);
    return found.payload;
  };
}

/** Opens the log and checks it against the world. */
function start(world: World): SegmentLog {
  const { fs, kept, submitted, voided } = world;
  const log = openSegmentLog({ fs, directory: DIRECTORY, segmentBytesMax: 4_096, sync: true });
  const checkpoint = readCheckpoint(fs, DIRECTORY);
  if (checkpoint === "damaged") throw new Error("the checkpoint is damaged");
  const appliedSeq = checkpoint?.appliedSeq ?? 0;
  if (appliedSeq !== world.checkpoint && appliedSeq !== world.checkpointMaybe)
    throw new Error(`checkpoint says ${appliedSeq}, ${world.checkpoint} was written`);
  world.checkpoint = appliedSeq;
  world.checkpointMaybe = appliedSeq;
  const found = new Map(log.recovery.records.map((record) => [record.seq, record]));
  if (found.size !== log.recovery.records.length) throw new Error("a record was found twice");
  for (const seq of kept.keys())
    if (seq > world.appliedSeq && !found.has(seq)) throw new Error(`record ${seq} is lost`);
  const recordBytes = recordReader(fs);
  const present = new Set(world.stored);
  for (const record of found.values()) {
    const request = world.requests.get(record.seq) ?? -1;
    if (record.seq > world.appliedSeq) {
      if (present.has(request)) throw new Error(`request ${request} is there twice`);
      present.add(request);
    }
    const want = submitted.get(record.seq);
    if (want === undefined || Buffer.compare(recordBytes(record), want) !== 0)
      throw new Error(`record ${record.seq} is not what was written`);
    if (voided.has(record.seq) && record.seq > world.appliedSeq)
      throw new Error(`record ${record.seq} was refused and is there`);
    // What a start finds it applies, and its hash answers a resend: from here on it counts as acknowledged.
    if (!world.hadSyncError) kept.set(record.seq, { segment: record.segment });
  }
  if (log.recovery.lastSeq < Math.max(0, ...found.keys())) throw new Error("lastSeq is too low");
  // The hash window knows what is there; the rest is sent again.
  world.repeat = world.repeat.filter((request) => !present.has(request));
  world.lastSeq = Math.max(world.lastSeq, log.recovery.lastSeq, appliedSeq);
  return log;
}

function append(world: World, log: SegmentLog): void {
  const { rng, submitted, kept } = world;
  const entries = Array.from({ length: rng.between(1, 5) }, () => {
    const seq = ++world.lastSeq;
    const payload = payloadOf(rng, seq);
    submitted.set(seq, joined(payload));
    const again = rng.chance(0.5) ? world.repeat.shift() : undefined;
    world.requests.set(seq, again ?? ++world.lastRequest);
    return { seq, payload };
  });
  try {
    const places = log.append(entries);
    for (const { seq, segment } of places) kept.set(seq, { segment });
    for (const seq of world.refused) world.voided.add(seq);
    world.refused = [];
  } catch (error) {
    world.repeat.push(...entries.map(({ seq }) => world.requests.get(seq) ?? -1));
    if (error instanceof PowerLoss) throw error;
    world.refused.push(...entries.map((entry) => entry.seq));
  }
}

/** As the journal does it: the store takes the oldest records, then the checkpoint moves, then segments go. */
function checkpoint(world: World, log: SegmentLog): void {
  const { rng, fs, kept } = world;
  const waiting = [...kept.keys()].filter((seq) => seq > world.appliedSeq).sort((a, b) => a - b);
  const taken = waiting.slice(0, rng.below(waiting.length + 1));
  world.appliedSeq = Math.max(world.appliedSeq, ...taken);
  world.stored.push(...taken.map((seq) => world.requests.get(seq) ?? -1));
  const rest = waiting.slice(taken.length);
  const newest = Math.max(0, ...[...kept.values()].map((place) => place.segment));
  const keepFrom = Math.min(newest, ...rest.map((seq) => kept.get(seq)?.segment ?? 0));
  world.checkpointMaybe = world.appliedSeq;
  const hashes = taken.map((seq) => ({ hash: new Uint8Array(16).fill(seq), timeMs: seq }));
  writeCheckpoint(fs, DIRECTORY, { writer: WRITER, appliedSeq: world.appliedSeq, hashes });
  world.checkpoint = world.appliedSeq;
  log.dropBefore(keepFrom);
}

function live(world: World, log: SegmentLog): void {
  const { rng, fs } = world;
  if (rng.chance(0.3)) fs.faults.shortWrite = 0.3;
  if (rng.chance(0.2)) fs.faults.writeEio = 0.1;
  if (rng.chance(0.2)) fs.faults.syncEio = 0.1;
  world.hadSyncError ||= fs.faults.syncEio > 0;
  if (rng.chance(0.2)) fs.faults.quotaBytes = fs.usedBytes() + rng.below(10_000);
  fs.faults.powerLossAt = rng.between(1, 60);
  for (let step = 0; step < 30; step++) {
    if (rng.chance(0.15)) {
      try {
        checkpoint(world, log);
      } catch (error) {
        if (error instanceof PowerLoss) throw error;
      }
    } else if (rng.chance(0.05)) log.rotate();
    else append(world, log);
  }
}

function run(seed: number): void {
  const rng = createRng(seed);
  const world: World = {
    fs: new FaultFs(rng),
    rng,
    submitted: new Map(),
    kept: new Map(),
    voided: new Set(),
    refused: [],
    requests: new Map(),
    repeat: [],
    lastRequest: 0,
    stored: [],
    appliedSeq: 0,
    checkpoint: 0,
    checkpointMaybe: 0,
    lastSeq: 0,
    hadSyncError: false,
  };
  world.fs.makeDirectory("/data");
  world.fs.syncDirectory("/");
  for (let life = 0; life < 3; life++) {
    try {
      // Some lives end while they start.
      if (life > 0 && rng.chance(0.2)) world.fs.faults.powerLossAt = rng.between(1, 6);
      const log = start(world);
      live(world, log);
    } catch (error) {
      if (!(error instanceof PowerLoss)) throw error;
    }
    // A process that dies leaves the page cache behind; a machine that dies does not.
    if (rng.chance(0.25)) world.fs.restart();
    else world.fs.crash();
    world.refused = [];
  }
  start(world);
}

test(`power loss: ${ONE_SEED === undefined ? `${SEEDS} seeds` : `seed ${ONE_SEED}`}`, () => {
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
