/**
 * The words and signs of PromQL other than its functions, with what they mean. Lexer, parser, completion and the
 * reference page read these lists.
 */

export interface Word {
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** A query over the samples that the reference page shows. */
  readonly example: string;
  readonly experimental?: true;
}

interface AggregationWord extends Word {
  /** What is asked for before the vector, and of which type it is. */
  readonly param?: readonly [name: string, type: "scalar" | "string"];
}

export const aggregations = [
  {
    name: "sum",
    doc: "The sum of each group; native histograms are added bucket by bucket.",
    example: "sum by (job) (up)",
  },
  {
    name: "avg",
    doc: "The mean of each group; of native histograms that of each bucket.",
    example: "avg(temperature_celsius)",
  },
  {
    name: "count",
    doc: "How many series each group has.",
    example: "count by (job) (up)",
  },
  {
    name: "min",
    doc: "The smallest value of each group; native histograms are left out.",
    example: "min(temperature_celsius)",
  },
  {
    name: "max",
    doc: "The largest value of each group; native histograms are left out.",
    example: "max by (job) (up)",
  },
  {
    name: "group",
    doc: "1 for each group, whatever its values are.",
    example: "group by (job) (up)",
  },
  {
    name: "stddev",
    doc: "The standard deviation over each group; native histograms are left out.",
    example: "stddev(temperature_celsius)",
  },
  {
    name: "stdvar",
    doc: "The variance over each group; native histograms are left out.",
    example: "stdvar(temperature_celsius)",
  },
  {
    name: "topk",
    param: ["k", "scalar"],
    doc: "The k series of each group with the largest values, with all their labels.",
    example: "topk(1, temperature_celsius)",
  },
  {
    name: "bottomk",
    param: ["k", "scalar"],
    doc: "The k series of each group with the smallest values, with all their labels.",
    example: "bottomk(1, temperature_celsius)",
  },
  {
    name: "count_values",
    param: ["label", "string"],
    doc: "How many series have each value; the value becomes a label with the given name.",
    example: 'count_values("value", up)',
  },
  {
    name: "quantile",
    param: ["q", "scalar"],
    doc: "The quantile over each group, from 0 (the smallest value) to 1 (the largest).",
    example: "quantile(0.5, temperature_celsius)",
  },
  {
    name: "limitk",
    param: ["k", "scalar"],
    experimental: true,
    doc: "Some k series of each group, the same ones at each step where that is possible.",
    example: "limitk(1, up)",
  },
  {
    name: "limit_ratio",
    param: ["ratio", "scalar"],
    experimental: true,
    doc: "About this part of the series, chosen by their labels; a negative ratio gives those that its opposite leaves out.",
    example: "limit_ratio(0.5, up)",
  },
] as const satisfies readonly AggregationWord[];

interface OperatorWord extends Word {
  readonly kind: "arithmetic" | "comparison" | "trim" | "set";
  /** The higher, the closer it binds. */
  readonly precedence: number;
}

/** All group to the left, but `^`. */
export const binaryOperators = [
  {
    name: "^",
    kind: "arithmetic",
    precedence: 6,
    doc: "Power; it groups to the right.",
    example: "2 ^ 3 ^ 2",
  },
  {
    name: "*",
    kind: "arithmetic",
    precedence: 5,
    doc: "Product; also of a native histogram with a number.",
    example: "temperature_celsius * 1.8 + 32",
  },
  {
    name: "/",
    kind: "arithmetic",
    precedence: 5,
    doc: "Quotient; also of a native histogram with a number.",
    example: "disk_free_bytes / 1024",
  },
  {
    name: "%",
    kind: "arithmetic",
    precedence: 5,
    doc: "Remainder, with the sign of the left side.",
    example: "-7 % 3",
  },
  {
    name: "atan2",
    kind: "arithmetic",
    precedence: 5,
    doc: "The angle of a point from its y and its x, in radians.",
    example: "vector(1) atan2 vector(1)",
  },
  {
    name: "+",
    kind: "arithmetic",
    precedence: 4,
    doc: "Sum; also of two native histograms.",
    example: "up + 1",
  },
  {
    name: "-",
    kind: "arithmetic",
    precedence: 4,
    doc: "Difference; also of two native histograms.",
    example: "time() - timestamp(up)",
  },
  {
    name: "==",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is equal.",
    example: "up == 0",
  },
  {
    name: "!=",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is not equal.",
    example: "up != 0",
  },
  {
    name: ">",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is greater.",
    example: "load1 > 0.5",
  },
  {
    name: "<",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is less.",
    example: "load1 < 0.5",
  },
  {
    name: ">=",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is greater or equal.",
    example: "up >= 1",
  },
  {
    name: "<=",
    kind: "comparison",
    precedence: 3,
    doc: "Keeps the series whose value is less or equal.",
    example: "up <= 1",
  },
  {
    name: "</",
    kind: "trim",
    precedence: 3,
    experimental: true,
    doc: "Native histograms without the observations above a number.",
    example: "histogram_count(request_seconds </ 1)",
  },
  {
    name: ">/",
    kind: "trim",
    precedence: 3,
    experimental: true,
    doc: "Native histograms without the observations below a number.",
    example: "histogram_count(request_seconds >/ 1)",
  },
  {
    name: "and",
    kind: "set",
    precedence: 2,
    doc: "The series of the left side that have a partner on the right.",
    example: "temperature_celsius and temperature_celsius > 20",
  },
  {
    name: "unless",
    kind: "set",
    precedence: 2,
    doc: "The series of the left side that have no partner on the right.",
    example: "temperature_celsius unless temperature_celsius > 20",
  },
  {
    name: "or",
    kind: "set",
    precedence: 1,
    doc: "The series of the left side, and those of the right that have no partner there.",
    example: "up == 0 or up == 1",
  },
] as const satisfies readonly OperatorWord[];

