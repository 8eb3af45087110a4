/** Chunks are read back by a reader that is written from the format's description, bit by bit. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { HistogramMessage } from "../remote-write/histogram-message.ts";
import { BitReader, readFloatHistogramChunk, readXorChunk } from "./chunk-reader-for-tests.ts";
import { BitWriter, writeVarbitInt, writeVarbitUint } from "./bit-writer.ts";
import { histogramChunks, xorChunks } from "./chunks.ts";

const words = (values: readonly number[]): Uint32Array =>
  new Uint32Array(Float64Array.from(values).buffer);

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer().map(Number),
  fc.constantFrom(0, -0, 1, 1e300, Number.POSITIVE_INFINITY, Number.MIN_VALUE),
);

test("what an XOR chunk is made of comes out of it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3_000_000 }), number), {
        minLength: 1,
        maxLength: 300,
      }),
      fc.integer({ min: -1_000_000, max: 2 ** 41 }),
      (samples, startMs) => {
        let at = startMs;
        const times = samples.map(([step]) => (at += step));
        const values = samples.map(([, value]) => value);
        const timeMs = Float64Array.from(times);
        const chunks = [...xorChunks(timeMs, words(values), { start: 0, end: times.length })];
        const read = chunks.flatMap(({ bytes }) => readXorChunk(bytes));
        expect(read.map(({ timeMs: time }) => time)).toEqual(times);
        expect(read.every(({ value }, i) => Object.is(value, values[i]))).toBe(true);
        expect(chunks[0]?.fromMs).toBe(times[0]);
        expect(chunks.at(-1)?.toMs).toBe(times.at(-1));
      },
    ),
  );
});

test("a marker keeps its bits", () => {
  const valueWords = Uint32Array.of(0, 0x3ff00000, 2, 0x7ff00000);
  const [chunk] = xorChunks(Float64Array.of(1000, 2000), valueWords, { start: 0, end: 2 });
  const read = readXorChunk(chunk?.bytes ?? new Uint8Array());
  expect(read.map(({ bits }) => bits)).toEqual([0x3ff0000000000000n, 0x7ff0000000000002n]);
});

test("numbers of few bits", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
      const out = new BitWriter(0);
      writeVarbitInt(out, a);
      writeVarbitUint(out, Math.abs(b));
      const reader = new BitReader(out.finish());
      expect(reader.varbitInt()).toBe(a);
      expect(reader.varbitUint()).toBe(Math.abs(b));
    }),
  );
});

const base: HistogramMessage = {
  timeMs: 1000,
  startMs: 0,
  schema: 1,
  resetHint: 0,
  zeroThreshold: 2 ** -128,
  zeroCount: 1,
  count: 10,
  sumWords: words([4.5]),
  positive: { gaps: [-2, 3], lengths: [2, 1], counts: [1, 2, 3] },
  negative: { gaps: [0], lengths: [1], counts: [3] },
  customValues: [],
};

test("histograms of one layout share a chunk", () => {
  const next = {
    ...base,
    timeMs: 16_000,
    count: 11,
    positive: { ...base.positive, counts: [1, 3, 3] },
  };
  const last = { ...next, timeMs: 30_500, zeroCount: 1.5, count: 11.5 };
  const chunks = [...histogramChunks([base, next, last])];
  expect(chunks).toHaveLength(1);
  const [chunk] = chunks;
  const read = readFloatHistogramChunk(chunk?.bytes ?? new Uint8Array());
  expect(read).toEqual({
    flags: 0,
    schema: 1,
    zeroThreshold: 2 ** -128,
    positive: [
      [2, -2],
      [1, 3],
    ],
    negative: [[1, 0]],
    customValues: [],
    samples: [
      [1000, 10, 1, 4.5, 1, 2, 3, 3],
      [16_000, 11, 1, 4.5, 1, 3, 3, 3],
      [30_500, 11.5, 1.5, 4.5, 1, 3, 3, 3],
    ],
  });
});

test("a reset, another layout and a marker begin a chunk", () => {
  const lower = {
    ...base,
    timeMs: 2000,
    count: 9,
    positive: { ...base.positive, counts: [1, 1, 3] },
  };
  const other = { ...base, timeMs: 3000, schema: 0 };
  const stale = { ...base, timeMs: 4000, sumWords: Uint32Array.of(2, 0x7ff00000) };
  const custom = {
    ...base,
    timeMs: 5000,
    schema: -53,
    zeroThreshold: 0,
    customValues: [0.25, 1, 1e9],
    negative: { gaps: [], lengths: [], counts: [] },
  };
  const chunks = [...histogramChunks([base, lower, other, stale, custom])];
  const read = chunks.map(({ bytes }) => readFloatHistogramChunk(bytes));
  expect(read.map(({ samples }) => samples.length)).toEqual([1, 1, 1, 1, 1]);
  expect(read[3]?.positive).toEqual([]);
  expect(read[4]?.customValues).toEqual([0.25, 1, 1e9]);
  const gauges = [
    { ...base, resetHint: 3 },
    { ...lower, resetHint: 3 },
  ];
  const [gauge, more] = [...histogramChunks(gauges)];
  expect([readFloatHistogramChunk(gauge?.bytes ?? new Uint8Array()).flags, more]).toEqual([
    0b11000000,
    undefined,
  ]);
});
