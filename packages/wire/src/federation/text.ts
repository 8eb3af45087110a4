/**
 * Families in the text format. Native histograms with exponential buckets have no form there and
 * are left out; those with custom buckets are written as classic histograms.
 */
import type { FederatedFamily, FederatedSample } from "./family.ts";
import { type Escaping, escapedName, isPlainName } from "./format.ts";

const CUSTOM_SCHEMA = -53;

/** Pieces of the text, a sample or so each. */
export function* federationText(
  families: Iterable<FederatedFamily>,
  escaping: Escaping,
): Generator<string> {
  for (const family of families) {
    const samples = family.samples.filter(
      ({ histogram }) => histogram === undefined || histogram.schema === CUSTOM_SCHEMA,
    );
    if (samples.length === 0) continue;
    const type = samples.some(({ histogram }) => histogram !== undefined) ? "histogram" : "untyped";
    yield `# TYPE ${nameText(escapedName(family.name, "metric", escaping))} ${type}\n`;
    for (const sample of samples) yield* lines(sample, escaping);
  }
}

function* lines(sample: FederatedSample, escaping: Escaping): Generator<string> {
  const { histogram, labels, timeMs } = sample;
  const line = (name: string, extra: FederatedSample["labels"], value: string): string =>
    `${seriesText(name, [...labels, ...extra], escaping)} ${value} ${timeMs}\n`;
  if (histogram === undefined) {
    yield line(sample.name, [], numberText(sample.value));
    return;
  }
  const { gaps, lengths, counts } = histogram.positive;
  const inBucket = new Map<number, number>();
  let index = 0;
  let at = 0;
  for (let run = 0; run < lengths.length; run++) {
    index += gaps[run] as number;
    for (let i = 0; i < (lengths[run] as number); i++)
      inBucket.set(index++, counts[at++] as number);
  }
  let total = 0;
  for (let i = 0; i < histogram.customValues.length; i++) {
    total += inBucket.get(i) ?? 0;
    const le = numberText(histogram.customValues[i] as number);
    yield line(`${sample.name}_bucket`, [["le", le]], numberText(total));
  }
  yield line(`${sample.name}_bucket`, [["le", "+Inf"]], numberText(histogram.count));
  yield line(
    `${sample.name}_sum`,
    [],
    numberText(new Float64Array(histogram.sumWords.slice().buffer)[0] as number),
  );
  yield line(`${sample.name}_count`, [], numberText(histogram.count));
}

function seriesText(name: string, labels: FederatedSample["labels"], escaping: Escaping): string {
  const shown = escapedName(name, "metric", escaping);
  const parts = labels.map(([label, value]) => {
    const plain = escapedName(label, "label", escaping);
    return `${isPlainName(plain, "label") ? plain : quoted(plain)}=${quoted(value)}`;
  });
  if (!isPlainName(shown, "metric")) return `{${[quoted(shown), ...parts].join(",")}}`;
  return parts.length === 0 ? shown : `${shown}{${parts.join(",")}}`;
}

function nameText(name: string): string {
  return isPlainName(name, "metric") ? name : quoted(name);
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** As Go writes them: the shortest digits, with an exponent where it is below -4 or at least 21. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", power = "0"] = value.toExponential().split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 21) return String(value);
  const size = Math.abs(exponent);
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${size < 10 ? "0" : ""}${size}`;
}
