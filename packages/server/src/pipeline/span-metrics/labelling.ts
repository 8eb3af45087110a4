/** The labels of a span: first as bytes that are equal exactly when the labels are, and as text when they are new. */
import { type ByteColumn, grownU8, type SpanBatch } from "@triptych/model";
import type { SpanMetricsConfig } from "../../config/derive-schema.ts";
import type { LabelPairs } from "../derived-series/shape.ts";
import {
  type FoundAttributes,
  labelName,
  type WantedNames,
} from "../derived-series/span-attributes.ts";
import { SPAN_KINDS, STATUS_CODES } from "./names.ts";
import { instanceOf, jobOf, TARGET_ATTRIBUTES } from "./target-info.ts";

export interface Labelling {
  begin(batch: SpanBatch, found: FoundAttributes): void;
  /** Writes the key of a span, whose attributes were just found, to `bytes()` and returns its length. */
  key(row: number): number;
  bytes(): Uint8Array;
  labels(batch: SpanBatch, row: number, found: FoundAttributes): LabelPairs;
}

/** A longer value is cut: labels are for telling series apart. */
const VALUE_BYTES_MAX = 1_024;
/** What the Collector's first span metrics, and many alerts that were written for them, call the span's name. */
const OPERATION = "operation";
/** No byte of UTF-8. */
const END = 0xff;
const ABSENT = 0xfe;

export function createLabelling(
  config: SpanMetricsConfig,
  serviceLabel: string,
  wanted: WantedNames,
): Labelling {
  const intrinsic = config.intrinsicDimensions;
  const taken = new Set([serviceLabel, "span_name", "span_kind", "status_code", "status_message"]);
  for (const name of ["job", "instance", "le"]) taken.add(name);
  const dimensions = config.dimensions.map((name) => ({
    label: labelName(name, taken),
    sources: [wanted.index(name)],
    join: "",
  }));
  for (const { name, sourceLabels, join } of config.dimensionMappings)
    dimensions.push({
      label: labelName(name, taken),
      sources: sourceLabels.map((source) => wanted.index(source)),
      join,
    });
  const isNamedTwice =
    intrinsic.operation &&
    config.names === "tempo" &&
    !dimensions.some(({ label }) => label === OPERATION);
  const targets = config.targetInfo ? TARGET_ATTRIBUTES.map((name) => wanted.index(name)) : [];
  const inKey = [...new Set([...dimensions.flatMap(({ sources }) => sources), ...targets])];

  let batch: SpanBatch;
  let found: FoundAttributes;
  let scratch = new Uint8Array(1_024);
  let used = 0;
  let prefix = 0;
  let lastResource = -1;

  const put = (byte: number): void => {
    if (used === scratch.length) scratch = grownU8(scratch, used + 1);
    scratch[used++] = byte;
  };
  const append = (column: ByteColumn, row: number): void => {
    const start = column.offsets[row] as number;
    const size = Math.min((column.offsets[row + 1] as number) - start, VALUE_BYTES_MAX);
    if (used + size + 1 > scratch.length) scratch = grownU8(scratch, used + size + 1);
    const { bytes } = column;
    for (let i = 0; i < size; i++) scratch[used++] = bytes[start + i] as number;
    scratch[used++] = END;
  };
  /** What is the same for all spans of a resource stands first and is written once for a run of them. */
  const writePrefix = (resource: number): void => {
    used = 0;
    lastResource = resource;
    if (intrinsic.service)
      append(batch.strings.entries, batch.resources.serviceName[resource] as number);
    const entries = found.resource(resource);
    for (const index of inKey) {
      const entry = entries[index] as number;
      if (entry < 0) put(ABSENT);
      else append(batch.resources.attributes.values, entry);
    }
    prefix = used;
  };
  const attributeText = (index: number, row: number): string => {
    const ofResource = found.resource(batch.resource[row] as number)[index] as number;
    if (ofResource >= 0) return cutText(batch.resources.attributes.values, ofResource);
    const ofSpan = found.entries[index] as number;
    return ofSpan < 0 ? "" : cutText(batch.attributes.values, ofSpan);
  };

  return {
    begin(nextBatch, nextFound) {
      batch = nextBatch;
      found = nextFound;
      lastResource = -1;
    },
    key(row) {
      const resource = batch.resource[row] as number;
      if (resource !== lastResource) writePrefix(resource);
      used = prefix;
      put(
        (intrinsic.spanKind ? (batch.kind[row] as number) : 0) * 4 +
          (intrinsic.statusCode ? (batch.statusCode[row] as number) : 0),
      );
      if (intrinsic.spanName) append(batch.strings.entries, batch.name[row] as number);
      if (intrinsic.statusMessage) append(batch.statusMessage, row);
      for (const index of inKey) {
        const entry = found.entries[index] as number;
        if (entry < 0) put(ABSENT);
        else append(batch.attributes.values, entry);
      }
      return used;
    },
    bytes: () => scratch,
    labels(_batch, row) {
      const pairs: [string, string][] = [];
      const resource = batch.resource[row] as number;
      const service = batch.resources.serviceName[resource] as number;
      if (intrinsic.service) pairs.push([serviceLabel, cutText(batch.strings.entries, service)]);
      const name = cutText(batch.strings.entries, batch.name[row] as number);
      if (intrinsic.spanName) pairs.push(["span_name", name]);
      if (intrinsic.spanName && isNamedTwice) pairs.push([OPERATION, name]);
      if (intrinsic.spanKind)
        pairs.push(["span_kind", SPAN_KINDS[batch.kind[row] as number] ?? "SPAN_KIND_UNSPECIFIED"]);
      if (intrinsic.statusCode)
        pairs.push(["status_code", STATUS_CODES[batch.statusCode[row] as number] ?? ""]);
      if (intrinsic.statusMessage)
        pairs.push(["status_message", cutText(batch.statusMessage, row)]);
      for (const { label, sources, join } of dimensions) {
        const values = sources
          .map((index) => attributeText(index, row))
          .filter((value) => value !== "");
        if (values.length > 0) pairs.push([label, values.join(join)]);
      }
      if (config.targetInfo) {
        pairs.push(["job", jobOf(batch, resource)], ["instance", instanceOf(batch, resource)]);
      }
      return withoutDoubles(pairs);
    },
  };
}

/** Two attributes may become one label; the first counts. */
function withoutDoubles(pairs: readonly (readonly [string, string])[]): LabelPairs {
  const names = new Set<string>();
  return pairs.filter(([name]) => !names.has(name) && names.add(name).has(name));
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function cutText(column: ByteColumn, row: number): string {
  const view = column.view(row);
  return view.length <= VALUE_BYTES_MAX
    ? decoder.decode(view)
    : decoder.decode(view.subarray(0, VALUE_BYTES_MAX));
}
