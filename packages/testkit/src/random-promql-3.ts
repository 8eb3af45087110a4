/**
 * Random PromQL over the whole grammar of Prometheus 3.x, with everything that is behind a flag there: for comparing two
 * servers that hold the same samples, native histograms among them.
 */
import type { RandomPromql } from "./random-promql.ts";
import type { Rng } from "./rng.ts";

/** What the samples of a comparison should be called. */
export const randomPromqlNames = {
  floats: ["c_total", "g", "resets_total", "gaps", "special", "h_seconds_count", "sparse_total"],
  histograms: ["nh", "nh_gauge", "nh_float", "nh_resets", "nhcb", "nhcb_shifting", "mixed"],
  buckets: "h_seconds_bucket",
  quoted: "wärme.außen",
} as const;

const rateLike = ["rate", "increase", "delta"];
const edgeLike = ["irate", "idelta", "changes", "resets"];
const overTime = [
  ...["avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time"],
  ...["stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time"],
  ...["first_over_time", "mad_over_time", "ts_of_first_over_time", "ts_of_last_over_time"],
  ...["ts_of_max_over_time", "ts_of_min_over_time", "deriv", "absent_over_time"],
];
const math = [
  ...["abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg"],
  ...["exp", "floor", "ln", "log10", "log2", "rad", "round", "sgn", "sin", "sinh", "sqrt"],
  ...["tan", "tanh", "timestamp", "start_timestamp"],
];
const dates = [
  ...["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month"],
  "year",
];
const ofHistograms = [
  ...["histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev"],
  "histogram_stdvar",
];
const plainAggregations = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const labels = ["job", "instance", "kind", "le", "zone"];
const arithmetic = ["+", "-", "*", "/", "^", "%", "atan2"];
const comparisons = ["==", "!=", ">", "<", ">=", "<="];

