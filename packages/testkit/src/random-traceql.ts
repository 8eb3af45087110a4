/** Random TraceQL over the spans of `random-traces.ts`: for comparing two servers that hold the same spans. */
import type { Rng } from "./rng.ts";

export interface RandomTraceql {
  /** A query whose answer is traces. */
  search(): string;
  /** A query whose answer is series. */
  metrics(): string;
}

interface Field {
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly ordered?: boolean;
}

const STRING_OPS = ["=", "!=", "=~", "!~"];
const ARRAYS = new Set(["span.tags", ".tags", "span.nums", ".nums"]);
const NUMBER_OPS = ["=", "!=", ">", ">=", "<", "<="];

const strings: readonly Field[] = [
  { names: ["name", "span:name"], values: ['"GET /"', '"select"', '"日本語 ☃"', '"a\\\\b"'] },
  { names: ["rootName", "trace:rootName"], values: ['"GET /"', '"work"'] },
  {
    names: ["rootServiceName", "trace:rootService"],
    values: ['"shop"', '"db"', '""'],
  },
  {
    names: ["resource.service.name", ".service.name"],
    values: ['"shop"', '"cart"', '"überweisung"', '"none"'],
  },
  { names: ["statusMessage", "span:statusMessage"], values: ['"boom"', '""'] },
  { names: ["span.app.method", ".app.method"], values: ['"GET"', '"POST"', '""'] },
  { names: ["span.app.url", ".app.url"], values: ['"/"', '""', '"https://shop/cart?id=1"'] },
  {
    names: [".level", "span.level", "resource.level", "event.level"],
    values: ['"info"', '"error"', '"warn"', '"resource"'],
  },
  { names: [".cluster", "resource.cluster", "resource.namespace"], values: ['"eu"', '"prod"'] },
  { names: ["resource.pod.name", ".pod.name"], values: ['"pod-1"'] },
  { names: ['span."user name"', '."user name"'], values: ['"ann"', '"bob ☃"'] },
  { names: ["span.with-dash", ".ключ"], values: ['"d"', '"значение"'] },
  { names: ["event:name"], values: ['"log"', '"exception"', '"ünïcode"'] },
  { names: ["event.exception.message"], values: ['"boom"', '"no such\\nthing"'] },
  { names: ["link.relation"], values: ['"follows"', '"batch"'] },
  { names: ["instrumentation:name"], values: ['"http"', '"pg"', '""'] },
  { names: ["instrumentation:version"], values: ['"1.0"', '"2.1"'] },
  { names: ["instrumentation.lib"], values: ['"http"', '"pg"'] },
  { names: ["span.tags", ".tags"], values: ['"a"', '"b"', '"zzz"'] },
  { names: ["span.mixed", ".mixed", ".app.status"], values: ['"1"', '"200"'] },
];
const numbers: readonly Field[] = [
  {
    names: ["span.app.status", ".app.status"],
    values: ["200", "404", "500", "503"],
  },
  { names: ["span.cost", ".cost"], values: ["0.5", "2.0", "-3.25", "0.0"] },
  {
    names: [".n", "span.n", "resource.n"],
    values: ["0", "7", "-3", "42", "100", "9007199254740993"],
  },
  { names: ["event.n", "link.n", "instrumentation.n"], values: ["1", "7", "-2"] },
  { names: ["span.mixed", ".mixed", ".ключ", "span.with-dash"], values: ["1", "9", "4"] },
  { names: ["span.size"], values: ["10", "1000", "5000"] },
  { names: ["span.nums", ".nums"], values: ["1", "7", "3"] },
  { names: ["span.ratios"], values: ["0.5", "2.0"] },
  { names: ["span:childCount"], values: ["0", "1", "2"] },
  { names: ["nestedSetParent"], values: ["-1", "0"] },
];
const durations: readonly Field[] = [
  { names: ["duration", "span:duration"], values: ["1ms", "0s", "500us", "1s", "100ns", "1.5ms"] },
  { names: ["traceDuration", "trace:duration"], values: ["1s", "2s500ms", "1ms"] },
  { names: ["event:timeSinceStart"], values: ["1us", "1ms", "0s"] },
];
const keywords: readonly Field[] = [
  { names: ["status", "span:status"], values: ["error", "ok", "unset"] },
  {
    names: ["kind", "span:kind"],
    values: ["server", "client", "internal", "unspecified", "producer"],
  },
  {
    names: ["span.retry", ".retry", "resource.enabled", "event.handled"],
    values: ["true", "false"],
  },
];
const regexes = [
  '"G.*"',
  '".*"',
  '""',
  '"(?i)INFO|warn"',
  '"[a-c]+"',
  '"s.op|db"',
  '"a|b"',
  '"日.*"',
];

