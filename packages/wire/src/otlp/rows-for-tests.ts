/** Batches as plain rows that a test can compare. For tests only. */
import {
  type AttributeColumns,
  type Dictionary,
  type LogBatch,
  type SampleBatch,
  type SpanBatch,
  Temporality,
  ValueKind,
} from "@triptych/model";

const kindNames = Object.fromEntries(Object.entries(ValueKind).map(([name, kind]) => [kind, name]));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export function attributeRows(columns: AttributeColumns, keys: Dictionary, row: number): string[] {
  const out: string[] = [];
  for (let i = columns.offsets[row] as number; i < (columns.offsets[row + 1] as number); i++) {
    const key = keys.text(columns.keys[i] as number);
    out.push(`${key}=${kindNames[columns.kinds[i] as number]}:${columns.values.text(i)}`);
  }
  return out;
}

function entityRows(batch: SpanBatch | LogBatch, row: number): object {
  const { resources, scopes, strings, keys } = batch;
  const resource = batch.resource[row] as number;
  const scope = batch.scope[row] as number;
  return {
    service: strings.text(resources.serviceName[resource] as number),
    resource: attributeRows(resources.attributes, keys, resource),
    resourceSchema: resources.schemaUrl.text(resource),
    scope: `${strings.text(scopes.name[scope] as number)}@${strings.text(scopes.version[scope] as number)}`,
    scopeAttributes: attributeRows(scopes.attributes, keys, scope),
    scopeSchema: scopes.schemaUrl.text(scope),
  };
}

export function spanRows(batch: SpanBatch): object[] {
  return Array.from({ length: batch.rows }, (_, row) => ({
    traceId: hex(batch.traceId.subarray(row * 16, row * 16 + 16)),
    spanId: hex(batch.spanId.subarray(row * 8, row * 8 + 8)),
    parent: hex(batch.parentSpanId.subarray(row * 8, row * 8 + 8)),
    name: batch.strings.text(batch.name[row] as number),
    kind: batch.kind[row],
    start: batch.startNs[row],
    end: batch.endNs[row],
    status: `${batch.statusCode[row]} ${batch.statusMessage.text(row)}`,
    traceState: batch.traceState.text(row),
    flags: batch.flags[row],
    dropped: [batch.droppedAttributes[row], batch.droppedEvents[row], batch.droppedLinks[row]],
    attributes: attributeRows(batch.attributes, batch.keys, row),
    events: eventRows(batch, row),
    links: linkRows(batch, row),
    ...entityRows(batch, row),
  }));
}

function eventRows(batch: SpanBatch, row: number): object[] {
  const { events } = batch;
  const out: object[] = [];
  for (let i = events.offsets[row] as number; i < (events.offsets[row + 1] as number); i++)
    out.push({
      time: events.timeNs[i],
      name: batch.strings.text(events.name[i] as number),
      dropped: events.dropped[i],
      attributes: attributeRows(events.attributes, batch.keys, i),
    });
  return out;
}

function linkRows(batch: SpanBatch, row: number): object[] {
  const { links } = batch;
  const out: object[] = [];
  for (let i = links.offsets[row] as number; i < (links.offsets[row + 1] as number); i++)
    out.push({
      traceId: hex(links.traceId.subarray(i * 16, i * 16 + 16)),
      spanId: hex(links.spanId.subarray(i * 8, i * 8 + 8)),
      flags: links.flags[i],
      dropped: links.dropped[i],
      traceState: links.traceState.text(i),
      attributes: attributeRows(links.attributes, batch.keys, i),
    });
  return out;
}

export function logRows(batch: LogBatch): object[] {
  return Array.from({ length: batch.rows }, (_, row) => ({
    time: batch.timeNs[row],
    observed: batch.observedNs[row],
    severity: `${batch.severityNumber[row]} ${batch.strings.text(batch.severityText[row] as number)}`,
    event: batch.strings.text(batch.eventName[row] as number),
    body: `${kindNames[batch.bodyKind[row] as number]}:${batch.body.text(row)}`,
    traceId: hex(batch.traceId.subarray(row * 16, row * 16 + 16)),
    spanId: hex(batch.spanId.subarray(row * 8, row * 8 + 8)),
    flags: batch.flags[row],
    dropped: batch.droppedAttributes[row],
    attributes: attributeRows(batch.attributes, batch.keys, row),
    ...entityRows(batch, row),
  }));
}

const temporalityNames = Object.fromEntries(
  Object.entries(Temporality).map(([name, value]) => [value, name]),
);

export function seriesText(batch: SampleBatch, row: number): string {
  const labels = batch.series.labels(row).filter(([name]) => name !== "__name__");
  const text = labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",");
  return `${batch.series.label(row, "__name__")}{${text}}`;
}

/** One line a sample: `name{labels} value @time from start temporality`. */
export function sampleLines(batch: SampleBatch): string[] {
  const { samples, histograms, series } = batch;
  const words = new Uint32Array(samples.value.buffer, samples.value.byteOffset);
  const lines: string[] = [];
  for (let i = 0; i < samples.rows; i++) {
    const isStale = words[i * 2] === 2 && words[i * 2 + 1] === 0x7ff00000;
    const row = samples.series[i] as number;
    const value = isStale ? "stale" : String(samples.value[i]);
    const kind = temporalityNames[series.temporality[row] as number];
    lines.push(
      `${seriesText(batch, row)} ${value} @${samples.timeMs[i]} from ${samples.startMs[i]} ${kind}`,
    );
  }
  for (let i = 0; i < histograms.rows; i++) lines.push(histogramLine(batch, i));
  return lines;
}

function histogramLine(batch: SampleBatch, i: number): string {
  const { histograms: h, series } = batch;
  const runs = (
    spans: SampleBatch["histograms"]["positiveSpans"],
    counts: SampleBatch["histograms"]["positiveCounts"],
  ): string => {
    const out: string[] = [];
    for (let s = spans.offsets[i] as number; s < (spans.offsets[i + 1] as number); s++)
      out.push(`${spans.gap[s]}+${spans.length[s]}`);
    const values = counts.values.subarray(counts.offsets[i], counts.offsets[i + 1]);
    return `${out.join(",")}[${values.join(",")}]`;
  };
  const row = h.series[i] as number;
  return [
    seriesText(batch, row),
    `schema ${h.schema[i]} zero ${h.zeroThreshold[i]}:${h.zeroCount[i]}`,
    `pos ${runs(h.positiveSpans, h.positiveCounts)} neg ${runs(h.negativeSpans, h.negativeCounts)}`,
    `count ${h.count[i]} sum ${h.sum[i]} hint ${h.resetHint[i]}`,
    `@${h.timeMs[i]} from ${h.startMs[i]} ${temporalityNames[series.temporality[row] as number]}`,
  ].join(" ");
}

export function exemplarLines(batch: SampleBatch): string[] {
  const { exemplars: e } = batch;
  return Array.from({ length: e.rows }, (_, i) =>
    [
      seriesText(batch, e.series[i] as number),
      `${e.value[i]} @${e.timeMs[i]}`,
      hex(e.traceId.subarray(i * 16, i * 16 + 16)),
      hex(e.spanId.subarray(i * 8, i * 8 + 8)),
      ...attributeRows(e.attributes, batch.keys, i),
    ].join(" "),
  );
}

export function sampleRows(batch: SampleBatch): object {
  return {
    samples: sampleLines(batch),
    exemplars: exemplarLines(batch),
    metadata: batch.metadata,
  };
}
