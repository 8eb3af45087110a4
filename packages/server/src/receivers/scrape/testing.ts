/** For tests of scraping: what a manager needs, and samples read back as text. */
import { type Batch, type Clock, defaultLimits, type SampleBatch } from "@triptych/model";
import { compileRegex } from "../../regex/compile.ts";
import { createMetrics } from "../../self/metrics.ts";
import type { IngestNext } from "../next.ts";
import type { ScrapeManagerDeps } from "./manager.ts";

/** `name{a="b"} value`, sorted; staleness markers as `stale`, times of their own after `@`. */
export function linesOf(batch: Batch, scrapeMs?: number): string[] {
  if (batch.signal !== "samples") return [];
  const out: string[] = [];
  const { samples, histograms } = batch;
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset, samples.rows * 2);
  for (let row = 0; row < samples.rows; row++) {
    const isStale = words[row * 2] === 2 && words[row * 2 + 1] === 0x7ff00000;
    const value = isStale ? "stale" : String(samples.value[row]);
    const at =
      samples.timeMs[row] === scrapeMs || scrapeMs === undefined ? "" : ` @${samples.timeMs[row]}`;
    out.push(`${seriesText(batch, samples.series[row] as number)} ${value}${at}`);
  }
  for (let row = 0; row < histograms.rows; row++)
    out.push(
      `${seriesText(batch, histograms.series[row] as number)} histogram schema:${histograms.schema[row]} count:${histograms.count[row]} sum:${histograms.sum[row]}`,
    );
  return out.sort();
}

function seriesText({ series }: SampleBatch, row: number): string {
  const labels = series.labels(row);
  const name = labels.find(([label]) => label === "__name__")?.[1] ?? "";
  const rest = labels
    .filter(([label]) => label !== "__name__")
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return rest.length === 0 ? name : `${name}{${rest.join(",")}}`;
}

/** Without the series about the scrape itself. */
export function ownLines(batch: Batch, scrapeMs?: number): string[] {
  return linesOf(batch, scrapeMs).filter((line) => !/^(?:up|scrape_[a-z_]+)\{/.test(line));
}

export function managerDeps(clock: Clock, next: IngestNext): ScrapeManagerDeps {
  return {
    clock,
    next,
    log: () => {},
    metrics: createMetrics(),
    limits: defaultLimits,
    random: () => 0,
    compileRegex,
    env: {},
    userAgent: "Triptych/test",
    appendLine: async () => {},
  };
}

const TURNS_MAX = 10_000;

/** One turn of the event loop in which sockets, files and timers of the machine have their say. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Lets the event loop turn until it is so; for what real sockets do beside a clock that stands still. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    if (isSo()) return;
    await turn();
  }
  throw new Error("it did not come to pass");
}
