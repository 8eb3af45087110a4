/** What is remembered of series between requests changes nothing but the time they take. */
import { defaultLimits, type SampleBatch } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { type DecodedRemoteWrite, decodeRemoteWrite, type RemoteWriteVersion } from "./decode.ts";
import { encodeVersion1, encodeVersion2, type TestSeries } from "./encode-for-tests.ts";
import { KeyIndex } from "./key-index.ts";
import { createSeriesCache, type SeriesCache } from "./known-series.ts";
import { exemplarRows, histogramRows, sampleRows } from "./rows-for-tests.ts";

const NOW = 1_700_000_000_000;
const versions: readonly RemoteWriteVersion[] = ["1.0", "2.0"];
const limits = { ...defaultLimits, labelsPerSeriesMax: 6, labelValueBytesMax: 40 as 1_000 };

function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Mostly good series, out of order, with labels that are refused among them. */
function randomSeries(random: (n: number) => number): TestSeries {
  const labels: [string, string][] = [["__name__", `m${random(4)}`]];
  for (let n = random(8); n > 0; n--)
    labels.push([`l${random(9)}`, "v".repeat(random(60) === 0 ? 41 : random(9))]);
  if (random(9) === 0) labels.shift();
  if (random(3) === 0) labels.reverse();
  const samples = Array.from({ length: random(4) }, (): [number, number] => [
    random(20) === 0 ? -1 : NOW + random(60_000),
    random(9) === 0 ? Number.NaN : random(1_000) / 8,
  ]);
  const exemplars =
    random(5) === 0
      ? [{ labels: [["trace_id", "abc"]] as [string, string][], value: 1, timeMs: NOW }]
      : [];
  return { labels, samples, exemplars };
}

const encode = (version: RemoteWriteVersion, series: readonly TestSeries[]): Uint8Array =>
  version === "1.0" ? encodeVersion1(series) : encodeVersion2(series);

const stepsOf = (body: Uint8Array, version: RemoteWriteVersion, known?: SeriesCache) =>
  decodeRemoteWrite(body, version, {
    limits,
    nowMs: NOW,
    ...(known === undefined ? {} : { known }),
  });

function hashes({ series, samples }: SampleBatch): string[] {
  return Array.from({ length: samples.rows }, (_, row) => {
    const at = samples.series[row] as number;
    return `${series.hashHigh[at]} ${series.hashLow[at]}`;
  });
}

function shown({ batch, rejected, reason, rejections }: DecodedRemoteWrite): unknown {
  const rows = [sampleRows(batch), histogramRows(batch), exemplarRows(batch), hashes(batch)];
  return { rows, rejected, reason, rejections: [...rejections], metadata: batch.metadata };
}

function outcome(steps: () => Generator<void, DecodedRemoteWrite>): unknown {
  try {
    return shown(drain(steps()));
  } catch (error) {
    return String(error);
  }
}

describe.each(versions)("remote write %s", (version) => {
  test("400 requests give what each gives alone, also damaged ones and with little room", () => {
    const random = randomOf(7);
    const pool = Array.from({ length: 60 }, () => randomSeries(random));
    for (const bytesMax of [64 * 1024 * 1024, 12_000]) {
      const known = createSeriesCache(limits, bytesMax);
      for (let request = 0; request < 200; request++) {
        const from = random(40);
        const series = pool.slice(from, from + random(20));
        if (random(3) === 0) series.push(randomSeries(random));
        const body = encode(version, series);
        if (random(4) === 0 && body.length > 0)
          for (let n = random(4); n >= 0; n--) body[random(body.length)] = random(256);
        expect(outcome(() => stepsOf(body, version, known))).toEqual(
          outcome(() => stepsOf(body, version)),
        );
      }
    }
  });

  test("requests that are read at the same time do not mix", () => {
    const random = randomOf(11);
    const known = createSeriesCache(limits);
    const bodies = [0, 1, 2].map(() =>
      encode(
        version,
        Array.from({ length: 4_000 }, () => randomSeries(random)),
      ),
    );
    const running = bodies.map((body) => stepsOf(body, version, known));
    const done: unknown[] = [];
    while (done.filter((one) => one !== undefined).length < bodies.length)
      for (const [i, steps] of running.entries()) {
        const step = done[i] === undefined ? steps.next() : undefined;
        if (step?.done === true) done[i] = shown(step.value);
      }
    expect(done).toEqual(bodies.map((body) => outcome(() => stepsOf(body, version))));
  });

  test("a series is read once, and is the same row in each request", () => {
    const known = createSeriesCache(limits);
    const series: TestSeries[] = ["a", "b", "c"].map((value) => ({
      labels: [
        ["__name__", "up"],
        ["instance", value],
      ],
      samples: [[NOW, 1]],
    }));
    const body = encode(version, series);
    const first = drain(stepsOf(body, version, known)).batch;
    const second = drain(stepsOf(body, version, known)).batch;
    expect(second.series).toBe(first.series);
    expect(second.series.rows).toBe(3);
    expect([...second.samples.series.slice(0, 3)]).toEqual([0, 1, 2]);
  });

  test("a table that is too large is left to the batches that refer to it", () => {
    const known = createSeriesCache(limits, 50_000);
    const random = randomOf(3);
    const tables = new Set<unknown>();
    for (let request = 0; request < 50; request++) {
      const series: TestSeries[] = Array.from({ length: 40 }, () => ({
        labels: [
          ["__name__", "churn"],
          ["id", String(random(1e9))],
        ],
        samples: [[NOW, 1]],
      }));
      const { batch } = drain(stepsOf(encode(version, series), version, known));
      expect(batch.series.bytes).toBeLessThan(200_000);
      tables.add(batch.series);
    }
    expect(tables.size).toBeGreaterThan(1);
  });
});

test("a label whose tag is written too long is a label", () => {
  const known = createSeriesCache(limits);
  const good = encodeVersion1([
    {
      labels: [
        ["__name__", "up"],
        ["a", "b"],
      ],
      samples: [[NOW, 1]],
    },
  ]);
  drain(stepsOf(good, "1.0", known));
  // The same message, where a second label with the same name follows the known ones, its tag in two bytes.
  const label = [0x8a, 0x00, 6, 10, 1, 0x61, 18, 1, 0x63];
  const end = good.length - 18;
  const longer = Uint8Array.from([...good.slice(0, end), ...label, ...good.slice(end)]);
  longer[1] = (longer[1] as number) + label.length;
  const { batch, rejections } = drain(stepsOf(longer, "1.0", known));
  expect([batch.rows, ...rejections]).toEqual([0, ["label_invalid", 1]]);
});

test("keys are found by their bytes, wherever those are", () => {
  const index = new KeyIndex();
  const keys = Array.from({ length: 5_000 }, (_, i) =>
    new TextEncoder().encode(`key number ${i}${"x".repeat(i % 7)}`),
  );
  for (const [row, key] of keys.entries()) index.add(new DataView(key.buffer), 0, key.length, row);
  let found = 0;
  for (const [row, key] of keys.entries()) {
    const moved = new Uint8Array(key.length + 3);
    moved.set(key, 3);
    const entry = index.find(new DataView(moved.buffer), 3, key.length);
    if (entry >= 0) {
      expect(index.row(entry)).toBe(row);
      found++;
    }
    expect(index.find(new DataView(moved.buffer), 2, key.length)).toBe(-1);
  }
  expect(found).toBeGreaterThan(4_990);
});
