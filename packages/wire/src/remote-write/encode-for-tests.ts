/** Writes remote write requests of both versions from plain objects. Tests only. */

export type Labels = readonly (readonly [name: string, value: string])[];

export interface TestHistogram {
  readonly timeMs: number;
  readonly startMs?: number;
  readonly count: number;
  readonly isFloat?: boolean;
  readonly sum?: number | "stale";
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCount?: number;
  readonly resetHint?: number;
  readonly positive?: TestSide;
  readonly negative?: TestSide;
  readonly customValues?: readonly number[];
}

/** Spans, then differences for integers or counts for floats. */
export interface TestSide {
  readonly spans: readonly (readonly [gap: number, length: number])[];
  readonly numbers: readonly number[];
}

export interface TestSeries {
  readonly labels: Labels;
  readonly samples?: readonly (readonly [
    timeMs: number,
    value: number | "stale",
    startMs?: number,
  ])[];
  readonly histograms?: readonly TestHistogram[];
  readonly exemplars?: readonly { labels: Labels; value: number; timeMs: number }[];
  readonly createdMs?: number;
  readonly metadata?: { readonly type: number; readonly help?: string; readonly unit?: string };
}

export interface TestMetadata {
  readonly type: number;
  readonly family: string;
  readonly help: string;
  readonly unit: string;
}

const encoder = new TextEncoder();

export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
  return out;
}

const zigzag = (value: number): bigint =>
  BigInt.asUintN(64, value < 0 ? BigInt(-value) * 2n - 1n : BigInt(value) * 2n);
const int = (field: number, value: number | bigint): number[] => [
  ...varint(field * 8),
  ...varint(value),
];
export const bytes = (field: number, value: ArrayLike<number>): number[] => [
  ...varint(field * 8 + 2),
  ...varint(value.length),
  ...Array.from(value),
];
const text = (field: number, value: string): number[] => bytes(field, encoder.encode(value));

function doubleBytes(value: number | "stale"): number[] {
  const view = new DataView(new ArrayBuffer(8));
  if (value === "stale") view.setBigUint64(0, 0x7ff0000000000002n, true);
  else view.setFloat64(0, value, true);
  return [...new Uint8Array(view.buffer)];
}
const double = (field: number, value: number | "stale"): number[] => [
  ...varint(field * 8 + 1),
  ...doubleBytes(value),
];

function side(at: number, value: TestSide, isFloat: boolean): number[] {
  const out: number[] = [];
  for (const [gap, length] of value.spans)
    out.push(...bytes(at, [...int(1, zigzag(gap)), ...int(2, length)]));
  if (isFloat) out.push(...bytes(at + 2, value.numbers.flatMap(doubleBytes)));
  else
    out.push(
      ...bytes(
        at + 1,
        value.numbers.flatMap((n) => varint(zigzag(n))),
      ),
    );
  return out;
}

export function histogram(value: TestHistogram): number[] {
  const isFloat = value.isFloat === true;
  return [
    ...(isFloat ? double(2, value.count) : int(1, value.count)),
    ...double(3, value.sum ?? 0),
    ...int(4, zigzag(value.schema ?? 0)),
    ...double(5, value.zeroThreshold ?? 0),
    ...(isFloat ? double(7, value.zeroCount ?? 0) : int(6, value.zeroCount ?? 0)),
    ...(value.negative === undefined ? [] : side(8, value.negative, isFloat)),
    ...(value.positive === undefined ? [] : side(11, value.positive, isFloat)),
    ...int(14, value.resetHint ?? 0),
    ...int(15, value.timeMs),
    ...(value.customValues === undefined ? [] : bytes(16, value.customValues.flatMap(doubleBytes))),
    ...(value.startMs === undefined ? [] : int(17, value.startMs)),
  ];
}

export function encodeVersion1(
  series: readonly TestSeries[],
  metadata: readonly TestMetadata[] = [],
): Uint8Array {
  const out: number[] = [];
  const label = ([name, value]: readonly [string, string]) =>
    bytes(1, [...text(1, name), ...text(2, value)]);
  for (const one of series) {
    const message: number[] = one.labels.flatMap(label);
    for (const [timeMs, value] of one.samples ?? [])
      message.push(...bytes(2, [...double(1, value), ...int(2, timeMs)]));
    for (const { labels, value, timeMs } of one.exemplars ?? []) {
      const exemplar = [...labels.flatMap(label), ...double(2, value), ...int(3, timeMs)];
      message.push(...bytes(3, exemplar));
    }
    for (const one1 of one.histograms ?? []) message.push(...bytes(4, histogram(one1)));
    for (const byte of bytes(1, message)) out.push(byte);
  }
  for (const { type, family, help, unit } of metadata)
    out.push(
      ...bytes(3, [...int(1, type), ...text(2, family), ...text(4, help), ...text(5, unit)]),
    );
  return Uint8Array.from(out);
}

export function encodeVersion2(series: readonly TestSeries[]): Uint8Array {
  const symbols = new Map<string, number>([["", 0]]);
  const ref = (value: string): number => {
    const known = symbols.get(value);
    if (known !== undefined) return known;
    symbols.set(value, symbols.size);
    return symbols.size - 1;
  };
  const refs = (labels: Labels): number[] =>
    bytes(
      1,
      labels.flatMap(([name, value]) => [...varint(ref(name)), ...varint(ref(value))]),
    );
  const messages: number[] = [];
  for (const one of series) {
    const message = refs(one.labels);
    for (const [timeMs, value, startMs] of one.samples ?? []) {
      const start = startMs === undefined ? [] : int(3, startMs);
      message.push(...bytes(2, [...double(1, value), ...int(2, timeMs), ...start]));
    }
    for (const one1 of one.histograms ?? []) message.push(...bytes(3, histogram(one1)));
    for (const { labels, value, timeMs } of one.exemplars ?? [])
      message.push(...bytes(4, [...refs(labels), ...double(2, value), ...int(3, timeMs)]));
    if (one.metadata !== undefined) {
      const { type, help = "", unit = "" } = one.metadata;
      message.push(...bytes(5, [...int(1, type), ...int(3, ref(help)), ...int(4, ref(unit))]));
    }
    if (one.createdMs !== undefined) message.push(...int(6, one.createdMs));
    for (const byte of bytes(5, message)) messages.push(byte);
  }
  const out: number[] = [];
  for (const symbol of symbols.keys()) out.push(...text(4, symbol));
  for (const byte of messages) out.push(byte);
  return Uint8Array.from(out);
}
