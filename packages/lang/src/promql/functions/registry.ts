/** All functions of PromQL. Parser, evaluator, editor and reference pages read this list. */
import { histogramFunctions } from "./histograms.ts";
import { infoFunctions } from "./info.ts";
import { labelFunctions } from "./labels.ts";
import { mathFunctions } from "./math.ts";
import { overTimeFunctions } from "./over-time.ts";
import { rateFunctions } from "./rate.ts";
import type { FunctionSpec } from "./spec.ts";
import { timeFunctions } from "./time.ts";
import { trendFunctions } from "./trend.ts";
import { vectorFunctions } from "./vectors.ts";

export const functions: readonly FunctionSpec[] = [
  ...mathFunctions,
  ...timeFunctions,
  ...rateFunctions,
  ...overTimeFunctions,
  ...trendFunctions,
  ...vectorFunctions,
  ...labelFunctions,
  ...histogramFunctions,
  ...infoFunctions,
].sort((a, b) => (a.name < b.name ? -1 : 1));

const byName = new Map(functions.map((spec) => [spec.name, spec]));

export function functionNamed(name: string): FunctionSpec | undefined {
  return byName.get(name);
}
