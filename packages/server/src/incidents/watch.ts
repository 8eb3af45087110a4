/**
 * Opens an incident when a service's p95 over the last window is above the threshold, and closes it when the service
 * has recovered. One incident a service at a time, and only for the service where the time goes, see `attribution.ts`.
 * An incident is listed after it was saved; what could not be saved is tried again with the next step.
 */
import type { Incident, SlowTrace } from "@triptych/contract";
import { asTriptychError, type Clock, type TriptychError } from "@triptych/model";
import { childrenOf } from "../query/traces/self-time.ts";
import { grouped } from "../query/traces/search.ts";
import type { Engine } from "../store/clickhouse/engine.ts";
import type { ServiceLatency, SlowRequest } from "../store/clickhouse/select/services.ts";
import type { NsRange } from "../store/clickhouse/select/traces-filter.ts";
import { attribute, type SlowSample, waitsOf } from "./attribution.ts";
import { type LatencySource, latencySource } from "./latency-source.ts";

export interface IncidentWatchOptions {
  readonly clock: Clock;
  readonly thresholdSeconds: number;
  readonly windowMs: number;
  readonly intervalMs: number;
  /** The incidents saved so far. Asked until it answers. */
  load(): Promise<readonly Incident[]>;
  /** Keeps an incident, or its newer version; resolves when it will survive a crash. */
  save(incident: Incident): Promise<void>;
  onError(error: TriptychError): void;
}

export interface IncidentWatch {
  /** Steps from now on at every interval. */
  start(): void;
  /** Newest first. */
  list(): readonly Incident[];
  get(id: string): Incident | undefined;
  /** Looks once. Never rejects; a step that is under way is waited for instead of starting another. */
  step(): Promise<void>;
  /** Waits for the step under way. */
  close(): Promise<void>;
}

/** Fewer requests say nothing about a percentile. */
const REQUESTS_MIN = 5;
const SLOW_TRACES_MAX = 20;
/** Slow requests a service whose traces are read to see where their time goes. */
const SAMPLES_PER_SERVICE = 40;
/** How long an incident waits for the other side of its calls: exporters send every few seconds. */
const UNSURE_MS = 15_000;

export function createIncidentWatch(
  deps: IncidentWatchOptions & { readonly engine: Engine },
): IncidentWatch {
  return createLatencyWatch({ ...deps, source: latencySource(deps.engine) });
}

