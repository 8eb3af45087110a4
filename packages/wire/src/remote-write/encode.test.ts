/** What we send by remote write is what a receiver reads, in both versions. */
import { defaultLimits } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { decodeRemoteWrite, type RemoteWriteVersion } from "./decode.ts";
import { encodeRemoteWrite, encodeRemoteWriteMetadata, type WriteSeries } from "./encode.ts";
import type { HistogramMessage } from "./histogram-message.ts";
import { exemplarRows, histogramRows, sampleRows } from "./rows-for-tests.ts";

const NOW = 1_700_000_000_000;
const versions: readonly RemoteWriteVersion[] = ["1.0", "2.0"];
const decode = (version: RemoteWriteVersion, body: Uint8Array) =>
  drain(decodeRemoteWrite(body, version, { limits: defaultLimits, nowMs: NOW }));
const name = (value: string): [string, string] => ["__name__", value];

function words(values: readonly number[]): number[] {
  return [...new Uint32Array(Float64Array.from(values).buffer)];
}
const STALE = [2, 0x7ff00000];

function series(given: Partial<WriteSeries> & Pick<WriteSeries, "labels">): WriteSeries {
  return { timeMs: [], startMs: [], valueWords: [], histograms: [], exemplars: [], ...given };
}

const histogram: HistogramMessage = {
  timeMs: NOW,
  startMs: 0,
  schema: 3,
  resetHint: 2,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 12,
  sumWords: Uint32Array.from(words([18.4])),
  positive: { gaps: [-1, 2], lengths: [2, 1], counts: [1, 3, 4] },
  negative: { gaps: [0], lengths: [1], counts: [2] },
  customValues: [],
};

describe.each(versions)("remote write %s", (version) => {
  const send = (...all: readonly WriteSeries[]) => decode(version, encodeRemoteWrite(version, all));

  test("samples with their bits, in order", () => {
    const { batch, rejected } = send(
      series({
        labels: [name("up"), ["job", "é"]],
        timeMs: [NOW - 2000, NOW - 1000, NOW, NOW + 1],
        startMs: [0, 0, 0, 0],
        valueWords: [...words([0, -1.5]), ...STALE, ...words([Number.POSITIVE_INFINITY])],
      }),
      series({
        labels: [name("x".repeat(200))],
        timeMs: [1],
        startMs: [0],
        valueWords: words([1]),
      }),
    );
    expect(rejected).toBe(0);
    expect(sampleRows(batch)).toEqual([
      `up{job="é"} 0 @${NOW - 2000}`,
      `up{job="é"} -1.5 @${NOW - 1000}`,
      `up{job="é"} stale @${NOW}`,
      `up{job="é"} Infinity @${NOW + 1}`,
      `${"x".repeat(200)} 1 @1`,
    ]);
  });

  test("histograms of whole and of broken counts", () => {
    const broken = { ...histogram, timeMs: NOW + 1, count: 12.5, zeroCount: 2.5 };
    const { batch, reason } = send(
      series({ labels: [name("h")], histograms: [histogram, broken] }),
    );
    expect(reason).toBe("");
    const rest = "schema=3 zero=2/0.001 hint=2 positive -1:2 2:1 [1 3 4] negative 0:1 [2]";
    expect(histogramRows(batch)).toEqual([
      `h count=12 sum=18.4 ${rest} @${NOW}`,
      `h count=12.5 sum=18.4 ${rest.replace("zero=2", "zero=2.5")} @${NOW + 1}`,
    ]);
  });

  test("exemplars", () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const { batch } = send(
      series({
        labels: [name("a")],
        timeMs: [NOW],
        startMs: [0],
        valueWords: words([1]),
        exemplars: [
          {
            labels: [
              ["trace_id", trace],
              ["x", "y"],
            ],
            value: 0.25,
            timeMs: NOW,
          },
        ],
      }),
    );
    expect(exemplarRows(batch)).toEqual([
      `a 0.25 @${NOW} trace=${trace} span=0000000000000000 x=y`,
    ]);
  });

  test("nothing", () => expect(encodeRemoteWrite(version, []).length).toBeLessThan(4));
});

test("2.0 carries start times, custom bounds and metadata with the series", () => {
  const custom: HistogramMessage = {
    ...histogram,
    startMs: NOW - 5000,
    schema: -53,
    resetHint: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 5,
    positive: { gaps: [0], lengths: [3], counts: [1, 2, 2] },
    negative: { gaps: [], lengths: [], counts: [] },
    customValues: [0.5, 1],
  };
  const metadata = { family: "a", type: "counter", help: "Help.", unit: "s" };
  const body = encodeRemoteWrite("2.0", [
    series({
      labels: [name("a_total")],
      timeMs: [NOW],
      startMs: [NOW - 1000],
      valueWords: words([1]),
      metadata,
    }),
    series({ labels: [name("h")], histograms: [custom] }),
  ]);
  const { batch } = decode("2.0", body);
  expect(sampleRows(batch)).toEqual([`a_total 1 @${NOW} from ${NOW - 1000}`]);
  expect(histogramRows(batch)[0]).toContain("custom [0.5 1]");
  expect(histogramRows(batch)[0]).toContain(`from ${NOW - 5000}`);
  expect(batch.metadata).toEqual([
    expect.objectContaining({ type: "counter", help: "Help.", unit: "s" }),
  ]);
});

test("1.0 sends metadata by itself", () => {
  const { batch } = decode(
    "1.0",
    encodeRemoteWriteMetadata([{ family: "a", type: "gauge", help: "Help.", unit: "" }]),
  );
  expect(batch.metadata).toEqual([{ family: "a", type: "gauge", help: "Help.", unit: "" }]);
});
