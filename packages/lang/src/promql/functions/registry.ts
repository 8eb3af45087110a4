/** All functions of PromQL. Parser, evaluator, completion and reference pages read this list. */
import { abs } from "./abs.ts";
import { absentOverTime } from "./absent-over-time.ts";
import { absent } from "./absent.ts";
import { acos } from "./acos.ts";
import { acosh } from "./acosh.ts";
import { asin } from "./asin.ts";
import { asinh } from "./asinh.ts";
import { atan } from "./atan.ts";
import { atanh } from "./atanh.ts";
import { avgOverTime } from "./avg-over-time.ts";
import { ceil } from "./ceil.ts";
import { changes } from "./changes.ts";
import { clampMax } from "./clamp-max.ts";
import { clampMin } from "./clamp-min.ts";
import { clamp } from "./clamp.ts";
import { cos } from "./cos.ts";
import { cosh } from "./cosh.ts";
import { countOverTime } from "./count-over-time.ts";
import { dayOfMonth } from "./day-of-month.ts";
import { dayOfWeek } from "./day-of-week.ts";
import { dayOfYear } from "./day-of-year.ts";
import { daysInMonth } from "./days-in-month.ts";
import { deg } from "./deg.ts";
import { delta } from "./delta.ts";
import { deriv } from "./deriv.ts";
import { doubleExponentialSmoothing } from "./double-exponential-smoothing.ts";
import { end } from "./end.ts";
import { exp } from "./exp.ts";
import { firstOverTime } from "./first-over-time.ts";
import { floor } from "./floor.ts";
import { histogramAvg } from "./histogram-avg.ts";
import { histogramCount } from "./histogram-count.ts";
import { histogramFraction } from "./histogram-fraction.ts";
import { histogramQuantile } from "./histogram-quantile.ts";
import { histogramQuantiles } from "./histogram-quantiles.ts";
import { histogramStddev } from "./histogram-stddev.ts";
import { histogramStdvar } from "./histogram-stdvar.ts";
import { histogramSum } from "./histogram-sum.ts";
import { hour } from "./hour.ts";
import { idelta } from "./idelta.ts";
import { increase } from "./increase.ts";
import { info } from "./info.ts";
import { irate } from "./irate.ts";
import { labelJoin } from "./label-join.ts";
import { labelReplace } from "./label-replace.ts";
import { lastOverTime } from "./last-over-time.ts";
import { ln } from "./ln.ts";
import { log10 } from "./log10.ts";
import { log2 } from "./log2.ts";
import { madOverTime } from "./mad-over-time.ts";
import { maxOf } from "./max-of.ts";
import { maxOverTime } from "./max-over-time.ts";
import { minOf } from "./min-of.ts";
import { minOverTime } from "./min-over-time.ts";
import { minute } from "./minute.ts";
import { month } from "./month.ts";
import { pi } from "./pi.ts";
import { predictLinear } from "./predict-linear.ts";
import { presentOverTime } from "./present-over-time.ts";
import { quantileOverTime } from "./quantile-over-time.ts";
import { rad } from "./rad.ts";
import { range } from "./range.ts";
import { rate } from "./rate.ts";
import { resets } from "./resets.ts";
import { round } from "./round.ts";
import { scalar } from "./scalar.ts";
import { sgn } from "./sgn.ts";
import { sin } from "./sin.ts";
import { sinh } from "./sinh.ts";
import { sortByLabelDesc } from "./sort-by-label-desc.ts";
import { sortByLabel } from "./sort-by-label.ts";
import { sortDesc } from "./sort-desc.ts";
import { sort } from "./sort.ts";
import type { FunctionSpec } from "./spec.ts";
import { sqrt } from "./sqrt.ts";
import { startTimestamp } from "./start-timestamp.ts";
import { start } from "./start.ts";
import { stddevOverTime } from "./stddev-over-time.ts";
import { stdvarOverTime } from "./stdvar-over-time.ts";
import { step } from "./step.ts";
import { sumOverTime } from "./sum-over-time.ts";
import { tan } from "./tan.ts";
import { tanh } from "./tanh.ts";
import { time } from "./time.ts";
import { timestamp } from "./timestamp.ts";
import { tsOfFirstOverTime } from "./ts-of-first-over-time.ts";
import { tsOfLastOverTime } from "./ts-of-last-over-time.ts";
import { tsOfMaxOverTime } from "./ts-of-max-over-time.ts";
import { tsOfMinOverTime } from "./ts-of-min-over-time.ts";
import { vector } from "./vector.ts";
import { year } from "./year.ts";

/** By name. */
export const functions: readonly FunctionSpec[] = [
  abs,
  absent,
  absentOverTime,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  avgOverTime,
  ceil,
  changes,
  clamp,
  clampMax,
  clampMin,
  cos,
  cosh,
  countOverTime,
  dayOfMonth,
  dayOfWeek,
  dayOfYear,
  daysInMonth,
  deg,
  delta,
  deriv,
  doubleExponentialSmoothing,
  end,
  exp,
  firstOverTime,
  floor,
  histogramAvg,
  histogramCount,
  histogramFraction,
  histogramQuantile,
  histogramQuantiles,
  histogramStddev,
  histogramStdvar,
  histogramSum,
  hour,
  idelta,
  increase,
  info,
  irate,
  labelJoin,
  labelReplace,
  lastOverTime,
  ln,
  log10,
  log2,
  madOverTime,
  maxOf,
  maxOverTime,
  minOf,
  minOverTime,
  minute,
  month,
  pi,
  predictLinear,
  presentOverTime,
  quantileOverTime,
  rad,
  range,
  rate,
  resets,
  round,
  scalar,
  sgn,
  sin,
  sinh,
  sort,
  sortByLabel,
  sortByLabelDesc,
  sortDesc,
  sqrt,
  start,
  startTimestamp,
  stddevOverTime,
  stdvarOverTime,
  step,
  sumOverTime,
  tan,
  tanh,
  time,
  timestamp,
  tsOfFirstOverTime,
  tsOfLastOverTime,
  tsOfMaxOverTime,
  tsOfMinOverTime,
  vector,
  year,
];

const byName = new Map(functions.map((spec) => [spec.name, spec]));

export function functionNamed(name: string): FunctionSpec | undefined {
  return byName.get(name);
}
