/** Random PromQL queries over a handful of metrics: for comparing two servers that hold the same samples. */
import type { Rng } from "./rng.ts";

/** Of counters without gaps: how far these reach beyond the first sample changed with 3.0. */
const counterFunctions = ["rate", "increase"];
const rangeFunctions = [
  ...["delta", "irate", "idelta", "deriv", "changes", "resets"],
  ...["avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time"],
  ...["stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time"],
];
const mathFunctions = [
  ...["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deg", "rad"],
  ...["asinh", "atan", "sinh", "tanh", "timestamp", "-", "+"],
];
const dateFunctions = [
  ...["day_of_week", "hour", "minute", "month", "year", "days_in_month", "day_of_year"],
];
const aggregations = ["sum", "avg", "min", "max", "count", "group"];
const deviations = ["stddev", "stdvar"];
const labels = ["job", "instance", "kind"];
const ranges = ["1m", "5m", "7m", "17m", "30m"];

export interface RandomPromql {
  /** A query whose answer is an instant vector. */
  vector(): string;
}

export function createRandomPromql(rng: Rng): RandomPromql {
  const { pick, chance } = rng;
  const number = (): string => pick(["0", "1", "2", "0.5", "100", "-3", "1e3", "7"]);

  const matchers = (): string => {
    const all = [
      'job="api"',
      'job!="api"',
      'instance=~"host-[12].*"',
      'instance!~"host-1|host-2"',
      'kind="x"',
      'kind=""',
      'nothing=""',
      'job=~".+"',
      'job=~"a.*|web"',
    ];
    const some = all.filter(() => chance(0.15));
    return some.length === 0 ? "" : `{${some.join(",")}}`;
  };
  const modifiers = (): string => {
    if (chance(0.1)) return ` offset ${pick(["1m", "3m", "-2m", "10m"])}`;
    if (chance(0.05)) return ` @ ${pick(["start()", "end()"])}`;
    return "";
  };
  const selector = (): string => {
    const name = pick(["c_total", "g", "resets_total", "gaps", "h_seconds_count"]);
    return `${name}${matchers()}`;
  };
  // Steps of a subquery inside a subquery would lie at the very edge of its range.
  let isInSubquery = false;
  const range = (): string => {
    if (!isInSubquery && chance(0.15)) {
      isInSubquery = true;
      const inner = vectorOf(2);
      isInSubquery = false;
      return `(${inner})[${pick(["5m", "10m"])}:${pick(["1m", "30s", ""])}]`;
    }
    return `${selector()}[${pick(ranges)}]${modifiers()}`;
  };
  const grouping = (): string => {
    if (chance(0.2)) return "";
    const some = labels.filter(() => chance(0.5));
    return ` ${pick(["by", "without"])} (${some.join(", ")})`;
  };
  const leaf = (): string => {
    if (chance(0.3)) return `${selector()}${modifiers()}`;
    if (chance(0.08)) return `quantile_over_time(${pick(["0.5", "0.9", "1.2"])}, ${range()})`;
    if (chance(0.3)) {
      const name = pick(["c_total", "resets_total", "h_seconds_count"]);
      return `${pick(counterFunctions)}(${name}${matchers()}[${pick(ranges)}]${modifiers()})`;
    }
    // With `@` 2.x moves the range along with the steps.
    if (chance(0.05))
      return `predict_linear(${selector()}[${pick(ranges)}], ${pick(["60", "3600"])})`;
    if (chance(0.04)) return `absent_over_time(${range()})`;
    return `${pick(rangeFunctions)}(${range()})`;
  };
  const aggregate = (depth: number): string => {
    const inner = vectorOf(depth - 1);
    const by = grouping();
    if (chance(0.12)) return `quantile${by} (${pick(["0.1", "0.5", "0.99"])}, ${inner})`;
    // Of very large numbers the text shows all digits.
    if (chance(0.06)) return `count_values${by} ("v", round(clamp(${inner}, -1e9, 1e9), 10))`;
    // One value that is infinite or no number deviates from itself by 0 in 2.x, by NaN in 3.x.
    if (chance(0.2)) return `${pick(deviations)}${by} (((${inner}) > -1e15) < 1e15)`;
    return `${pick(aggregations)}${by} (${inner})`;
  };
  const binary = (depth: number): string => {
    const op = pick(["+", "-", "*", "/", "^", "==", "!=", ">", "<", ">=", "<="]);
    const isComparison = /[<>=!]/.test(op);
    const bool = isComparison && chance(0.5) ? " bool" : "";
    // The rest of a division of a computed number is decided by its last digits.
    if (chance(0.05)) return `${selector()} % ${pick(["7", "100"])}`;
    // Up to 2.42 the name stays.
    if (chance(0.05)) return `sum by (job) (${selector()}) atan2 ${number()}`;
    if (chance(0.4)) return `(${vectorOf(depth - 1)}) ${op}${bool} ${number()}`;
    if (chance(0.2))
      return `${number()} ${op}${isComparison ? " bool" : ""} (${vectorOf(depth - 1)})`;
    if (chance(0.3)) {
      const set = pick(["and", "or", "unless"]);
      const on = chance(0.5) ? ` on (${pick(labels)})` : "";
      return `(${vectorOf(depth - 1)}) ${set}${on} (${vectorOf(depth - 1)})`;
    }
    const by = pick(["job", "instance"]);
    const many = `sum by (job, instance) (${vectorOf(depth - 2)})`;
    const one = `sum by (${by}) (${vectorOf(depth - 2)})`;
    return `${many} ${op}${bool} on (${by}) group_left () ${one}`;
  };
  const wrap = (depth: number): string => {
    const inner = vectorOf(depth - 1);
    if (chance(0.1)) return `clamp(${inner}, ${pick(["-1", "0"])}, ${pick(["1", "50"])})`;
    if (chance(0.1)) return `clamp_min(${inner}, 1)`;
    if (chance(0.1)) return `round(${inner}, ${pick(["1", "0.1", "5"])})`;
    if (chance(0.1)) return `label_replace(${inner}, "copy", "$1-x", "instance", "host-(.*)")`;
    if (chance(0.1)) return `label_join(${inner}, "joined", "/", "job", "instance")`;
    if (chance(0.1)) return `absent(${inner})`;
    if (chance(0.1)) return `vector(scalar(${inner}))`;
    if (chance(0.1)) return `histogram_quantile(${pick(["0.5", "0.9"])}, ${buckets()})`;
    // Of large numbers the last digit decides what these give, and libraries differ in it.
    if (chance(0.1)) return `${pick(["sin", "cos", "tan"])}(clamp(${inner}, -5, 5))`;
    // Of computed times in the far future the last digit is days.
    if (chance(0.15)) return `${pick(dateFunctions)}(clamp(${inner}, -1e9, 1e9))`;
    const fn = pick(mathFunctions);
    return `${fn}(${inner})`;
  };
  const buckets = (): string => {
    const rate = `rate(h_seconds_bucket${matchers()}[${pick(ranges)}])`;
    return chance(0.5) ? rate : `sum by (le${chance(0.5) ? ", job" : ""}) (${rate})`;
  };
  function vectorOf(depth: number): string {
    if (depth <= 0) return leaf();
    const kind = rng.next();
    if (kind < 0.35) return aggregate(depth);
    if (kind < 0.6) return binary(depth);
    if (kind < 0.85) return wrap(depth);
    return leaf();
  }
  return { vector: () => vectorOf(3) };
}
