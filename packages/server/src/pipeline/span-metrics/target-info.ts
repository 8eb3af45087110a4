/** `traces_target_info`: the attributes of resources as labels of a series to join others with, by `job` and `instance`. */
import type { SpanBatch } from "@triptych/model";
import {
  createDerivedSeries,
  type DerivedOptions,
  type DerivedSeries,
} from "../derived-series/derived-series.ts";
import { labelName } from "../derived-series/span-attributes.ts";

export const TARGET_ATTRIBUTES = ["service.namespace", "service.instance.id"] as const;

export interface TargetInfo {
  /** Notes the resources of a batch. */
  see(batch: SpanBatch, nowMs: number): void;
  readonly table: DerivedSeries;
}

/** Labels of one series; the limit of the pipeline for series is as high. */
const LABELS_MAX = 60;

export function createTargetInfo(
  excluded: readonly string[],
  options: Omit<DerivedOptions, "shape">,
  startedMs: number,
): TargetInfo {
  const infos = [{ name: "traces_target_info", help: "Attributes of what sends spans." }];
  const table = createDerivedSeries(
    { ...options, shape: { counters: [], histograms: [], infos } },
    startedMs,
  );
  const left = new Set(["service.name", ...TARGET_ATTRIBUTES, ...excluded]);
  const taken = new Set(["job", "instance"]);
  return {
    table,
    see(batch, nowMs) {
      for (let resource = 0; resource < batch.resources.rows; resource++) {
        const labels = new Map<string, string>();
        for (const [name, value] of attributesOf(batch, resource)) {
          if (left.has(name) || labels.size >= LABELS_MAX) continue;
          const label = labelName(name, taken);
          if (!labels.has(label)) labels.set(label, value);
        }
        // Without attributes there is nothing to tell.
        if (labels.size === 0) continue;
        labels.set("job", jobOf(batch, resource)).set("instance", instanceOf(batch, resource));
        const set = table.set([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
        table.see(set, nowMs);
      }
    },
  };
}

function* attributesOf(
  { resources, keys }: SpanBatch,
  resource: number,
): Generator<[string, string]> {
  const { attributes } = resources;
  for (
    let i = attributes.offsets[resource] as number;
    i < (attributes.offsets[resource + 1] as number);
    i++
  )
    yield [keys.text(attributes.keys[i] as number), attributes.values.text(i)];
}

function attribute({ resources, keys }: SpanBatch, resource: number, name: string): string {
  const key = keys.find(name);
  const entry = key < 0 ? -1 : resources.attributes.find(resource, key);
  return entry < 0 ? "" : resources.attributes.values.text(entry);
}

/** `job` as OpenTelemetry has it: namespace and name of the service. */
export function jobOf(batch: SpanBatch, resource: number): string {
  const service = batch.strings.text(batch.resources.serviceName[resource] as number);
  const namespace = attribute(batch, resource, "service.namespace");
  return namespace === "" ? service : `${namespace}/${service}`;
}

export function instanceOf(batch: SpanBatch, resource: number): string {
  return attribute(batch, resource, "service.instance.id");
}
