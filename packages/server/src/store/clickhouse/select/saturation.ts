/** Which series of some metrics are a service's, and what they measured: last values by step. */
import { i64, join, type Sql, sql, text, texts, u64, u64s } from "../sql.ts";
import type { Reader } from "./reader.ts";
import { type Entry, mapCells, numberCells, readRows, textCells } from "./rows.ts";
import { inRange, type NsRange } from "./traces-filter.ts";

export interface ServicePlaces {
  readonly pods: readonly string[];
  readonly instances: readonly string[];
}

/** Pods and instances that spans of a service name. The last of the range: a look at all spans takes long. */
export async function selectServicePlaces(
  reader: Reader,
  service: string,
  range: NsRange,
): Promise<ServicePlaces> {
  const answer = await reader.select(
    sql`SELECT DISTINCT ResourceAttributes['k8s.pod.name'] AS pod, ResourceAttributes['service.instance.id'] AS instance
        FROM (SELECT ResourceAttributes FROM otel_traces WHERE ServiceName = ${text(service)} AND ${inRange(range)}
          LIMIT 50000) LIMIT 200`,
  );
  const rows = readRows(answer, (block) => {
    const pod = textCells(block, "pod");
    const instance = textCells(block, "instance");
    return (row) => ({ pod: pod(row), instance: instance(row) });
  });
  const named = (names: readonly string[]): string[] => [
    ...new Set(names.filter((name) => name !== "")),
  ];
  return {
    pods: named(rows.map(({ pod }) => pod)),
    instances: named(rows.map(({ instance }) => instance)),
  };
}

export interface ServiceSeries {
  /** As decimal text: it has 64 bits. */
  readonly id: string;
  readonly metric: string;
  readonly labels: readonly Entry[];
}

export async function selectServiceSeries(
  reader: Reader,
  query: {
    readonly metrics: readonly string[];
    readonly service: string;
    readonly places: ServicePlaces;
    readonly fromMs: number;
    readonly toMs: number;
    readonly seriesMax: number;
  },
): Promise<ServiceSeries[]> {
  const { service, places } = query;
  const label = (name: string): Sql => sql`Labels[${text(name)}]`;
  const own = [
    ...["service_name", "service", "job", "container", "app"].map(
      (name) => sql`${label(name)} = ${text(service)}`,
    ),
    sql`endsWith(${label("job")}, ${text(`/${service}`)})`,
    sql`${label("pod")} IN ${texts(places.pods)}`,
    sql`${label("instance")} IN ${texts(places.instances)}`,
  ];
  const dayMs = 86_400_000;
  const answer = await reader.select(
    sql`SELECT toString(Id) AS id, toString(any(Name)) AS metric, any(Labels) AS labels FROM series
        WHERE Name IN ${texts(query.metrics)} AND FirstSeen >= ${i64(Math.floor(query.fromMs / dayMs) * dayMs)}
          AND FirstSeen <= ${i64(query.toMs)} AND (${join(own, " OR ")})
        GROUP BY Id ORDER BY Id LIMIT ${u64(query.seriesMax)}`,
  );
  return readRows(answer, (block) => {
    const id = textCells(block, "id");
    const metric = textCells(block, "metric");
    const labels = mapCells(block, "labels");
    return (row) => ({ id: id(row), metric: metric(row), labels: labels(row) });
  });
}

export interface StepValue {
  readonly id: string;
  readonly step: number;
  readonly timeMs: number;
  readonly value: number;
}

/** The last sample of each series in each step, by series and step. */
export async function selectLastValues(
  reader: Reader,
  ids: readonly string[],
  range: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
): Promise<StepValue[]> {
  if (ids.length === 0) return [];
  const answer = await reader.select(
    sql`SELECT toString(Id) AS id, intDiv(Time - ${i64(range.fromMs)}, ${i64(range.stepMs)}) AS step,
          toFloat64(max(Time)) AS at, argMax(Number, Time) AS last FROM samples
        WHERE Id IN (SELECT arrayJoin(${u64s(ids)})) AND Time >= ${i64(range.fromMs)} AND Time < ${i64(range.toMs)}
          AND NOT isNaN(Number)
        GROUP BY Id, step ORDER BY Id, step`,
  );
  return readRows(answer, (block) => {
    const id = textCells(block, "id");
    const step = numberCells(block, "step");
    const at = numberCells(block, "at");
    const last = numberCells(block, "last");
    return (row) => ({ id: id(row), step: step(row), timeMs: at(row), value: last(row) });
  });
}
