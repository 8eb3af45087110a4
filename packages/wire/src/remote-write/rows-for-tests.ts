/** A batch as lines of text, so that a test says in one line what it wants. Tests only. */
import { type SampleBatch, STALE_NAN_WORDS } from "@triptych/model";

export function labelText(batch: SampleBatch, series: number): string {
  const labels = batch.series.labels(series);
  const name = labels.find(([label]) => label === "__name__")?.[1] ?? "";
  const others = labels.filter(([label]) => label !== "__name__");
  if (others.length === 0) return name;
  return `${name}{${others.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(",")}}`;
}

const start = (startMs: number): string => (startMs === 0 ? "" : ` from ${startMs}`);

export function sampleRows(batch: SampleBatch): string[] {
  const { samples } = batch;
  return Array.from({ length: samples.rows }, (_, row) => {
    const labels = labelText(batch, samples.series[row] as number);
    const value = numberText(samples.value, row);
    return `${labels} ${value} @${samples.timeMs[row]}${start(samples.startMs[row] as number)}`;
  });
}

export function histogramRows(batch: SampleBatch): string[] {
  const { histograms: h } = batch;
  return Array.from({ length: h.rows }, (_, row) => {
    const side = (name: "positive" | "negative"): string => {
      const spans = h[`${name}Spans`];
      const counts = h[`${name}Counts`];
      let out = "";
      for (let i = spans.offsets[row] as number; i < (spans.offsets[row + 1] as number); i++)
        out += ` ${spans.gap[i]}:${spans.length[i]}`;
      const from = counts.offsets[row] as number;
      const list = counts.values.slice(from, counts.offsets[row + 1] as number);
      return list.length === 0 && out === "" ? "" : ` ${name}${out} [${list.join(" ")}]`;
    };
    const custom = h.customValues.values.slice(
      h.customValues.offsets[row] as number,
      h.customValues.offsets[row + 1] as number,
    );
    return (
      `${labelText(batch, h.series[row] as number)} count=${h.count[row]} sum=${numberText(h.sum, row)}` +
      ` schema=${h.schema[row]} zero=${h.zeroCount[row]}/${h.zeroThreshold[row]} hint=${h.resetHint[row]}` +
      `${side("positive")}${side("negative")}${custom.length === 0 ? "" : ` custom [${custom.join(" ")}]`}` +
      ` @${h.timeMs[row]}${start(h.startMs[row] as number)}`
    );
  });
}

export function exemplarRows(batch: SampleBatch): string[] {
  const { exemplars: e } = batch;
  return Array.from({ length: e.rows }, (_, row) => {
    const { attributes } = e;
    const parts: string[] = [];
    for (
      let i = attributes.offsets[row] as number;
      i < (attributes.offsets[row + 1] as number);
      i++
    )
      parts.push(`${batch.keys.text(attributes.keys[i] as number)}=${attributes.values.text(i)}`);
    const hex = (bytes: Uint8Array): string =>
      Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const trace = hex(e.traceId.slice(row * 16, row * 16 + 16));
    const span = hex(e.spanId.slice(row * 8, row * 8 + 8));
    const ids = /^0*$/.test(trace) ? "" : ` trace=${trace} span=${span}`;
    const rest = parts.length === 0 ? "" : ` ${parts.join(" ")}`;
    return `${labelText(batch, e.series[row] as number)} ${e.value[row]} @${e.timeMs[row]}${ids}${rest}`;
  });
}

function numberText(values: Float64Array, row: number): string {
  const words = new Uint32Array(values.buffer, values.byteOffset + row * 8, 2);
  if (words[0] === STALE_NAN_WORDS.low && words[1] === STALE_NAN_WORDS.high) return "stale";
  return String(values[row]);
}