interface ModifierWord extends Word {
  /** What it stands after. */
  readonly after: "aggregation" | "operator" | "matching" | "selector";
}

export const modifiers = [
  {
    name: "by",
    after: "aggregation",
    doc: "Groups by these labels; the result has no others.",
    example: "sum by (job) (up)",
  },
  {
    name: "without",
    after: "aggregation",
    doc: "Groups by all labels but these.",
    example: "sum without (instance) (up)",
  },
  {
    name: "bool",
    after: "operator",
    doc: "Makes a comparison give 1 or 0 instead of choosing series.",
    example: "up == bool 1",
  },
  {
    name: "on",
    after: "operator",
    doc: "Pairs the series of both sides by these labels alone.",
    example: "up * on (instance, job) group_left (version) target_info",
  },
  {
    name: "ignoring",
    after: "operator",
    doc: "Pairs the series of both sides by all labels but these.",
    example: "up - ignoring (version, k8s_cluster_name) target_info",
  },
  {
    name: "group_left",
    after: "matching",
    doc: "Many series of the left side may pair with one of the right, whose labels in the list they take over.",
    example: "up * on (instance, job) group_left (version) target_info",
  },
  {
    name: "group_right",
    after: "matching",
    doc: "Many series of the right side may pair with one of the left, whose labels in the list they take over.",
    example: "target_info * on (instance, job) group_right (version) up",
  },
  {
    name: "fill",
    after: "matching",
    experimental: true,
    doc: "The value of partners that are not there, on either side.",
    example: "up + on (instance) fill (0) load1",
  },
  {
    name: "fill_left",
    after: "matching",
    experimental: true,
    doc: "The value of partners that are not there on the left side.",
    example: "load1 + on (instance) fill_left (0) up",
  },
  {
    name: "fill_right",
    after: "matching",
    experimental: true,
    doc: "The value of partners that are not there on the right side.",
    example: "up + on (instance) fill_right (0) load1",
  },
  {
    name: "offset",
    after: "selector",
    doc: "Looks so much earlier, or later when it is negative.",
    example: "up offset 5m",
  },
  {
    name: "@",
    after: "selector",
    doc: "Looks at this time, in seconds since 1970, or at `start()` or `end()` of the query.",
    example: "up @ end()",
  },
  {
    name: "anchored",
    after: "selector",
    experimental: true,
    doc: "The range begins and ends with the last sample before its ends, so that nothing is extrapolated.",
    example: "increase(http_requests_total[5m] anchored)",
  },
  {
    name: "smoothed",
    after: "selector",
    experimental: true,
    doc: "The values at the ends of the range are interpolated between the samples around them.",
    example: "increase(http_requests_total[5m] smoothed)",
  },
] as const satisfies readonly ModifierWord[];

/** Longest first, the order in which a duration has them. An `exact` one is written only where nothing is left over. */
export const durationUnits = [
  { name: "y", ms: 31_536_000_000, exact: true, doc: "years of 365 days" },
  { name: "w", ms: 604_800_000, exact: true, doc: "weeks" },
  { name: "d", ms: 86_400_000, exact: true, doc: "days of 24 hours" },
  { name: "h", ms: 3_600_000, exact: false, doc: "hours" },
  { name: "m", ms: 60_000, exact: false, doc: "minutes" },
  { name: "s", ms: 1000, exact: false, doc: "seconds" },
  { name: "ms", ms: 1, exact: false, doc: "milliseconds" },
] as const;

/** Functions that may stand where a duration does, too. */
export const durationCalls = [
  {
    name: "step",
    experimental: true,
    doc: "The step of the query.",
    example: "count_over_time(up[step() + 5m])",
  },
  {
    name: "range",
    experimental: true,
    doc: "The length of the query's time range.",
    example: "count_over_time(up[range() + 5m])",
  },
  {
    name: "min_of",
    experimental: true,
    doc: "The shorter of two durations.",
    example: "count_over_time(up[min_of(5m, 10m)])",
  },
  {
    name: "max_of",
    experimental: true,
    doc: "The longer of two durations.",
    example: "count_over_time(up[max_of(5m, 10m)])",
  },
] as const satisfies readonly Word[];
