/**
 * A built-in collector as the rest of collection sees it: a scraped target whose answer is made in this process. So
 * its samples are parsed, shaped, marked stale and reported as those of every other target.
 */
import type { Clock, Limits } from "@triptych/model";
import { createHash } from "node:crypto";
import { parsePrometheusConfig } from "../../config/prometheus/load.ts";
import type { ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import type { IngestNext } from "../next.ts";
import { DeadlineExceeded, type HttpClient } from "../../http-client/client.ts";
import { createLoop, newState, type ScrapeLoop } from "../scrape/loop.ts";
import type { ScrapeOutcome } from "../scrape/scrape-target.ts";
import type { ShapeRules } from "../scrape/shape-samples.ts";
import type { Target } from "../scrape/target.ts";

export interface Collector {
  /** `host`, `cgroup`, `mysql`, `redis`: what failures are counted under. */
  readonly kind: string;
  /** What is asked, for the log; without anything secret. */
  readonly address: string;
  /**
   * Everything as Prometheus text. Called again only when the last call has ended or its `signal` was aborted, which
   * it is when time runs out: then it is to end with what it has. What it throws becomes `up 0`, with the message in
   * the log.
   */
  collect(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export interface CollectorTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** `job`, `instance` and what the configuration adds. */
  readonly labels: ReadonlyMap<string, string>;
}

export interface CollectorLoopDeps {
  readonly clock: Clock;
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly onOutcome: (collector: Collector, outcome: ScrapeOutcome) => void;
}

const TEXT = "text/plain; version=0.0.4";
/** The collector is told to end when this share of its time has passed. */
const ABORT_SHARE = 0.8;
/** Native schema of histograms that text cannot hold: any. */
const SCHEMA_MAX = 8;

export function createCollectorLoop(
  collector: Collector,
  times: CollectorTimes,
  deps: CollectorLoopDeps,
): ScrapeLoop {
  return createLoop(
    targetOf(collector, times),
    {
      config: jobDefaults(),
      client: clientOf(collector, deps.clock),
      rules,
      refusal: () => "",
    },
    {
      deps: {
        clock: deps.clock,
        next: deps.next,
        limits: deps.limits,
        offsetSeed: 0,
        onOutcome: (_target, outcome) => deps.onOutcome(collector, outcome),
      },
      state: newState(),
    },
  );
}

/** A job that says nothing but its name, with the defaults Prometheus has. */
function jobDefaults(): ScrapeConfig {
  const { scrape_configs } = parsePrometheusConfig(
    "scrape_configs: [{ job_name: built-in }]",
    "built-in",
    { files: { readText: () => "", glob: () => [], env: () => undefined } },
  );
  return scrape_configs[0] as ScrapeConfig;
}

const rules: ShapeRules = {
  relabel: undefined,
  nameScheme: "utf8",
  sampleLimit: 0,
  labelLimit: 0,
  labelNameBytesMax: 0,
  labelValueBytesMax: 0,
  bucketLimit: 0,
  schemaMax: SCHEMA_MAX,
  withNative: false,
  toCustomBuckets: false,
  keepsClassic: true,
  tracksTimes: false,
  outOfOrderMs: 0,
};

function targetOf({ kind, address }: Collector, { labels, ...times }: CollectorTimes): Target {
  const labelsKey = JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
  const key = JSON.stringify([kind, address, labelsKey]);
  return {
    key,
    labelsKey,
    labels,
    discovered: labels,
    url: `${kind}:${address}`,
    ...times,
    withNative: false,
    keepsClassic: true,
    toCustomBuckets: false,
    unixSocket: undefined,
    hash: createHash("sha256").update(key).digest().readUIntBE(0, 6),
  };
}

/** Answers as a target over HTTP would: the text, or an error when it takes too long. */
function clientOf(collector: Collector, clock: Clock): HttpClient {
  return {
    async fetch({ timeoutMs, signal }, { hold }) {
      const abort = new AbortController();
      const onLeave = (): void => abort.abort();
      signal?.addEventListener("abort", onLeave);
      const cancels: (() => void)[] = [];
      const late = new Promise<never>((_resolve, reject) => {
        cancels.push(
          // Early enough that it can still say what it knows.
          clock.after(timeoutMs * ABORT_SHARE, () => abort.abort()),
          clock.after(timeoutMs, () =>
            reject(new DeadlineExceeded(`nothing was collected within ${timeoutMs / 1000} s`)),
          ),
        );
        signal?.addEventListener("abort", () => reject(new Error("collection was stopped")));
      });
      try {
        const text = await Promise.race([collector.collect(abort.signal), late]);
        const body = Buffer.from(text);
        hold?.(body.length);
        return { status: 200, statusText: "OK", headers: { "content-type": TEXT }, body };
      } finally {
        for (const cancel of cancels) cancel();
        late.catch(() => {});
        signal?.removeEventListener("abort", onLeave);
      }
    },
    open: () => Promise.reject(new Error("a built-in collector has no stream")),
    close() {},
  };
}
