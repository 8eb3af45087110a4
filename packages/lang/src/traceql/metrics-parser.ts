/** The functions of metrics queries: `rate()`, `quantile_over_time(…)`, `compare(…)`, `topk(…)`. */
import { invalidAt } from "../source.ts";
import type { Attribute, Compare, MetricsAggregate, OverTimeOp, SecondStage } from "./ast.ts";
import { parseAttribute } from "./field-parser.ts";
import { parseAttributes, parseFilter } from "./stage-parser.ts";
import type { TokenStream } from "./tokens.ts";

/** What stands in the parentheses of each function. */
export const overTimeFunctions: {
  readonly [name in OverTimeOp]: "nothing" | "attribute" | "quantiles";
} = {
  rate: "nothing",
  count_over_time: "nothing",
  min_over_time: "attribute",
  max_over_time: "attribute",
  avg_over_time: "attribute",
  sum_over_time: "attribute",
  quantile_over_time: "quantiles",
  histogram_over_time: "attribute",
};

const TOP_DEFAULT = 10;
const QUANTILES_MAX = 20;

export function isMetricsCall(tokens: TokenStream): boolean {
  const token = tokens.peek();
  return (
    token.kind === "name" &&
    (token.text === "compare" || Object.hasOwn(overTimeFunctions, token.text))
  );
}

export function parseMetricsCall(tokens: TokenStream): MetricsAggregate {
  if (tokens.isName("compare")) return parseCompare(tokens);
  const name = tokens.next();
  const op = name.text as OverTimeOp;
  tokens.expect("(");
  let attribute: Attribute | undefined;
  const quantiles: number[] = [];
  if (overTimeFunctions[op] !== "nothing") attribute = parseAttribute(tokens);
  if (overTimeFunctions[op] === "quantiles") {
    tokens.expect(",");
    do quantiles.push(parseQuantile(tokens));
    while (tokens.take(","));
  }
  tokens.expect(")");
  let by: Attribute[] = [];
  if (tokens.isName("by")) {
    tokens.next();
    tokens.expect("(");
    by = parseAttributes(tokens);
    tokens.expect(")");
  }
  if (quantiles.length > QUANTILES_MAX)
    throw invalidAt(name.start, `more than ${QUANTILES_MAX} quantiles are asked for`);
  return { kind: "over_time", op, attribute, quantiles, by, span: tokens.from(name.start) };
}

function parseQuantile(tokens: TokenStream): number {
  const token = tokens.peek();
  if (token.kind !== "number" || (token.value?.type !== "int" && token.value?.type !== "float"))
    throw tokens.unexpected("a quantile between 0 and 1");
  tokens.next();
  return Number(token.value.value);
}

function parseCompare(tokens: TokenStream): Compare {
  const name = tokens.next();
  tokens.expect("(");
  const filter = parseFilter(tokens);
  let topN: number | bigint = TOP_DEFAULT;
  let start: number | bigint = 0;
  let end: number | bigint = 0;
  if (tokens.take(",")) {
    topN = parseInteger(tokens);
    if (tokens.take(",")) {
      start = parseInteger(tokens);
      tokens.expect(",");
      end = parseInteger(tokens);
      // biome-ignore lint/suspicious/noDoubleEquals: a number or a bigint
      if (start == 0 || end == 0)
        throw invalidAt(name.start, "the times of compare() are nanoseconds and not zero");
    }
  }
  tokens.expect(")");
  return { kind: "compare", filter, topN: Number(topN), start, end, span: tokens.from(name.start) };
}

function parseInteger(tokens: TokenStream): number | bigint {
  const token = tokens.peek();
  if (token.kind !== "number" || token.value?.type !== "int") throw tokens.unexpected("an integer");
  tokens.next();
  return token.value.value;
}

/** `topk(n)` or `bottomk(n)`; `undefined` when neither stands here. */
export function parseTop(tokens: TokenStream): SecondStage | undefined {
  const { start, text: op } = tokens.peek();
  if (!tokens.isName("topk") && !tokens.isName("bottomk")) return undefined;
  tokens.next();
  tokens.expect("(");
  const limit = Number(parseInteger(tokens));
  tokens.expect(")");
  return { kind: "top", op: op === "topk" ? "topk" : "bottomk", limit, span: tokens.from(start) };
}
