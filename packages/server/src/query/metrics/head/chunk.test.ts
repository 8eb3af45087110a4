/** Chunks against plain arrays: what was written or put later is read back, bit for bit, in any range. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CHUNK_SAMPLES_MAX, growChunk, isFilled, pageOf, readChunk, writeChunk } from "./chunk.ts";
import { type Page, Pages } from "./pages.ts";

const T = 1_700_000_000_000;

const shape = fc.record({
  seed: fc.nat(),
  first: fc.integer({ min: 2, max: 40 }),
  pieces: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
  stepMs: fc.constantFrom(1, 1_000, 15_000),
  waverMs: fc.constantFrom(0, 0, 100, 20_000),
  /** How far values jump, and whether they are whole. */
  jump: fc.constantFrom(0, 50, 5_000, 1e9, 0.5),
});

function samplesLike(
  count: number,
  { seed, stepMs, waverMs, jump }: { seed: number; stepMs: number; waverMs: number; jump: number },
) {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const timeMs = new Float64Array(count);
  const value = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const before = i === 0 ? T : (timeMs[i - 1] as number) + 1;
    timeMs[i] = Math.max(before, T + i * stepMs + Math.floor(random() * waverMs));
    const by = jump < 1 ? random() : Math.floor((random() - 0.2) * jump);
    value[i] = (i === 0 ? 0 : (value[i - 1] as number)) + by;
    if (random() < 0.002) value[i] = -0;
  }
  return { timeMs, value };
}

test("a chunk that grew gives what it was given", () => {
  fc.assert(
    fc.property(shape, fc.nat(400), fc.nat(400), (given, after, length) => {
      const total = given.pieces.reduce((sum, n) => sum + n, given.first);
      const samples = samplesLike(total, given);
      const pages = new Pages();
      const address = writeChunk(pages, -1, samples, { from: 0, to: given.first, grows: true });
      // What lies behind must not be touched.
      const behind = writeChunk(pages, address, samples, { from: 0, to: given.first });
      const page = pageOf(pages.current, address) as Page;
      let count = given.first;
      for (const n of given.pieces) {
        if (!growChunk(page, address, samples, { from: count, to: count + n })) break;
        count += n;
      }
      expect(count).toBeLessThanOrEqual(Math.max(given.first, CHUNK_SAMPLES_MAX));
      if (count === CHUNK_SAMPLES_MAX) expect(isFilled(page, address)).toBe(true);
      const afterMs = T + (after - 20) * given.stepMs;
      const toMs = afterMs + length * given.stepMs;
      for (const one of [
        { address, count },
        { address: behind, count: given.first },
      ])
        expect(read(page, one.address, { afterMs, toMs })).toEqual(
          within(samples, one.count, { afterMs, toMs }),
        );
    }),
    { numRuns: 500 },
  );
});

interface Range {
  readonly afterMs: number;
  readonly toMs: number;
}

function read(page: Page, address: number, range: Range): [number, number][] {
  const out = { timeMs: new Float64Array(400), value: new Float64Array(400) };
  const end = readChunk(page, address, out, { to: 3, ...range });
  return within({ timeMs: out.timeMs.subarray(3), value: out.value.subarray(3) }, end - 3, range);
}

function within(
  { timeMs, value }: { readonly timeMs: Float64Array; readonly value: Float64Array },
  count: number,
  { afterMs, toMs }: Range,
): [number, number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    const t = timeMs[i] as number;
    if (t > afterMs && t <= toMs) out.push([t, value[i] as number]);
  }
  return out;
}
