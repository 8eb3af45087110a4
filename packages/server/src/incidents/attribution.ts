/**
 * Whose fault slow requests are. A service that is slow because it waits for another slow service must not be blamed:
 * such requests do not count against it. Pure; works on samples of slow requests and the spans of their traces.
 */
import { type Interval, unionLength } from "../query/traces/self-time.ts";

export interface ServiceState {
  readonly service: string;
  readonly requests: number;
  /** Requests above the threshold. */
  readonly slow: number;
  readonly p95Ns: number;
}

/** A slow request and when it waited for which service; "" stands for a call whose other side is not known. */
export interface SlowSample {
  readonly service: string;
  readonly durationNs: number;
  readonly waits: ReadonlyMap<string, readonly Interval[]>;
}

export interface Verdict {
  /** Services that are slow by themselves. */
  readonly guilty: ReadonlySet<string>;
  /** Guilty so far, but most of the time goes to calls of which too little is known yet: look again soon. */
  readonly unsure: ReadonlySet<string>;
}

/** More than this share of requests above the threshold is what "p95 is above the threshold" means. */
const SLOW_SHARE = 0.05;

/** `over` are the services above the threshold; `open` those with an open incident. */
export function attribute(input: {
  readonly over: readonly ServiceState[];
  readonly open: ReadonlySet<string>;
  readonly samples: readonly SlowSample[];
  readonly thresholdNs: number;
}): Verdict {
  const { over, open, samples, thresholdNs } = input;
  const slowServices = new Set([...over.map(({ service }) => service), ...open]);
  const guilty = new Set<string>();
  const unsure = new Set<string>();
  /** For an innocent service: those it waits for. */
  const blames = new Map<string, Set<string>>();
  for (const state of over) {
    const own = samples.filter(({ service }) => service === state.service);
    const others = new Set([...slowServices].filter((service) => service !== state.service));
    const waiting = own.filter((sample) => waitsFor(sample, others, thresholdNs));
    const ownSlow = state.slow * (1 - share(waiting.length, own.length));
    if (ownSlow > state.requests * SLOW_SHARE) {
      guilty.add(state.service);
      const calling = own.filter((sample) => waitsFor(sample, undefined, thresholdNs));
      if (state.slow * (1 - share(calling.length, own.length)) <= state.requests * SLOW_SHARE)
        unsure.add(state.service);
    } else {
      const calledBy = waiting.flatMap(({ waits }) => [...waits.keys()]);
      blames.set(state.service, new Set(calledBy.filter((service) => others.has(service))));
    }
  }
  addUnexplained(over, { guilty, open, blames });
  return { guilty, unsure };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/**
 * Whether a request was slow because of others: most of its time was spent waiting for them, or without that it would
 * not have been slow. Without `services` every call counts.
 */
function waitsFor(
  { durationNs, waits }: SlowSample,
  services: ReadonlySet<string> | undefined,
  thresholdNs: number,
): boolean {
  const intervals: Interval[] = [];
  for (const [service, list] of waits) {
    if (services === undefined || services.has(service)) intervals.push(...list);
  }
  const waited = unionLength(intervals, [0, durationNs]);
  return waited > durationNs / 2 || (waited > 0 && durationNs - waited <= thresholdNs);
}

/** Blame must end somewhere: where services only point at each other, the slowest of them is taken. */
function addUnexplained(
  over: readonly ServiceState[],
  known: {
    readonly guilty: Set<string>;
    readonly open: ReadonlySet<string>;
    readonly blames: ReadonlyMap<string, ReadonlySet<string>>;
  },
): void {
  const explained = (start: string): boolean => {
    const seen = new Set<string>();
    const stack = [start];
    for (let service = stack.pop(); service !== undefined; service = stack.pop()) {
      if (known.guilty.has(service) || known.open.has(service)) return true;
      if (seen.has(service)) continue;
      seen.add(service);
      stack.push(...(known.blames.get(service) ?? []));
    }
    return false;
  };
  for (const { service } of [...over].sort((a, b) => b.p95Ns - a.p95Ns)) {
    if (!explained(service)) known.guilty.add(service);
  }
}

export interface CallSpan {
  readonly spanId: string;
  readonly service: string;
  readonly kind: string;
  readonly startNs: bigint;
  readonly durationNs: number;
}

/**
 * When a request waited for other services: its calls, found below it among the spans of its own service. Times are
 * relative to the request's start.
 */
export function waitsOf(
  request: CallSpan,
  children: ReadonlyMap<string, readonly CallSpan[]>,
): Map<string, Interval[]> {
  const waits = new Map<string, Interval[]>();
  const add = (callee: string, span: CallSpan): void => {
    const start = Number(span.startNs - request.startNs);
    const interval: Interval = [start, start + span.durationNs];
    const list = waits.get(callee);
    if (list === undefined) waits.set(callee, [interval]);
    else list.push(interval);
  };
  const seen = new Set<string>([request.spanId]);
  const stack: CallSpan[] = [request];
  /** A call ends the descent; an inner span is looked into. */
  const visit = (child: CallSpan): void => {
    // Nobody waits for a consumer, nor for a message to be sent on.
    if (child.kind === "Consumer" || child.kind === "Producer") return;
    if (child.service !== request.service) add(child.service, child);
    else if (child.kind === "Client") add(calleeOf(child, children) ?? "", child);
    else stack.push(child);
  };
  for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
    for (const child of children.get(span.spanId) ?? []) {
      if (seen.has(child.spanId)) continue;
      seen.add(child.spanId);
      visit(child);
    }
  }
  return waits;
}

/** The first other service below a call; instrumentations of two libraries may nest two client spans. */
function calleeOf(
  call: CallSpan,
  children: ReadonlyMap<string, readonly CallSpan[]>,
): string | undefined {
  const seen = new Set<string>();
  const queue: CallSpan[] = [call];
  for (let span = queue.shift(); span !== undefined; span = queue.shift()) {
    if (seen.has(span.spanId)) continue;
    seen.add(span.spanId);
    for (const child of children.get(span.spanId) ?? []) {
      if (child.service !== call.service) return child.service;
      queue.push(child);
    }
  }
  return undefined;
}