export function createLatencyWatch(
  deps: IncidentWatchOptions & { readonly source: LatencySource },
): IncidentWatch {
  const watch = new Watch(deps);
  const { clock, intervalMs } = deps;
  let running: Promise<void> | undefined;
  let cancel = (): void => {};
  let closed = false;
  const step = (): Promise<void> => {
    running ??= watch
      .step()
      .catch((error: unknown) => deps.onError(asTriptychError(error)))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const next = (): void => {
    if (closed) return;
    cancel = clock.after(intervalMs, () => {
      void step().then(next);
    });
  };
  return {
    start() {
      void step().then(next);
    },
    list: () => [...watch.incidents.values()].sort((a, b) => numberOf(b.id) - numberOf(a.id)),
    get: (id) => watch.incidents.get(id),
    step,
    async close() {
      closed = true;
      cancel();
      await running;
    },
  };
}

const numberOf = (id: string): number => Number(id.slice("INC-".length));

/** What one step has learnt about the traces of slow requests. */
interface Traces {
  readonly slow: readonly SlowRequest[];
  readonly samples: readonly SlowSample[];
  readonly available: boolean;
}

class Watch {
  readonly incidents = new Map<string, Incident>();
  private readonly deps: IncidentWatchOptions & { readonly source: LatencySource };
  private readonly thresholdNs: number;
  private loaded = false;
  /** Since when a service has been above the threshold without it being clear whose fault it is. */
  private readonly unsureSinceMs = new Map<string, number>();

  constructor(deps: IncidentWatchOptions & { readonly source: LatencySource }) {
    this.deps = deps;
    this.thresholdNs = Math.round(deps.thresholdSeconds * 1e9);
  }

  async step(): Promise<void> {
    if (!this.loaded) {
      for (const incident of await this.deps.load()) this.incidents.set(incident.id, incident);
      this.loaded = true;
    }
    const nowMs = this.deps.clock.nowMs();
    const window = windowOf(nowMs - this.deps.windowMs, nowMs);
    const latencies = await this.deps.source.latencies(window, BigInt(this.thresholdNs));
    const byService = new Map(latencies.map((latency) => [latency.service, latency]));
    const above = latencies.filter(({ p95Ns }) => p95Ns > this.thresholdNs);
    const over = above.filter(({ requests }) => requests >= REQUESTS_MIN);
    const traces = await this.traces(this.reach(window), above);
    for (const incident of this.open()) {
      const latency = byService.get(incident.service);
      if (latency !== undefined && latency.p95Ns > this.thresholdNs)
        await this.update(incident, latency, traces);
      else await this.save({ ...incident, resolved_at: isoOf(nowMs) });
    }
    for (const latency of this.opening(over, traces)) await this.detect(latency, traces);
  }

  private open(): Incident[] {
    return [...this.incidents.values()].filter(({ resolved_at }) => resolved_at === undefined);
  }

  /** The window, longer where an open incident still lacks its traces. */
  private reach(window: NsRange): NsRange {
    let { fromNs } = window;
    for (const incident of this.open()) {
      if (incident.trace_status === "ok") continue;
      const sinceNs = BigInt(Date.parse(incident.detected_at) - this.deps.windowMs) * 1_000_000n;
      if (sinceNs < fromNs) fromNs = sinceNs;
    }
    return { fromNs, toNs: window.toNs };
  }

  private async traces(window: NsRange, above: readonly ServiceLatency[]): Promise<Traces> {
    if (above.length === 0) return { slow: [], samples: [], available: true };
    const { source } = this.deps;
    try {
      const slow = await source.slowRequests({
        window,
        services: above.map(({ service }) => service),
        aboveNs: BigInt(this.thresholdNs),
      });
      const sampled = sampleOf(slow);
      const spans = await source.spans([...new Set(sampled.map(({ traceId }) => traceId))]);
      const byTrace = grouped(spans);
      const samples = sampled.map((request) => ({
        service: request.service,
        durationNs: request.durationNs,
        waits: waitsOf(
          { ...request, kind: "Server" },
          childrenOf(byTrace.get(request.traceId) ?? []),
        ),
      }));
      return { slow, samples, available: true };
    } catch (error) {
      this.deps.onError(asTriptychError(error));
      return { slow: [], samples: [], available: false };
    }
  }

  /** The services for which an incident opens now. */
  private opening(over: readonly ServiceLatency[], traces: Traces): ServiceLatency[] {
    const open = new Set(this.open().map(({ service }) => service));
    const { thresholdNs } = this;
    const verdict = traces.available
      ? attribute({ over, open, samples: traces.samples, thresholdNs })
      : withoutTraces(over, open);
    const nowMs = this.deps.clock.nowMs();
    for (const service of this.unsureSinceMs.keys())
      if (!verdict.unsure.has(service)) this.unsureSinceMs.delete(service);
    return over.filter(({ service }) => {
      if (open.has(service) || !verdict.guilty.has(service)) return false;
      if (!verdict.unsure.has(service)) return true;
      const sinceMs = this.unsureSinceMs.get(service) ?? nowMs;
      this.unsureSinceMs.set(service, sinceMs);
      return nowMs - sinceMs >= UNSURE_MS;
    });
  }

  private detect(latency: ServiceLatency, traces: Traces): Promise<void> {
    const last = Math.max(0, ...[...this.incidents.keys()].map(numberOf));
    const p95 = secondsOf(latency.p95Ns);
    return this.save({
      id: `INC-${last + 1}`,
      service: latency.service,
      type: "High Latency",
      detected_at: isoOf(this.deps.clock.nowMs()),
      latency_p95: p95,
      latency_p95_peak: p95,
      threshold: this.deps.thresholdSeconds,
      requests: latency.requests,
      errors: latency.errors,
      slow_traces: merged([], traces.slow, latency.service),
      trace_status: traces.available ? "ok" : "Trace data unavailable",
    });
  }

  /** Requests and errors are those of the window with the most of them. */
  private async update(incident: Incident, latency: ServiceLatency, traces: Traces): Promise<void> {
    const updated: Incident = {
      ...incident,
      latency_p95_peak: Math.max(incident.latency_p95_peak, secondsOf(latency.p95Ns)),
      requests: Math.max(incident.requests, latency.requests),
      errors: Math.max(incident.errors, latency.errors),
      slow_traces: merged(incident.slow_traces, traces.slow, incident.service),
      trace_status: traces.available ? "ok" : incident.trace_status,
    };
    if (JSON.stringify(updated) !== JSON.stringify(incident)) await this.save(updated);
  }

  /** The list changes only when the incident is kept. */
  private async save(incident: Incident): Promise<void> {
    try {
      await this.deps.save(incident);
      this.incidents.set(incident.id, incident);
    } catch (error) {
      this.deps.onError(asTriptychError(error));
    }
  }
}

/**
 * Without traces nobody knows who waits for whom. A caller takes at least as long as what it calls, so the quickest of
 * the slow services is taken, and the others have time to be explained.
 */
function withoutTraces(
  over: readonly ServiceLatency[],
  open: ReadonlySet<string>,
): { guilty: Set<string>; unsure: Set<string> } {
  const guilty = new Set(over.map(({ service }) => service));
  const unsure = new Set(guilty);
  const quickest = [...over].sort((a, b) => a.p95Ns - b.p95Ns)[0];
  if (open.size === 0 && quickest !== undefined) unsure.delete(quickest.service);
  return { guilty, unsure };
}

function sampleOf(slow: readonly SlowRequest[]): SlowRequest[] {
  const taken = new Map<string, number>();
  return slow.filter(({ service }) => {
    const count = (taken.get(service) ?? 0) + 1;
    taken.set(service, count);
    return count <= SAMPLES_PER_SERVICE;
  });
}

/** Known and new slow traces of a service, each trace once, worst first. */
function merged(
  known: readonly SlowTrace[],
  slow: readonly SlowRequest[],
  service: string,
): SlowTrace[] {
  const byTrace = new Map(known.map((trace) => [trace.trace_id, trace]));
  for (const request of slow) {
    if (request.service !== service) continue;
    const latency = secondsOf(request.durationNs);
    if ((byTrace.get(request.traceId)?.latency ?? -1) >= latency) continue;
    byTrace.set(request.traceId, {
      trace_id: request.traceId,
      latency,
      endpoint: request.endpoint,
      ts: isoOf(Number(request.startNs / 1_000_000n)),
    });
  }
  return [...byTrace.values()]
    .sort((a, b) => b.latency - a.latency || (a.trace_id < b.trace_id ? -1 : 1))
    .slice(0, SLOW_TRACES_MAX);
}

function windowOf(fromMs: number, toMs: number): NsRange {
  return {
    fromNs: BigInt(Math.floor(fromMs)) * 1_000_000n,
    toNs: BigInt(Math.ceil(toMs)) * 1_000_000n,
  };
}

const secondsOf = (ns: number): number => Math.round(ns / 1e6) / 1e3;
const isoOf = (ms: number): string => new Date(ms).toISOString();