const anyAttribute = [
  ...[
    "span.n",
    ".n",
    "resource.n",
    ".level",
    "event.level",
    "span.mixed",
    "span.tags",
    "span.nums",
  ],
  ...["resource.cluster", "span.cost", "span.retry", "span.missing", "link.n", "instrumentation.n"],
  ...["span.app.status", ".app.method", "resource.service.name", 'span."user name"'],
  ...["event.exception.message", "link.relation", "instrumentation.lib", "span.flags"],
];
const groupable = [
  ...["resource.service.name", "name", "status", "kind", "span.app.status", ".n", "span.retry"],
  ...["span.cost", "span.mixed", ".level", "rootServiceName", "resource.cluster", "span.missing"],
  ...[
    "event:name",
    "event.level",
    "instrumentation:name",
    "span.tags",
    "statusMessage",
    "rootName",
  ],
];
const selectable = [
  ...[...anyAttribute, "name", "status", "kind", "duration", "rootName", "traceDuration"],
  ...["event:name", "event:timeSinceStart", "link:traceID", "link:spanID", "statusMessage"],
  ...[
    "nestedSetLeft",
    "nestedSetParent",
    "span:childCount",
    "span:parentID",
    "span:id",
    "trace:id",
  ],
  ...["instrumentation:name", "instrumentation:version", "rootServiceName"],
];
const measurable = ["duration", "span.n", "span.size", "span.cost", ".n", "span.app.status"];
const structural = [
  ...[">", ">>", "<", "<<", "~", ">", ">>"],
  ...["!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"],
];

