/**
 * Random traces as OTLP JSON, one request each: for comparing two servers that hold the same spans. They have what
 * real ones have seldom: attributes of every type, one key in several scopes and with several types, roots that never
 * came, orphans, spans that took no time, and odd names.
 */
import type { Rng } from "./rng.ts";

export interface RandomTracesSize {
  readonly traces: number;
  readonly spansMax: number;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Whether some roots and parents never came, and some traces have several roots. */
  readonly broken: boolean;
}

type Value =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly Value[] } };
interface KeyValue {
  readonly key: string;
  readonly value: Value;
}
interface RandomSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly object[];
  readonly links: readonly object[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly traceState?: string;
}
/** One request: all spans of a trace. */
export interface RandomTrace {
  readonly traceId: string;
  readonly spanIds: readonly string[];
  readonly body: object;
}

const text = (value: string): Value => ({ stringValue: value });
const int = (value: number | string): Value => ({ intValue: String(value) });
const double = (value: number): Value => ({ doubleValue: value });
const bool = (value: boolean): Value => ({ boolValue: value });
const array = (...values: readonly Value[]): Value => ({ arrayValue: { values } });

const names = [
  ...["GET /", "POST /cart", "select", "insert", "publish", "work", "GET /", "select"],
  ...["日本語 ☃", 'with "quotes"', "a\\b", "x".repeat(40)],
];
const services = ["shop", "cart", "db", "mail", "überweisung"];

/** The pools that queries are made of too: a value of each attribute is one of these. */
const spanPool: readonly (readonly [key: string, values: readonly Value[]])[] = [
  ["app.status", [int(200), int(404), int(500), int(503), text("200")]],
  ["app.method", [text("GET"), text("POST"), text("PUT")]],
  ["app.url", [text("https://shop/cart?id=1"), text("/"), text("")]],
  ["retry", [bool(true), bool(false)]],
  ["cost", [double(0.5), double(2), double(-3.25), double(1e21)]],
  ["n", [int(0), int(7), int(-3), int("9007199254740993"), int(100)]],
  ["mixed", [int(1), text("1"), bool(true)]],
  ["level", [text("info"), text("error"), text("WARN")]],
  ["tags", [array(text("a"), text("b")), array(text("b"), text("c"), text("d")), array(text("a"))]],
  ["nums", [array(int(1), int(2), int(3)), array(int(7)), array(int(200), int(1))]],
  ["ratios", [array(double(0.5), double(1.5)), array(double(2))]],
  ["flags", [array(bool(true), bool(false)), array(bool(false))]],
  ["user name", [text("ann"), text("bob ☃")]],
  ["with-dash", [text("d"), int(4)]],
  ["ключ", [text("значение"), int(9)]],
  ["size", [int(10), int(1000), int(100_000)]],
];
const resourcePool: readonly (readonly [key: string, values: readonly Value[]])[] = [
  ["cluster", [text("eu"), text("us")]],
  ["namespace", [text("prod"), text("dev")]],
  ["pod.name", [text("pod-1"), text("pod-2")]],
  ["level", [text("info"), text("resource")]],
  ["n", [int(7), int(42)]],
  ["weights", [array(double(1), double(2)), array(int(1))]],
  ["enabled", [bool(true), bool(false)]],
];
const eventPool: readonly (readonly [key: string, values: readonly Value[]])[] = [
  ["level", [text("warn"), text("error")]],
  ["exception.message", [text("boom"), text("no such\nthing")]],
  ["n", [int(1), int(7), int(-2)]],
  ["handled", [bool(true), bool(false)]],
];
const linkPool: readonly (readonly [key: string, values: readonly Value[]])[] = [
  ["relation", [text("follows"), text("batch")]],
  ["n", [int(1), int(2)]],
];
const scopePool: readonly (readonly [key: string, values: readonly Value[]])[] = [
  ["lib", [text("http"), text("pg")]],
  ["n", [int(3), int(7)]],
];

export function randomTraces(rng: Rng, size: RandomTracesSize): RandomTrace[] {
  const ids: { traceId: string; spanId: string }[] = [];
  return Array.from({ length: size.traces }, () => {
    const trace = randomTrace(rng, size, ids);
    const [first = ""] = trace.spanIds;
    ids.push({ traceId: trace.traceId, spanId: first });
    return trace;
  });
}

function hex(rng: Rng, bytes: number): string {
  const out = rng.bytes(bytes);
  // An id of zeros is none.
  if (out.every((byte) => byte === 0)) out[0] = 1;
  return Buffer.from(out).toString("hex");
}

