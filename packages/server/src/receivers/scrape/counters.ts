/** What scraping says about itself: counters on `/metrics`, lines in the log, and the failure log of a job. */
import type { ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import type { Clock } from "@triptych/model";
import type { Log } from "../../self/log.ts";
import type { Metrics } from "../../self/metrics.ts";
import type { ScrapePool } from "./pool.ts";
import type { ScrapeOutcome } from "./scrape-target.ts";
import type { Target } from "./target.ts";

export interface ScrapeCounters {
  outcome(job: ScrapeConfig, target: Target, outcome: ScrapeOutcome): void;
  discoveryFailed(key: string): void;
}

export function createScrapeCounters(
  deps: {
    readonly metrics: Metrics;
    readonly log: Log;
    readonly clock: Clock;
    readonly appendLine: (file: string, line: string) => Promise<void>;
  },
  pools: () => readonly ScrapePool[],
): ScrapeCounters {
  const { metrics, log } = deps;
  const sum = (of: (pool: ScrapePool) => number): number =>
    pools().reduce((total, pool) => total + of(pool), 0);
  metrics.gauge("triptych_scrape_targets", "Targets that are scraped.", () =>
    sum((pool) => pool.loops().length),
  );
  metrics.gauge("triptych_scrape_targets_down", "Targets whose last scrape failed.", () =>
    sum((pool) => pool.loops().filter((loop) => loop.view().health === "down").length),
  );
  metrics.gauge("triptych_scrape_targets_dropped", "Targets that relabelling left out.", () =>
    sum((pool) => pool.dropped().count),
  );
  const scrapes = metrics.counter(
    "triptych_scrapes_total",
    "Scrapes, by how they ended.",
    "outcome",
  );
  const samples = metrics.counter("triptych_scrape_samples_total", "Samples scraped and kept.");
  const left = metrics.counter(
    "triptych_scrape_samples_left_out_total",
    "Samples of scrapes that were left out.",
    "reason",
  );
  const discovery = metrics.counter(
    "triptych_discovery_failures_total",
    "Times a discovery could not be asked.",
    "discovery",
  );
  return {
    discoveryFailed: (key) => discovery.add(1, key),
    outcome(job, target, outcome) {
      const { shaped, error, lost } = outcome;
      scrapes.add(1, kindOf(outcome));
      if (error === "") samples.add(shaped.kept);
      if (shaped.outOfOrder > 0) left.add(shaped.outOfOrder, "out_of_order");
      if (shaped.duplicates > 0) left.add(shaped.duplicates, "duplicate_timestamp");
      if (lost !== undefined)
        log("warn", `samples of a scrape were lost: ${lost.message}`, { url: target.url });
      if (error === "" || job.scrape_failure_log_file === "") return;
      const line = JSON.stringify({
        time: new Date(deps.clock.nowMs()).toISOString(),
        level: "ERROR",
        msg: error,
        job_name: job.job_name,
        target: target.url,
      });
      deps
        .appendLine(job.scrape_failure_log_file, line)
        .catch((failure: unknown) => log("warn", `scrape failure log: ${String(failure)}`));
    },
  };
}

function kindOf(outcome: ScrapeOutcome): string {
  if (outcome.error === "") return outcome.lost === undefined ? "ok" : "lost";
  if (outcome.isTooLarge) return "too_large";
  if (outcome.isLate) return "timeout";
  return outcome.isSkipped ? "skipped" : "failed";
}