/** `instants` are what follows an `@`, in seconds since 1970. */
export function createRandomPromql3(
  rng: Rng,
  instants: readonly number[],
): RandomPromql & { readonly query: () => string } {
  const { pick, chance } = rng;
  const names = randomPromqlNames;

  const number = (): string =>
    pick([
      "0",
      "1",
      "2",
      "0.5",
      "100",
      "-3",
      "1e3",
      "7",
      "Inf",
      "-Inf",
      "NaN",
      "0x1f",
      "5m",
      "0.1",
    ]);
  const few = (from: readonly string[], share: number): string =>
    from.filter(() => chance(share)).join(", ");

  const matchers = (): string => {
    const all = [
      ...['job="api"', 'job!="api"', 'instance=~"host-[12].*"', 'instance!~"host-1|host-2"'],
      ...['kind="x"', 'kind=""', 'nothing=""', 'job=~".+"', 'job=~"a.*|web"', 'job=~"(?i)API"'],
      ...['instance=~".*"', 'zone=~"eu|"'],
    ];
    return few(all, 0.1);
  };
  const nameOf = (): string => pick(chance(0.6) ? names.floats : names.histograms);
  const selector = (name = nameOf()): string => {
    const some = matchers();
    if (chance(0.06)) return `{"${names.quoted}"${some === "" ? "" : `, ${some}`}}`;
    if (chance(0.05)) return `{__name__="${name}"${some === "" ? "" : `, ${some}`}}`;
    if (chance(0.04)) return `{__name__=~"${name}|g|nh"${some === "" ? "" : `, ${some}`}}`;
    return some === "" ? name : `${name}{${some}}`;
  };
  const duration = (): string => {
    if (chance(0.85)) return pick(["1m", "5m", "7m", "17m", "30m", "45s", "90s", "1m30s", "300"]);
    return pick([
      ...["(2m+30s)", "(step()*3)", "step()", "max_of(step(), 2m)", "min_of(10m, range())"],
      ...["(range()/4)", "(5m-1)", "(2^8)", "((1m))", "(10m%7m)", "-(-5m)", "(step()+1m)"],
    ]);
  };
  const offset = (): string =>
    chance(0.8)
      ? pick(["1m", "3m", "-2m", "10m", "15s", "0s", "-45"])
      : pick(["(1m*2)", "step()", "-step()", "(-1m)", "max_of(1m, step())", "(range()/8)"]);
  const at = (): string => pick(["start()", "end()", ...instants.map(String)]);
  const modifiers = (): string => {
    if (chance(0.08)) return ` offset ${offset()}`;
    if (chance(0.06)) return ` @ ${at()}`;
    if (chance(0.03)) return ` @ ${at()} offset ${offset()}`;
    if (chance(0.03)) return ` offset ${offset()} @ ${at()}`;
    return "";
  };
  const range = (depth: number, name?: string): string => {
    if (depth > 0 && chance(0.2)) {
      const step = chance(0.3) ? "" : pick(["1m", "30s", "step()", "(15s*2)", "77s"]);
      return `(${vectorOf(depth - 1)})[${pick(["5m", "10m", "2m", "(step()*4)"])}:${step}]${modifiers()}`;
    }
    return `${selector(name)}[${duration()}]${modifiers()}`;
  };
  const extended = (): string => {
    const kind = pick(["anchored", "smoothed"]);
    const fn = pick(
      chance(0.1) ? overTime : kind === "anchored" ? [...rateLike, "changes", "resets"] : rateLike,
    );
    return `${fn}(${selector(chance(0.85) ? pick(names.floats) : undefined)}[${duration()}] ${kind}${modifiers()})`;
  };
  const scalar = (depth: number): string => {
    if (depth <= 0 || chance(0.6)) return number();
    return pick([
      () => `scalar(${vectorOf(depth - 1)})`,
      () => "time()",
      () => "pi()",
      () => `(${scalar(depth - 1)} ${pick(arithmetic)} ${scalar(depth - 1)})`,
      () => `(${scalar(depth - 1)} ${pick(comparisons)} bool ${scalar(depth - 1)})`,
      () => `-${scalar(depth - 1)}`,
      () => "step()",
      () => "range()",
      () => "start()",
      () => "end()",
    ])();
  };
  const leaf = (depth: number): string => {
    if (chance(0.25)) return `${selector()}${chance(0.05) ? " smoothed" : ""}${modifiers()}`;
    if (chance(0.08)) return extended();
    if (chance(0.06))
      return `quantile_over_time(${pick(["0.5", "0.9", "1.2", "-1", "NaN"])}, ${range(depth)})`;
    if (chance(0.35)) return `${pick(rateLike)}(${range(depth)})`;
    if (chance(0.05)) return `predict_linear(${range(depth)}, ${scalar(1)})`;
    if (chance(0.04))
      return `double_exponential_smoothing(${range(depth)}, ${pick(["0.1", "0.5", "0.9", "2"])}, ${pick(["0.1", "0.3", "0"])})`;
    if (chance(0.3)) return `${pick(edgeLike)}(${range(depth)})`;
    return `${pick(overTime)}(${range(depth)})`;
  };
  const grouping = (): string =>
    chance(0.2) ? "" : ` ${pick(["by", "without"])} (${few(labels, 0.4)})`;
  const aggregate = (depth: number): string => {
    const inner = vectorOf(depth - 1);
    const by = grouping();
    const kind = rng.next();
    if (kind < 0.1) return `quantile${by} (${pick(["0.1", "0.5", "0.99", "2", "NaN"])}, ${inner})`;
    if (kind < 0.16) return `count_values${by} ("${pick(["v", "job", "wert 1"])}", ${inner})`;
    if (kind < 0.26)
      return `${pick(["topk", "bottomk"])}${by} (${pick(["1", "2", "3", "0", "1.9", "-1"])}, ${inner})`;
    if (kind < 0.32) return `limitk${by} (${pick(["1", "2", "5", "0"])}, ${inner})`;
    if (kind < 0.38)
      return `limit_ratio${by} (${pick(["0.5", "-0.5", "0.2", "-0.8", "1", "1.5", "0"])}, ${inner})`;
    return chance(0.5)
      ? `${pick(plainAggregations)}${by} (${inner})`
      : `${pick(plainAggregations)} (${inner})${by}`;
  };
  const matching = (): string => {
    const how = chance(0.6)
      ? ` on (${few(labels, 0.4)})`
      : chance(0.6)
        ? ` ignoring (${few(labels, 0.5)})`
        : "";
    const many =
      how !== "" && chance(0.4)
        ? ` ${pick(["group_left", "group_right"])} (${few(["kind", "zone"], 0.3)})`
        : "";
    const fill = chance(0.15)
      ? pick([" fill (0)", " fill_left (1)", " fill_right (-2)", " fill_left (3) fill_right (4)"])
      : "";
    return `${how}${many}${fill}`;
  };
  const binary = (depth: number): string => {
    const isComparison = chance(0.4);
    const op = isComparison
      ? pick([...comparisons, ...(chance(0.1) ? ["</", ">/"] : [])])
      : pick([...arithmetic, ...(chance(0.15) ? ["</", ">/"] : [])]);
    const bool = isComparison && !op.includes("/") && chance(0.5) ? " bool" : "";
    if (chance(0.3)) return `(${vectorOf(depth - 1)}) ${op}${bool} ${scalar(depth - 1)}`;
    if (chance(0.15)) return `${scalar(depth - 1)} ${op}${bool} (${vectorOf(depth - 1)})`;
    if (chance(0.3)) {
      const on = chance(0.5) ? ` on (${few(labels, 0.4)})` : chance(0.3) ? " ignoring (kind)" : "";
      return `(${vectorOf(depth - 1)}) ${pick(["and", "or", "unless"])}${on} (${vectorOf(depth - 1)})`;
    }
    if (chance(0.5)) {
      const by = pick(["job", "instance"]);
      const many = `sum by (job, instance) (${vectorOf(depth - 2)})`;
      const one = `${pick(["sum", "max", "avg"])} by (${by}) (${vectorOf(depth - 2)})`;
      return chance(0.5)
        ? `${many} ${op}${bool} on (${by}) group_left () ${one}`
        : `${one} ${op}${bool} on (${by}) group_right ${many}`;
    }
    return `(${vectorOf(depth - 1)}) ${op}${bool}${matching()} (${vectorOf(depth - 1)})`;
  };
  const buckets = (): string => {
    const rate = `rate(${names.buckets}${chance(0.3) ? '{job="api"}' : ""}[${duration()}])`;
    return chance(0.5) ? rate : `sum by (le${chance(0.5) ? ", job" : ""}) (${rate})`;
  };
  const histogram = (depth: number): string => {
    if (depth > 0 && chance(0.3)) return vectorOf(depth - 1);
    const name = pick(names.histograms);
    const inner = chance(0.4)
      ? selector(name)
      : `${pick(["rate", "increase", "delta", "sum_over_time", "avg_over_time", "last_over_time"])}(${range(0, name)})`;
    return chance(0.5) ? inner : `${pick(["sum", "avg"])}${grouping()} (${inner})`;
  };
  const histogramFunction = (depth: number): string => {
    const from = (): string => (chance(0.3) ? buckets() : histogram(depth));
    if (chance(0.4))
      return `histogram_quantile(${pick(["0.5", "0.9", "0", "1", "-1", "2", "NaN", "0.333"])}, ${from()})`;
    if (chance(0.3))
      return `histogram_fraction(${pick(["0", "-Inf", "0.1", "-1"])}, ${pick(["1", "0.2", "+Inf", "5"])}, ${from()})`;
    if (chance(0.2)) return `histogram_quantiles(${from()}, "${pick(["q", "job"])}", 0.5, 0.9)`;
    return `${pick(ofHistograms)}(${histogram(depth)})`;
  };
  const labelFunction = (inner: string): string =>
    pick([
      `label_replace(${inner}, "copy", "$1-x", "instance", "host-(.*)")`,
      `label_replace(${inner}, "job", "\${n}", "instance", "(?P<n>.)(.*)")`,
      `label_replace(${inner}, "__name__", "renamed", "job", "api")`,
      `label_replace(${inner}, "kind", "", "", "")`,
      `label_join(${inner}, "joined", "/", "job", "instance")`,
      `label_join(${inner}, "job", "-", "kind", "nothing")`,
    ]);
  const wrap = (depth: number): string => {
    const inner = vectorOf(depth - 1);
    const kind = rng.below(16);
    if (kind === 0) return `clamp(${inner}, ${scalar(1)}, ${scalar(1)})`;
    if (kind === 1) return `${pick(["clamp_min", "clamp_max"])}(${inner}, ${scalar(1)})`;
    if (kind === 2) return `round(${inner}, ${pick(["1", "0.1", "5", "0", "-0.3"])})`;
    if (kind === 3 || kind === 4) return labelFunction(inner);
    if (kind === 5) return `absent(${inner})`;
    if (kind === 6) return `vector(${scalar(depth)})`;
    if (kind >= 7 && kind <= 9) return histogramFunction(depth - 1);
    if (kind === 10) return `${pick(dates)}(${inner})`;
    if (kind === 11) return `${pick(["-", "+"])}${chance(0.5) ? inner : `(${inner})`}`;
    if (kind === 12)
      return pick([
        `info(${inner})`,
        `info(${inner}, {version=~".+"})`,
        `info(${inner}, {__name__="build_info"})`,
        `info(${inner}, {__name__=~"(target|build)_info", version!="2"})`,
      ]);
    if (kind === 13 && chance(0.5)) return `${pick(["sort", "sort_desc"])}(${inner})`;
    if (kind === 13)
      return `${pick(["sort_by_label", "sort_by_label_desc"])}(${inner}, ${pick(['"job"', '"instance", "job"', '"nothing"'])})`;
    return `${pick(math)}(${inner})`;
  };
  function vectorOf(depth: number): string {
    if (depth <= 0) return leaf(depth);
    const kind = rng.next();
    if (kind < 0.3) return aggregate(depth);
    if (kind < 0.52) return binary(depth);
    if (kind < 0.82) return wrap(depth);
    return leaf(depth);
  }
  const vector = (): string => vectorOf(rng.between(1, 3));
  return {
    vector,
    query: () => {
      if (chance(0.03)) return scalar(2);
      if (chance(0.02)) return range(1);
      return vector();
    },
  };
}
