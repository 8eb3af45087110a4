/**
 * How full a service is, from metrics that its process, its runtime or its container sends anyway: each kind of use
 * beside its limit, where one is known. Nothing is guessed: what no metric says is named with the metrics that would.
 */
import type { Saturation, SaturationMeasure, SaturationResource } from "@triptych/contract";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import {
  type ServiceSeries,
  type StepValue,
  selectLastValues,
  selectServicePlaces,
  selectServiceSeries,
} from "../../store/clickhouse/select/saturation.ts";

interface Kind {
  readonly resource: SaturationResource;
  readonly title: string;
  readonly unit: SaturationMeasure["unit"];
  readonly use: string;
  /** How much there is: a metric, or the quotient of two. */
  readonly limit?: string;
  readonly limitPer?: string;
  /** The use counts up: its growth a second is meant. */
  readonly counts?: true;
}

/** Of each resource the first kind that has values is shown. Names as Prometheus has them, also for OTLP's. */
const kinds: readonly Kind[] = [
  {
    resource: "cpu",
    title: "CPU of its limit",
    unit: "share",
    use: "container_cpu_usage_seconds_total",
    limit: "container_spec_cpu_quota",
    limitPer: "container_spec_cpu_period",
    counts: true,
  },
  {
    resource: "cpu",
    title: "CPU of what there is",
    unit: "share",
    use: "process_cpu_utilization_ratio",
  },
  { resource: "cpu", title: "CPU of what there is", unit: "share", use: "process_cpu_utilization" },
  {
    resource: "cpu",
    title: "CPU of what there is",
    unit: "share",
    use: "jvm_cpu_recent_utilization_ratio",
  },
  {
    resource: "cpu",
    title: "CPU",
    unit: "cores",
    use: "container_cpu_usage_seconds_total",
    counts: true,
  },
  { resource: "cpu", title: "CPU", unit: "cores", use: "process_cpu_seconds_total", counts: true },
  {
    resource: "cpu",
    title: "CPU",
    unit: "cores",
    use: "process_cpu_time_seconds_total",
    counts: true,
  },
  {
    resource: "memory",
    title: "Memory of its limit",
    unit: "share",
    use: "container_memory_working_set_bytes",
    limit: "container_spec_memory_limit_bytes",
  },
  {
    resource: "memory",
    title: "Heap of its limit",
    unit: "share",
    use: "jvm_memory_used_bytes",
    limit: "jvm_memory_limit_bytes",
  },
  { resource: "memory", title: "Memory", unit: "bytes", use: "container_memory_working_set_bytes" },
  { resource: "memory", title: "Memory", unit: "bytes", use: "process_resident_memory_bytes" },
  { resource: "memory", title: "Memory", unit: "bytes", use: "process_memory_usage_bytes" },
  {
    resource: "files",
    title: "Open files of the limit",
    unit: "share",
    use: "process_open_fds",
    limit: "process_max_fds",
  },
  {
    resource: "runtime",
    title: "Event loop",
    unit: "share",
    use: "nodejs_eventloop_utilization_ratio",
  },
  { resource: "runtime", title: "Event loop", unit: "share", use: "nodejs_eventloop_utilization" },
  {
    resource: "runtime",
    title: "Connections of the pool",
    unit: "share",
    use: "db_client_connection_count",
    limit: "db_client_connection_max",
  },
  {
    resource: "in-flight",
    title: "Requests in work",
    unit: "count",
    use: "http_server_active_requests",
  },
  {
    resource: "in-flight",
    title: "Requests in work",
    unit: "count",
    use: "http_requests_in_flight",
  },
  { resource: "in-flight", title: "Waiting in queues", unit: "count", use: "queue_depth" },
];

/** More instances than anyone looks at. */
const SERIES_MAX = 2_000;

export async function readSaturation(
  reader: Reader,
  query: {
    readonly service: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly stepMs: number;
  },
): Promise<Saturation> {
  const { service, fromMs, toMs, stepMs } = query;
  const places = await selectServicePlaces(reader, service, {
    fromNs: BigInt(fromMs) * 1_000_000n,
    toNs: BigInt(toMs) * 1_000_000n,
  });
  const metrics = [
    ...new Set(kinds.flatMap(({ use, limit, limitPer }) => [use, limit ?? use, limitPer ?? use])),
  ];
  const series = await selectServiceSeries(reader, {
    ...{ metrics, service, places, fromMs, toMs },
    seriesMax: SERIES_MAX,
  });
  const values = await selectLastValues(
    reader,
    series.map(({ id }) => id),
    // A counter's growth needs the value before.
    { fromMs: fromMs - stepMs, toMs, stepMs },
  );
  const measured = measuredOf(series, values);
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  const measures: SaturationMeasure[] = [];
  for (const kind of kinds) {
    if (measures.some(({ resource }) => resource === kind.resource)) continue;
    const measure = measureOf(kind, { measured, steps, service, places });
    if (measure !== undefined) measures.push(measure);
  }
  const resources = [...new Set(kinds.map(({ resource }) => resource))];
  return {
    from: fromMs,
    stepMs,
    measures,
    missing: resources
      .filter((resource) => !measures.some((one) => one.resource === resource))
      .map((resource) => ({
        resource,
        metrics: [
          ...new Set(kinds.filter((kind) => kind.resource === resource).map(({ use }) => use)),
        ],
      })),
  };
}

