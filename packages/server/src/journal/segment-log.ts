/**
 * The append-only log under the journal: segments of framed records, synced before `append` returns.
 *
 * Rules: a file descriptor is never used again after a failed write or sync; records that may have reached the disk
 * although their senders were told they did not are listed in an abort record before anything else is acknowledged;
 * a damaged record costs itself only, because reading resumes at the next record that checks out.
 */
import { dirname } from "node:path";
import { assert } from "@triptych/model";
import { failpoint } from "../self/failpoint.ts";
import { type Fs, readFile } from "./fs.ts";
import {
  abortPayload,
  type FoundRecord,
  frameRecord,
  isCutShort,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  RecordType,
  readAbortPayload,
  readDataPayload,
  readRecord,
} from "./record.ts";

export interface RecordPlace {
  readonly seq: number;
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export interface RecoveredRecord extends RecordPlace {
  readonly writer: number;
  readonly timeMs: number;
  readonly hashes: readonly Uint8Array[];
}

export interface Damage {
  /** `torn`: a write cut short at the end of a segment, acknowledged to nobody. `damaged`: bytes changed afterwards. */
  readonly kind: "torn" | "damaged";
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface Recovery {
  /** Undamaged data records that were not aborted, in order of sequence. */
  readonly records: RecoveredRecord[];
  /** The highest sequence number seen anywhere, aborted and damaged included where readable. */
  readonly lastSeq: number;
  /** Stretches that are no records. The bytes of damaged ones were copied to `quarantine/`. */
  readonly damage: Damage[];
}

export interface AppendEntry {
  readonly seq: number;
  readonly payload: readonly Uint8Array[];
}

export interface SegmentLog {
  readonly recovery: Recovery;
  /** Writes and syncs the records. When it returns they survive power loss; when it throws none is acknowledged. */
  append(entries: readonly AppendEntry[]): RecordPlace[];
  /** Removes segments before `segment`; the caller's checkpoint says nothing in them is needed. */
  dropBefore(segment: number): void;
  /** Closes the segment in use and starts another with the next append. */
  rotate(): void;
  close(): void;
}

export const segmentName = (segment: number): string => `${String(segment).padStart(10, "0")}.wal`;

/** The segments in the directory, in order. Files that are not named exactly so are somebody else's. */
function segmentsIn(fs: Fs, directory: string): number[] {
  return fs
    .list(directory)
    .map((name) => ({ name, segment: Number.parseInt(name, 10) }))
    .filter(({ name, segment }) => segment >= 0 && segmentName(segment) === name)
    .map(({ segment }) => segment)
    .sort((a, b) => a - b);
}

interface Options {
  readonly fs: Fs;
  readonly directory: string;
  readonly segmentBytesMax: number;
  /** `os` leaves syncing to the operating system: a crash of the process loses nothing, of the machine something. */
  readonly sync: boolean;
}

/** Opens the log, reading every segment that is there. Never throws for damaged content. */
export function openSegmentLog(options: Options): SegmentLog {
  const { fs, directory } = options;
  fs.makeDirectory(directory);
  // The name of the directory must be as durable as what will be in it.
  if (options.sync) fs.syncDirectory(dirname(directory));
  const segments = segmentsIn(fs, directory);
  settle(options, segments);
  const recovery = recover(options, segments);
  let next = (segments.at(-1) ?? 0) + 1;
  let open: { fd: number; segment: number; size: number } | undefined;
  /** Sequence numbers to be listed in an abort record before anything else is written. */
  let voided: number[] = [];

  const start = (): { fd: number; segment: number; size: number } => {
    const segment = next++;
    const fd = fs.openAppend(`${directory}/${segmentName(segment)}`);
    failpoint("wal.segment_created");
    fs.syncDirectory(directory);
    open = { fd, segment, size: 0 };
    return open;
  };
  const seal = (): void => {
    if (open === undefined) return;
    const { fd } = open;
    open = undefined;
    fs.close(fd);
  };
  const fail = (entries: readonly AppendEntry[]): void => {
    voided.push(...entries.map((entry) => entry.seq));
    const failed = open;
    open = undefined;
    if (failed === undefined) return;
    try {
      // Best effort: the abort record is what counts.
      fs.truncate(failed.fd, failed.size);
      fs.close(failed.fd);
      // A disk that stays full would otherwise fill the directory with empty files.
      if (failed.size === 0) fs.remove(`${directory}/${segmentName(failed.segment)}`);
    } catch {
      // The descriptor is given up in any case.
    }
  };

  return {
    recovery,
    append(entries) {
      const places: RecordPlace[] = [];
      try {
        if (open !== undefined && open.size >= options.segmentBytesMax) seal();
        const target = open ?? start();
        const parts: Uint8Array[] = [];
        let at = target.size;
        const put = (
          record: { type: number; seq: number },
          payload: readonly Uint8Array[],
        ): RecordPlace => {
          const framed = frameRecord(record, payload);
          let length = 0;
          for (const part of framed) length += part.length;
          parts.push(...framed);
          at += length;
          return { seq: record.seq, segment: target.segment, offset: at - length, length };
        };
        if (voided.length > 0) {
          // On its own: of one write, power loss may keep the new record and lose what voids the old one.
          put({ type: RecordType.abort, seq: 0 }, [abortPayload(voided)]);
          writeAll(fs, target.fd, parts.splice(0));
          if (options.sync) fs.sync(target.fd);
          target.size = at;
          voided = [];
        }
        for (const { seq, payload } of entries)
          places.push(put({ type: RecordType.data, seq }, payload));
        failpoint("wal.before_write");
        writeAll(fs, target.fd, parts);
        failpoint("wal.before_sync");
        if (options.sync) fs.sync(target.fd);
        failpoint("wal.after_sync");
        target.size = at;
      } catch (error) {
        fail(entries);
        throw error;
      }
      return places;
    },
    dropBefore(segment) {
      for (const number of segmentsIn(fs, directory)) {
        if (number >= segment || number === open?.segment) continue;
        failpoint("wal.segment_delete");
        fs.remove(`${directory}/${segmentName(number)}`);
      }
    },
    rotate: seal,
    close: seal,
  };
}

/** IOV_MAX is 1,024 on Linux. */
const PARTS_PER_WRITE = 1_000;

function writeAll(fs: Fs, fd: number, parts: readonly Uint8Array[]): void {
  for (let i = 0; i < parts.length; i += PARTS_PER_WRITE) {
    let rest = parts.slice(i, i + PARTS_PER_WRITE).filter((part) => part.length > 0);
    while (rest.length > 0) {
      let written = fs.write(fd, rest);
      if (written === 0) throw Object.assign(new Error("the disk took no bytes"), { code: "EIO" });
      if (i === 0) failpoint("wal.mid_write");
      const left: Uint8Array[] = [];
      for (const part of rest) {
        if (written >= part.length) written -= part.length;
        else {
          left.push(part.subarray(written));
          written = 0;
        }
      }
      rest = left;
    }
  }
}

function recover(options: Options, segments: readonly number[]): Recovery {
  const records: RecoveredRecord[] = [];
  const damage: Damage[] = [];
  const aborted = new Set<number>();
  let lastSeq = 0;
  for (const segment of segments) {
    const bytes = readSegment(options, segment);
    let at = 0;
    while (at < bytes.length) {
      const record = readRecord(bytes, at);
      const content = record === undefined ? undefined : contentOf(record);
      if (record === undefined || content === undefined) {
        const resume = nextRecord(bytes, at + 1);
        const torn = resume === bytes.length && isCutShort(bytes, at);
        damage.push({ kind: torn ? "torn" : "damaged", segment, offset: at, bytes: resume - at });
        if (!torn) quarantine(options, segment, bytes.subarray(at, resume), at);
        at = resume;
        continue;
      }
      lastSeq = Math.max(lastSeq, record.seq);
      if (content.kind === "abort") for (const seq of content.seqs) aborted.add(seq);
      else
        records.push({ ...content, seq: record.seq, segment, offset: at, length: record.length });
      at += record.length;
    }
  }
  for (const seq of aborted) lastSeq = Math.max(lastSeq, seq);
  return {
    records: records.filter((record) => !aborted.has(record.seq)).sort((a, b) => a.seq - b.seq),
    lastSeq,
    damage,
  };
}

type Content =
  | { readonly kind: "abort"; readonly seqs: readonly number[] }
  | ({ readonly kind: "data" } & Pick<RecoveredRecord, "timeMs" | "writer" | "hashes">);

/** What a record says; undefined when its checksum is right and its content is still not ours. */
function contentOf(record: FoundRecord): Content | undefined {
  try {
    if (record.type === RecordType.abort)
      return { kind: "abort", seqs: readAbortPayload(record.payload) };
    if (record.type !== RecordType.data) return undefined;
    const { timeMs, writer, hashes } = readDataPayload(record.payload);
    return { kind: "data", timeMs, writer, hashes };
  } catch {
    return undefined;
  }
}

function readSegment({ fs, directory }: Options, segment: number): Uint8Array {
  return readFile(fs, `${directory}/${segmentName(segment)}`);
}

/**
 * A process that died may have left records in the page cache only. From here on their hashes answer resends, so they
 * must be as durable as acknowledged ones. A disk that cannot sync must not stop the start.
 */
function settle({ fs, directory, sync }: Options, segments: readonly number[]): void {
  if (!sync) return;
  for (const segment of segments) {
    try {
      const fd = fs.openRead(`${directory}/${segmentName(segment)}`);
      try {
        fs.sync(fd);
      } finally {
        fs.close(fd);
      }
    } catch (error) {
      if (error instanceof Error && !("code" in error)) throw error;
    }
  }
  fs.syncDirectory(directory);
}

/** Offset of the next whole record at or after `from`, or the end. */
function nextRecord(bytes: Uint8Array, from: number): number {
  const first = RECORD_MAGIC & 0xff;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + RECORD_HEADER_BYTES > bytes.length) break;
    const found = readRecord(bytes, at);
    if (found !== undefined && contentOf(found) !== undefined) return at;
  }
  return bytes.length;
}

/** Copies damaged bytes aside, once, for whoever wants to look. Failure to do so must not stop the start. */
function quarantine(options: Options, segment: number, bytes: Uint8Array, offset: number): void {
  const { fs } = options;
  const directory = `${options.directory}/quarantine`;
  const name = `${String(segment).padStart(10, "0")}-${offset}.bin`;
  try {
    fs.makeDirectory(directory);
    if (fs.list(directory).includes(name)) return;
    const fd = fs.openAppend(`${directory}/${name}`);
    try {
      assert(bytes.length > 0, "damage has bytes");
      fs.write(fd, [bytes]);
    } finally {
      fs.close(fd);
    }
  } catch {
    // Reported through `damage` already.
  }
}
