/**
 * Families as `io.prometheus.client.MetricFamily` messages, each after its length: the one format that carries native
 * histograms. Series of classic histograms and summaries are families of their own here, because a message of those
 * kinds needs all of its parts.
 */
import type { HistogramMessage } from "../remote-write/histogram-message.ts";
import { MessageWriter } from "../remote-write/message-writer.ts";
import type { FederatedFamily, FederatedSample } from "./family.ts";
import { type Escaping, escapedName } from "./format.ts";

const CUSTOM_SCHEMA = -53;
const UNTYPED = 3;
const HISTOGRAM = 4;
const GAUGE_HISTOGRAM = 5;
const GAUGE_HINT = 3;

/** A piece holds one family. */
export function* federationProtobuf(
  families: Iterable<FederatedFamily>,
  escaping: Escaping,
): Generator<Uint8Array<ArrayBuffer>> {
  for (const family of families)
    for (const group of groupsOf(family)) yield familyMessage(group, escaping);
}

interface Group {
  readonly name: string;
  readonly type: number;
  readonly samples: FederatedSample[];
}

function groupsOf(family: FederatedFamily): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const sample of family.samples) {
    const type = messageType(sample);
    const key = `${type}/${sample.name}`;
    const known = groups.get(key) ?? { name: sample.name, type, samples: [] };
    groups.set(key, known);
    known.samples.push(sample);
  }
  return groups.values();
}

function messageType({ histogram }: FederatedSample): number {
  if (histogram === undefined) return UNTYPED;
  return histogram.resetHint === GAUGE_HINT ? GAUGE_HISTOGRAM : HISTOGRAM;
}

/** The field of a metric that holds its value. */
const UNTYPED_FIELD = 5;

function familyMessage(group: Group, escaping: Escaping): Uint8Array<ArrayBuffer> {
  const out = new MessageWriter(group.samples.length * 96);
  const whole = out.beginDelimited();
  out.text(1, escapedName(group.name, "metric", escaping));
  out.uintAlways(3, group.type);
  for (const sample of group.samples) {
    const mark = out.begin(4);
    for (const [name, value] of sample.labels) {
      const label = out.begin(1);
      out.text(1, escapedName(name, "label", escaping));
      out.text(2, value);
      out.end(label);
    }
    if (sample.histogram === undefined) {
      const value = out.begin(UNTYPED_FIELD);
      out.doubleAlways(1, sample.value);
      out.end(value);
    } else {
      const histogram = out.begin(7);
      if (sample.histogram.schema === CUSTOM_SCHEMA) writeClassic(out, sample.histogram);
      else writeNative(out, sample.histogram);
      out.end(histogram);
    }
    out.int64(6, sample.timeMs);
    out.end(mark);
  }
  out.end(whole);
  return out.bytes();
}

function writeNative(out: MessageWriter, histogram: HistogramMessage): void {
  out.doubleBits(2, histogram.sumWords, 0);
  out.doubleAlways(4, histogram.count);
  out.sint(5, histogram.schema);
  out.double(6, histogram.zeroThreshold);
  out.doubleAlways(8, histogram.zeroCount);
  const sides = [
    [9, histogram.negative],
    [12, histogram.positive],
  ] as const;
  for (const [field, { gaps, lengths, counts }] of sides) {
    for (let i = 0; i < lengths.length; i++) {
      const span = out.begin(field);
      out.sint(1, gaps[i] as number);
      out.uint(2, lengths[i] as number);
      out.end(span);
    }
    for (let i = 0; i < counts.length; i++) out.doubleAlways(field + 2, counts[i] as number);
  }
  // Without any bucket and threshold it would look like a classic histogram: an empty run tells them apart.
  if (histogram.zeroThreshold === 0 && sides.every(([, side]) => side.lengths.length === 0)) {
    const span = out.begin(12);
    out.end(span);
  }
}

function writeClassic(out: MessageWriter, histogram: HistogramMessage): void {
  out.doubleBits(2, histogram.sumWords, 0);
  out.doubleAlways(4, histogram.count);
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
    const bucket = out.begin(3);
    out.doubleAlways(2, histogram.customValues[i] as number);
    out.doubleAlways(4, total);
    out.end(bucket);
  }
}
