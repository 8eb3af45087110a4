/** What the log does when writes fail, and how records are framed. */
import { createRng, FaultFs } from "@triptych/testkit";
import { describe, expect, test } from "vitest";
import {
  abortPayload,
  type DataRecord,
  dataPayload,
  frameRecord,
  isCutShort,
  RecordType,
  readAbortPayload,
  readDataPayload,
  readRecord,
} from "./record.ts";
import { openSegmentLog, segmentName } from "./segment-log.ts";

const DIRECTORY = "/journal";
const open = (fs: FaultFs, segmentBytesMax = 1 << 20) =>
  openSegmentLog({ fs, directory: DIRECTORY, segmentBytesMax, sync: true });
const entry = (seq: number, size = 100) => ({ seq, payload: dataPayload(record(size)) });
const record = (size: number): DataRecord => ({
  timeMs: 1_700_000_000_000.25,
  writer: 0xffff_ffff,
  hashes: [],
  blocks: [{ kind: "k", partition: 0, rows: 0xffff_ffff, bytes: new Uint8Array(size).fill(7) }],
});
const walFiles = (fs: FaultFs) => fs.list(DIRECTORY).filter((name) => name.endsWith(".wal"));
const seqs = (fs: FaultFs) => open(fs).recovery.records.map(({ seq }) => seq);

describe("framing", () => {
  const check = (name: string, data: DataRecord, seq: number) =>
    test(name, () => {
      const bytes = Uint8Array.from(
        Buffer.concat([
          Buffer.alloc(3),
          ...frameRecord({ type: RecordType.data, seq }, dataPayload(data)),
        ]),
      );
      const found = readRecord(bytes, 3);
      expect(found).toMatchObject({ seq, offset: 3, length: bytes.length - 3 });
      expect(readDataPayload(found?.payload ?? new Uint8Array(0))).toEqual(data);
      for (let cut = 3; cut < bytes.length; cut++) {
        expect(readRecord(bytes.subarray(0, cut), 3)).toBeUndefined();
        expect(isCutShort(bytes.subarray(0, cut), 3)).toBe(true);
      }
    });
  check("empty", { timeMs: 0, writer: 0, hashes: [], blocks: [] }, 1);
  check("no bytes in a block", record(0), 2);
  check("largest sequence number", record(10), Number.MAX_SAFE_INTEGER);
  check(
    "several of everything",
    {
      timeMs: -1,
      writer: 1,
      hashes: [new Uint8Array(16).fill(1), new Uint8Array(16).fill(255)],
      blocks: [
        { kind: "otel_logs", partition: 20_231_114, rows: 1, bytes: new Uint8Array([1, 2]) },
        { kind: "ä", partition: 0xffff_ffff, rows: 0, bytes: new Uint8Array(0) },
        { kind: "otel_logs", partition: 20_231_115, rows: 2, bytes: new Uint8Array([3]) },
      ],
    },
    3,
  );
  test("abort", () => {
    expect(readAbortPayload(abortPayload([1, 2 ** 40, 3]))).toEqual([1, 2 ** 40, 3]);
  });
});

describe("failing writes", () => {
  const refused = (name: string, arrange: (fs: FaultFs) => void, code: string) =>
    test(name, () => {
      const fs = new FaultFs(createRng(5));
      const log = open(fs);
      log.append([entry(1)]);
      arrange(fs);
      for (let seq = 2; seq < 40; seq++)
        expect(() => log.append([entry(seq)])).toThrow(expect.objectContaining({ code }));
      const during = walFiles(fs).length;
      fs.restart();
      log.append([entry(40)]);
      expect(seqs(fs)).toEqual([1, 40]);
      expect(during, "failed attempts leave no files behind").toBeLessThan(4);
      fs.crash();
      expect(seqs(fs)).toEqual([1, 40]);
    });
  refused(
    "a full disk",
    (fs) => {
      fs.faults.quotaBytes = fs.usedBytes() + 50;
    },
    "ENOSPC",
  );
  refused(
    "writes that fail",
    (fs) => {
      fs.faults.writeEio = 1;
    },
    "EIO",
  );
  refused(
    "syncs that fail",
    (fs) => {
      fs.faults.syncEio = 1;
    },
    "EIO",
  );
  test("short writes are carried on", () => {
    const fs = new FaultFs(createRng(5));
    const log = open(fs);
    fs.faults.shortWrite = 1;
    for (let seq = 1; seq < 20; seq++) log.append([entry(seq, 1_000)]);
    fs.crash();
    expect(seqs(fs)).toHaveLength(19);
  });
});

test("segments begin at the bound, and go when nothing in them is needed", () => {
  const fs = new FaultFs(createRng(5));
  const log = open(fs, 1_000);
  const places = Array.from({ length: 40 }, (_, i) => log.append([entry(i + 1)])[0]);
  const segments = [...new Set(places.map((place) => place?.segment))];
  expect(segments).toEqual([1, 2, 3, 4, 5, 6]);
  log.dropBefore(4);
  expect(walFiles(fs)).toEqual(["0000000004.wal", "0000000005.wal", "0000000006.wal"]);
  log.dropBefore(100);
  expect(walFiles(fs), "the one in use stays").toEqual(["0000000006.wal"]);
  log.append([entry(41)]);
  log.close();
  expect(seqs(fs).at(-1)).toBe(41);
});

test("no descriptor stays open", () => {
  const fs = new FaultFs(createRng(5));
  const log = open(fs, 500);
  for (let seq = 1; seq < 20; seq++) log.append([entry(seq)]);
  fs.faults.syncEio = 1;
  expect(() => log.append([entry(20)])).toThrow();
  fs.faults.syncEio = 0;
  log.append([entry(21)]);
  log.close();
  expect(fs.openFiles()).toBe(0);
});

test("many segments open", () => {
  const fs = new FaultFs(createRng(5));
  fs.makeDirectory(DIRECTORY);
  for (let i = 0; i < 150_000; i++) fs.close(fs.openAppend(`${DIRECTORY}/${segmentName(i)}`));
  expect(() => open(fs)).not.toThrow();
});