interface Measured extends ServiceSeries {
  /** By step; the step before the range is -1. */
  readonly byStep: ReadonlyMap<number, StepValue>;
}

function measuredOf(
  series: readonly ServiceSeries[],
  values: readonly StepValue[],
): ReadonlyMap<string, readonly Measured[]> {
  const byId = new Map<string, Map<number, StepValue>>();
  for (const value of values) {
    const steps = byId.get(value.id) ?? new Map<number, StepValue>();
    byId.set(value.id, steps);
    steps.set(value.step - 1, value);
  }
  const out = new Map<string, Measured[]>();
  for (const one of series) {
    const byStep = byId.get(one.id);
    if (byStep === undefined) continue;
    out.set(one.metric, [...(out.get(one.metric) ?? []), { ...one, byStep }]);
  }
  return out;
}

interface Context {
  readonly measured: ReadonlyMap<string, readonly Measured[]>;
  readonly steps: number;
  readonly service: string;
  readonly places: { readonly pods: readonly string[]; readonly instances: readonly string[] };
}

function measureOf(kind: Kind, context: Context): SaturationMeasure | undefined {
  const { measured, steps } = context;
  const values: (number | null)[] = new Array<number | null>(steps).fill(null);
  const by = new Set<string>();
  let instances = 0;
  for (const one of measured.get(kind.use) ?? []) {
    const most = limitOf(kind.limit, one, measured);
    const per = limitOf(kind.limitPer, one, measured);
    const own = Array.from({ length: steps }, (_, step) => {
      const used = kind.counts === true ? growth(one, step) : one.byStep.get(step)?.value;
      return used === undefined ? undefined : fullness(used, most(step), per(step));
    });
    if (own.every((value) => value === undefined)) continue;
    instances++;
    by.add(labelOf(one, context));
    own.forEach((value, step) => {
      if (value !== undefined) values[step] = Math.max(values[step] ?? 0, value);
    });
  }
  if (instances === 0) return undefined;
  const { resource, title, unit, use, limit, limitPer } = kind;
  return {
    ...{ resource, title, unit, values, instances },
    metrics: [use, limit, limitPer].filter((name) => name !== undefined),
    by: [...by],
  };
}

/** Containers without a limit say 0 or -1, or the largest number there is. */
function fullness(
  used: number,
  most: number | undefined,
  per: number | undefined,
): number | undefined {
  if (most === undefined || per === undefined) return undefined;
  return most > 0 && per > 0 && most < 1e18 ? used / (most / per) : undefined;
}

/** A second, since the last value before this step; nothing when the counter began again. */
function growth({ byStep }: Measured, step: number): number | undefined {
  const now = byStep.get(step);
  const before = byStep.get(step - 1);
  if (now === undefined || before === undefined || now.value < before.value) return undefined;
  return ((now.value - before.value) / (now.timeMs - before.timeMs)) * 1000;
}

/** The limit's series with the same labels; a limit seldom changes, so its last value counts until the next one. */
function limitOf(
  name: string | undefined,
  one: Measured,
  measured: Context["measured"],
): (step: number) => number | undefined {
  if (name === undefined) return () => 1;
  const own = new Map(one.labels);
  // A use can have labels more than its limit, such as the state of a connection.
  const isOfIt = ([key, value]: readonly [string, string]): boolean =>
    key === "__name__" || own.get(key) === value;
  const found = measured.get(name)?.find(({ labels }) => labels.every(isOfIt));
  return (step) => {
    for (let at = step; at >= -1; at--) {
      const value = found?.byStep.get(at)?.value;
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

/** The label by which a series is the service's. */
function labelOf({ labels }: Measured, { service, places }: Context): string {
  const own = labels.find(
    ([key, value]) =>
      (["service_name", "service", "job", "container", "app"].includes(key) && value === service) ||
      (key === "job" && value.endsWith(`/${service}`)) ||
      (key === "pod" && places.pods.includes(value)) ||
      (key === "instance" && places.instances.includes(value)),
  );
  return own === undefined ? "" : `${own[0]}=${JSON.stringify(own[1])}`;
}
