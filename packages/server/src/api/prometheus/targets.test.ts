import { TriptychError } from "@triptych/model";
import { describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { poolsForTests as view } from "./pools-for-tests.ts";
import {
  relabelStepsAnswer,
  scrapePoolConfigAnswer,
  scrapePoolsAnswer,
  targetMetadataAnswer,
  targetsAnswer,
} from "./targets.ts";

const params = (text: string): URLSearchParams => new URLSearchParams(text);

test("targets", () => {
  const answer = targetsAnswer(view(), params(""), new URL("https://prom.example/"));
  expect(answer).toEqual({
    activeTargets: [
      {
        discoveredLabels: {
          __address__: "127.0.0.1:9100",
          __always_scrape_classic_histograms__: "false",
          __convert_classic_histograms_to_nhcb__: "false",
          __metrics_path__: "/metrics",
          __scheme__: "http",
          __scrape_interval__: "15s",
          __scrape_native_histograms__: "false",
          __scrape_timeout__: "10s",
          job: "node",
        },
        labels: { instance: "127.0.0.1:9100", job: "node" },
        scrapePool: "node",
        scrapeUrl: "http://127.0.0.1:9100/metrics",
        globalUrl: "http://prom.example:9100/metrics",
        lastError: "",
        lastScrape: "2023-11-14T22:13:20.123Z",
        lastScrapeDuration: 0.5,
        health: "up",
        scrapeInterval: "15s",
        scrapeTimeout: "10s",
      },
    ],
    droppedTargets: [{ discoveredLabels: { __address__: "x" }, scrapePool: "node" }],
    droppedTargetCounts: { node: 3 },
  });
  expect(targetsAnswer(view(), params("state=dropped")).activeTargets).toEqual([]);
  expect(targetsAnswer(view(), params("scrapePool=other")).activeTargets).toEqual([]);
});

describe("metadata of targets", () => {
  const check = (query: string, count: number) =>
    test(query || "all", () =>
      expect(targetMetadataAnswer(view(), params(query), compileRegex)).toHaveLength(count),
    );
  check("", 1);
  check("metric=up_total", 1);
  check("metric=other", 0);
  check('match_target={job=~"no.*",instance!=""}', 1);
  check('match_target={job="x"}', 0);
  check("limit=0", 0);
  test("a limit that is no number", () =>
    expect(() => targetMetadataAnswer(view(), params("limit=x"), compileRegex)).toThrow(
      "limit must be a number",
    ));
});

test("pools", () => {
  expect(scrapePoolsAnswer(view())).toEqual({ scrapePools: ["node"] });
  const { yaml } = scrapePoolConfigAnswer(view(), params("scrapePool=node"));
  expect(yaml).toContain("scrape_interval: 15s");
  expect(yaml).not.toContain("hunter2");
});

test("relabelling step by step", () => {
  const labels = encodeURIComponent('{"__address__":"x1","a":""}');
  const { steps } = relabelStepsAnswer(
    view(),
    params(`scrapePool=node&labels=${labels}`),
    compileRegex,
  );
  expect(steps.map(({ keep, output }) => [keep, output])).toEqual([
    [true, { __address__: "x1", at: "x1" }],
    [false, {}],
    [false, {}],
  ]);
  for (const wrong of [
    "",
    "scrapePool=node",
    "scrapePool=no&labels={}",
    "scrapePool=node&labels=x",
  ])
    expect(() => relabelStepsAnswer(view(), params(wrong), compileRegex)).toThrow(TriptychError);
});