function attributes(rng: Rng, pool: typeof spanPool, chance: number): KeyValue[] {
  return pool
    .filter(() => rng.chance(chance))
    .map(([key, values]) => ({ key, value: rng.pick(values) }));
}

interface Drawn {
  readonly spanId: string;
  readonly startNs: bigint;
  readonly durationNs: bigint;
  readonly span: RandomSpan;
}

function randomTrace(
  rng: Rng,
  size: RandomTracesSize,
  others: readonly { traceId: string; spanId: string }[],
): RandomTrace {
  const traceId = rng.chance(0.1) ? `00000000${hex(rng, 12)}` : hex(rng, 16);
  const count = rng.chance(0.15) ? rng.between(20, size.spansMax) : rng.between(1, 8);
  const width = Number((size.toNs - size.fromNs) / 1_000_000n);
  const startNs = size.fromNs + BigInt(rng.below(width)) * 1_000_000n + BigInt(rng.below(1000));
  const drawn: Drawn[] = [];
  const rootless = size.broken && rng.chance(0.12);
  for (let i = 0; i < count; i++) {
    const parent = i === 0 || (size.broken && rng.chance(0.02)) ? undefined : rng.pick(drawn);
    const lost = parent === undefined ? rootless : size.broken && rng.chance(0.04);
    drawn.push(randomSpan(rng, { traceId, startNs, parent, lost, others }));
  }
  return {
    traceId,
    spanIds: drawn.map(({ spanId }) => spanId),
    body: { resourceSpans: resourceGroups(rng, drawn) },
  };
}

function randomSpan(
  rng: Rng,
  at: {
    readonly traceId: string;
    readonly startNs: bigint;
    readonly parent: Drawn | undefined;
    readonly lost: boolean;
    readonly others: readonly { traceId: string; spanId: string }[];
  },
): Drawn {
  const { parent } = at;
  const room = Number((parent?.durationNs ?? 5_000_000_000n) / 2n);
  const startNs =
    (parent?.startNs ?? at.startNs) + (parent === undefined ? 0n : BigInt(rng.below(room + 1)));
  const durationNs = rng.chance(0.06)
    ? 0n
    : BigInt(rng.pick([rng.below(1000), rng.below(3_000_000), rng.below(room + 1), 1_000_000]));
  const spanId = hex(rng, 8);
  const parentSpanId = at.lost ? hex(rng, 8) : parent?.spanId;
  const code = rng.pick([0, 0, 1, 2]);
  const span: RandomSpan = {
    traceId: at.traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: rng.pick(names),
    kind: rng.below(6),
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + durationNs),
    attributes: attributes(rng, spanPool, 0.3),
    events: Array.from({ length: rng.chance(0.25) ? rng.between(1, 3) : 0 }, () => ({
      name: rng.pick(["log", "exception", "ünïcode"]),
      timeUnixNano: String(startNs + BigInt(rng.below(Number(durationNs) + 1))),
      attributes: attributes(rng, eventPool, 0.5),
    })),
    links: Array.from(
      { length: at.others.length > 0 && rng.chance(0.12) ? rng.between(1, 2) : 0 },
      () => ({ ...rng.pick(at.others), attributes: attributes(rng, linkPool, 0.5) }),
    ),
    status:
      code === 2 && rng.chance(0.7) ? { code, message: rng.pick(["boom", "late ☃"]) } : { code },
    ...(rng.chance(0.05) ? { traceState: "vendor=1" } : {}),
  };
  return { spanId, startNs, durationNs, span };
}

/** Spans of a service stand together, by instrumentation scope. */
function resourceGroups(rng: Rng, drawn: readonly Drawn[]): object[] {
  const groups = new Map<string, Map<string, RandomSpan[]>>();
  for (const { span } of drawn) {
    const service = rng.chance(0.03) ? "" : rng.pick(services);
    const scope = rng.pick(["http", "pg", ""]);
    const scopes = groups.get(service) ?? new Map<string, RandomSpan[]>();
    groups.set(service, scopes);
    scopes.set(scope, [...(scopes.get(scope) ?? []), span]);
  }
  return [...groups].map(([service, scopes]) => ({
    resource: {
      attributes: [
        ...(service === "" ? [] : [{ key: "service.name", value: text(service) }]),
        ...attributes(rng, resourcePool, 0.5),
      ],
    },
    scopeSpans: [...scopes].map(([name, spans]) => ({
      ...(name === ""
        ? {}
        : {
            scope: {
              name,
              version: rng.pick(["1.0", "2.1"]),
              attributes: attributes(rng, scopePool, 0.4),
            },
          }),
      spans,
    })),
  }));
}