export function createRandomTraceql(rng: Rng): RandomTraceql {
  const { pick, chance } = rng;
  const distinct = (items: readonly string[], most: number): string[] => [
    ...new Set(Array.from({ length: rng.between(1, most) }, () => pick(items))),
  ];

  const comparison = (): string => {
    const kind = rng.next();
    if (kind < 0.32) {
      const field = pick(strings);
      // Whether all or some items of an array must differ is answered differently by servers.
      const op = pick(field.names.some((name) => ARRAYS.has(name)) ? ["=", "=~"] : STRING_OPS);
      const value = op.endsWith("~") ? pick(regexes) : pick(field.values);
      if (chance(0.03)) return `${pick(field.values)} ${pick(["=", "!="])} ${pick(field.names)}`;
      return `${pick(field.names)} ${op} ${value}`;
    }
    if (kind < 0.5) {
      const field = pick(numbers);
      if (chance(0.06)) return `${pick(field.values)} ${pick(["=", "!="])} ${pick(field.names)}`;
      const op = pick(field.names.some((name) => ARRAYS.has(name)) ? ["=", ">", "<="] : NUMBER_OPS);
      return `${pick(field.names)} ${op} ${pick(field.values)}`;
    }
    if (kind < 0.62) {
      const field = pick(durations);
      return `${pick(field.names)} ${pick(NUMBER_OPS)} ${pick(field.values)}`;
    }
    if (kind < 0.76) {
      const field = pick(keywords);
      return `${pick(field.names)} ${pick(["=", "!="])} ${pick(field.values)}`;
    }
    if (kind < 0.84) {
      const attribute = pick(anyAttribute);
      // What is missing in an event or link is asked of each, and without scope of each scope.
      const op = /^(event|link|\.)/.test(attribute) ? "!=" : pick(["!=", "!=", "="]);
      return `${attribute} ${op} nil`;
    }
    if (kind < 0.87) return pick(["span.retry", ".retry", "!span.retry", "!resource.enabled"]);
    if (kind < 0.9) return `${pick(anyAttribute)} = ${pick(anyAttribute)}`;
    if (kind < 0.91)
      return pick(['span:id = "0000000000000000"', 'trace:id != "12"', 'span:parentID != ""']);
    if (kind < 0.93)
      return pick(["span.level =~ resource.level", "1 = 1", "true", "false", "1 > 2"]);
    return arithmetic();
  };
  const arithmetic = (): string => {
    const a = pick(["span.n", ".n", "span.cost", "span.size", "span.app.status", "resource.n"]);
    const op = pick(["+", "-", "*", "/", "%", "^"]);
    const b = pick(["1", "2", "0.5", "span.cost", "resource.n", "0"]);
    if (chance(0.15)) return `-${a} ${pick(NUMBER_OPS)} ${pick(["3", "-7", "0"])}`;
    if (chance(0.2))
      return `duration ${pick(NUMBER_OPS)} ${pick(["1ms * 2", "1s / 4", "1ms + 1us", "traceDuration / 2"])}`;
    return `${a} ${op} ${b} ${pick(NUMBER_OPS)} ${pick(["0", "7", "100", "2.5"])}`;
  };
  const condition = (depth: number): string => {
    const kind = rng.next();
    if (depth <= 0 || kind < 0.55) return comparison();
    const two = `${condition(depth - 1)} ${pick(["&&", "||", "&&"])} ${condition(depth - 1)}`;
    return kind < 0.85 ? two : `(${two})`;
  };
  const filter = (): string => (chance(0.12) ? "{ }" : `{ ${condition(2)} }`);
  const spansets = (depth: number): string => {
    if (depth <= 0 || chance(0.45)) return filter();
    const op = chance(0.25) ? pick(["&&", "||"]) : pick(structural);
    const one = `${spansets(depth - 1)} ${op} ${spansets(depth - 1)}`;
    return chance(0.25) ? `(${one})` : one;
  };
  const aggregate = (): string => {
    if (chance(0.5)) return `count() ${pick(NUMBER_OPS)} ${pick(["0", "1", "2", "5"])}`;
    const what = pick(["duration", "span.size", "span.app.status"]);
    const op = pick(["min", "max", "avg", "sum"]);
    const bound =
      what === "duration" ? pick(["1ms", "1s", "0s", "100us"]) : pick(["0", "7", "200", "404"]);
    return `${op}(${what}) ${pick(NUMBER_OPS)} ${bound}`;
  };
  const stage = (): string =>
    pick<() => string>([
      aggregate,
      aggregate,
      filter,
      () => `select(${distinct(selectable, 4).join(", ")})`,
      () => `select(${distinct(selectable, 4).join(", ")})`,
      () => `by(${pick(groupable)})`,
      () => `by(${pick(groupable)}) | ${aggregate()}`,
      () => "coalesce()",
      () => `by(${pick(["duration / 2", "span.n * 2", "span.n > 1", "duration > 1ms"])})`,
    ])();
  const search = (): string => {
    let out = spansets(2);
    // No stage may follow it.
    if (chance(0.1))
      return `(${filter()} | ${aggregate()}) ${pick(["&&", "||"])} (${spansets(1)} | ${aggregate()})`;
    for (let i = rng.pick([0, 0, 1, 1, 2]); i > 0; i--) out += ` | ${stage()}`;
    if (chance(0.03)) out += " with(most_recent=true)";
    return out;
  };

  const by = (): string => (chance(0.6) ? ` by(${distinct(groupable, 2).join(", ")})` : "");
  const call = (): string =>
    pick<() => string>([
      () => `rate()${by()}`,
      () => `count_over_time()${by()}`,
      () => `rate()${by()}`,
      () =>
        `${pick(["min", "max", "avg", "sum"])}_over_time(${pick([...measurable, "span.mixed"])})${by()}`,
      () =>
        `quantile_over_time(${pick(["duration", "duration", "span.n", "span.size", "traceDuration"])}, ${pick([".5", "0.9, 0.5", "0", "1", ".99"])})${by()}`,
      () =>
        `histogram_over_time(${pick(["duration", "duration", "span.size", "span.cost"])})${by()}`,
    ])();
  const pipeline = (): string =>
    chance(0.7)
      ? filter()
      : `${spansets(1)}${chance(0.4) ? ` | ${pick([filter, aggregate, () => `select(${pick(selectable)})`])()}` : ""}`;
  const second = (): string => {
    if (chance(0.65)) return "";
    if (chance(0.6)) return ` | ${pick(["topk", "bottomk"])}(${pick(["1", "2", "5"])})`;
    return ` ${pick([">", ">=", "<", "<=", "=", "!="])} ${pick(["0", "1", "0.05", "2"])}`;
  };
  const query = (): string => `${pipeline()} | ${call()}`;
  const metrics = (): string => {
    const kind = rng.next();
    if (kind < 0.06) return `${filter()} | compare(${filter()}${pick(["", ", 3", ", 10"])})`;
    if (kind < 0.8) return `${query()}${second()}${chance(0.05) ? " with(exemplars=true)" : ""}`;
    const op = pick(["+", "-", "*", "/"]);
    if (kind < 0.9) return `(${query()}) ${op} (${query()})${second()}`;
    if (kind < 0.95) return `(${query()}) ${op} ${pick(["2", "0.5", "100"])}`;
    const groups = by();
    return `(${filter()} | count_over_time()${groups}) ${op} (${filter()} | count_over_time()${groups})${second()}`;
  };
  return { search, metrics };
}
