/**
 * Prometheus' own scripts of which series have floats and native histograms, read from the store alone and from the head
 * before it: what comes out of memory must come out of these, too.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Histogram, type LoadedSample, runPromqlTest, type TestStore } from "@triptych/lang";
import { SampleBatch, Temporality } from "@triptych/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { partMatcher } from "../../regex/regex.ts";
import {
  createTestClock,
  openTestStore,
  type TestStore as Database,
} from "../../store/store-for-tests.ts";
import { promqlSource } from "../promql/source.ts";
import { createHead } from "./head/head.ts";
import { createHeadSource } from "./head/head-source.ts";
import { createStoreSource, type MetricsSource } from "./source.ts";

const root = fileURLToPath(new URL("../../../../..", import.meta.url));
const published = join(
  root,
  "../shared/conformance/prometheus-promql-v3.14.0/promql/promqltest/testdata",
);
const clock = createTestClock(10 * 3_600_000);
const WINDOW = { windowMs: 100 * 3_600_000, bytesMax: 64 * 2 ** 20 };
/** The head knows what came later than this; scripts begin at 0. */
const HEAD_FROM_MS = 7 * 60_000;

const HINTS: readonly Histogram["hint"][] = ["unknown", "reset", "not_reset", "gauge"];

function batchOf(loaded: TestStore, wanted: (sample: LoadedSample) => boolean): SampleBatch {
  const batch = new SampleBatch();
  for (const { labels, samples } of loaded.all()) {
    for (const [name, value] of labels.pairs) batch.series.addLabelText(name, value);
    const row = batch.series.end(Temporality.cumulative);
    for (const { timeMs, value } of samples.filter(wanted)) {
      if (typeof value === "number") addFloat(batch, { row, timeMs, value });
      else addHistogram(batch, { row, timeMs, histogram: value });
    }
  }
  return batch;
}

function addFloat(
  { samples }: SampleBatch,
  { row, timeMs, value }: { row: number; timeMs: number; value: number },
): void {
  const words = new Uint32Array(Float64Array.of(value).buffer);
  if (words[0] === 2 && words[1] === 0x7ff00000) samples.addStale(row, timeMs, 0);
  else samples.add(row, timeMs, 0, value);
}

function addHistogram(
  { histograms }: SampleBatch,
  given: { row: number; timeMs: number; histogram: Histogram },
): void {
  const { histogram } = given;
  const at = histograms.addRow(given.row, given.timeMs, 0);
  histograms.schema[at] = histogram.schema;
  histograms.resetHint[at] = HINTS.indexOf(histogram.hint);
  histograms.zeroThreshold[at] = histogram.zeroThreshold;
  histograms.zeroCount[at] = histogram.zeroCount;
  histograms.count[at] = histogram.count;
  histograms.sum[at] = histogram.sum;
  for (const [side, spans, counts] of [
    [histogram.positive, histograms.positiveSpans, histograms.positiveCounts],
    [histogram.negative, histograms.negativeSpans, histograms.negativeCounts],
  ] as const) {
    let next = 0;
    for (const [i, index] of side.index.entries()) {
      spans.push(index - next, 1);
      counts.push(side.count[i] as number);
      next = index + 1;
    }
  }
  for (const bound of histogram.customValues) histograms.customValues.push(bound);
  histograms.endRow();
}

/** The parts of a script, each of which begins with nothing loaded, that have a series of both kinds. */
function mixedParts(script: string): string {
  const isMixed = /^\s+\S.*(?:\}\}(?:x\d+)? +-?[\d.]|\d +\{\{)/m;
  return script
    .split(/^clear\s*$/m)
    .filter((part) => isMixed.test(part))
    .join("\nclear\n");
}

/** Queries whose answer is another on purpose, with the reason; the list may only shrink. */
const exceptions = JSON.parse(
  readFileSync(join(root, "corpus/promql/stored-exceptions.json"), "utf8"),
) as Readonly<Record<string, string>>;

describe("from the store and the head", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openTestStore(clock);
  });
  afterAll(() => database.close());

  /** Each load is written anew: scripts are small. */
  function sourceOf(create: (store: MetricsSource, loaded: TestStore) => MetricsSource) {
    let known: TestStore | undefined;
    let version = -1;
    let source: MetricsSource | undefined;
    return async (loaded: TestStore) => {
      if (source === undefined || known !== loaded || version !== loaded.version) {
        known = loaded;
        version = loaded.version;
        await database.clearMetrics();
        await database.put(batchOf(loaded, () => true));
        source = create(createStoreSource(database.engine), loaded);
      }
      return promqlSource(source, {});
    };
  }
  const ways = {
    store: (store: MetricsSource) => store,
    head: (store: MetricsSource, loaded: TestStore) => {
      const head = createHead(WINDOW, HEAD_FROM_MS);
      head.append(
        batchOf(loaded, ({ timeMs }) => timeMs > HEAD_FROM_MS),
        clock.nowMs(),
      );
      return createHeadSource(store, head);
    },
  };
  const names = ["native_histograms.test"];
  const scripts = names.map((name) => join(published, name)).filter((file) => existsSync(file));
  test.skipIf(scripts.length > 0)("skipped: ../shared/conformance is not there", () => {
    expect(scripts).toEqual([]);
  });
  for (const [name, create] of Object.entries(ways))
    for (const file of scripts)
      test(`${basename(file)} from the ${name}`, { timeout: 120_000 }, async () => {
        const outcomes = await runPromqlTest(mixedParts(readFileSync(file, "utf8")), {
          compileRegex,
          matchesPart: (pattern, text) => partMatcher(pattern)(text),
          sourceOf: sourceOf(create),
        });
        expect(outcomes.length).toBeGreaterThan(0);
        const failed = outcomes.filter(({ failure }) => failure !== undefined);
        expect(failed.filter(({ query }) => exceptions[query] === undefined)).toEqual([]);
        const queries = failed.map(({ query }) => query);
        expect(Object.keys(exceptions).filter((query) => !queries.includes(query))).toEqual([]);
      });
});
