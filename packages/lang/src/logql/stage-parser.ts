/** Stages of a pipeline and conditions on labels. */
import { isMatchOp } from "../matcher.ts";
import { invalidAt } from "../source.ts";
import type {
  CompareOp,
  Extraction,
  LabelFormat,
  LabelTest,
  LineFilter,
  LineOp,
  LineOperand,
  LogqlStage,
  NamedLabel,
} from "./ast.ts";
import { spanOf, type TokenReader } from "./tokens.ts";
import { parseGoFloat } from "./units.ts";

/** Parentheses within parentheses; beyond it somebody tests us. */
const DEPTH_MAX = 100;
/** Conditions joined one after the other. */
const JOINED_MAX = 500;

const LINE_OPS = new Set<string>(["|=", "!=", "|~", "!~", "|>", "!>"]);
const COMPARE_OPS: { readonly [op: string]: CompareOp } = {
  "=": "==",
  "==": "==",
  "!=": "!=",
  ">": ">",
  ">=": ">=",
  "<": "<",
  "<=": "<=",
};

export function parseStages(reader: TokenReader): LogqlStage[] {
  const stages: LogqlStage[] = [];
  for (;;) {
    const token = reader.peek();
    if (token.kind === "symbol" && LINE_OPS.has(token.text)) stages.push(lineFilter(reader));
    else if (reader.is("|") && !reader.is("unwrap", 1)) stages.push(pipeStage(reader));
    else return stages;
  }
}

function lineFilter(reader: TokenReader): LineFilter {
  const first = reader.next();
  const op = first.text as LineOp;
  const operands = [lineOperand(reader, op)];
  while (reader.take("or")) operands.push(lineOperand(reader, op));
  return { kind: "line_filter", op, operands, span: spanOf(first, reader.last()) };
}

function lineOperand(reader: TokenReader, op: LineOp): LineOperand {
  const token = reader.peek();
  if (!reader.is("ip")) {
    const value = reader.expectKind("string");
    return { kind: "text", value: value.string, span: spanOf(value, value) };
  }
  if (op !== "|=" && op !== "!=")
    throw invalidAt(token.start, "ip: invalid operation: only |= and != take ip()");
  const { pattern, span } = ipPattern(reader);
  return { kind: "ip", value: pattern, span };
}

function ipPattern(reader: TokenReader): { pattern: string; span: LineOperand["span"] } {
  reader.expect("ip");
  reader.expect("(");
  const value = reader.expectKind("string");
  reader.expect(")");
  return { pattern: value.string, span: spanOf(value, value) };
}

function pipeStage(reader: TokenReader): LogqlStage {
  const bar = reader.next();
  const { kind, text } = reader.peek();
  const read = kind === "keyword" ? stageReaders[text] : undefined;
  if (read === undefined) {
    const test = parseLabelTest(reader);
    return { kind: "label_filter", test, span: spanOf(bar, reader.last()) };
  }
  reader.next();
  const stage = read(reader);
  return { ...stage, span: spanOf(bar, reader.last()) };
}

const span = { start: 0, end: 0 };

/** Each is called behind its word; spans are set by the caller. */
const stageReaders: { readonly [word: string]: (reader: TokenReader) => LogqlStage } = {
  json: (reader) => ({ kind: "json", extractions: optionalExtractions(reader), span }),
  logfmt(reader) {
    const flags = new Set<string>();
    while (reader.peek().kind === "flag") flags.add(reader.next().text);
    return {
      kind: "logfmt",
      strict: flags.has("--strict"),
      keepEmpty: flags.has("--keep-empty"),
      extractions: optionalExtractions(reader),
      span,
    };
  },
  regexp: (reader) => patternStage(reader, "regexp"),
  pattern: (reader) => patternStage(reader, "pattern"),
  unpack: () => ({ kind: "unpack", span }),
  decolorize: () => ({ kind: "decolorize", span }),
  line_format(reader) {
    const value = reader.expectKind("string");
    return {
      kind: "line_format",
      template: value.string,
      templateSpan: spanOf(value, value),
      span,
    };
  },
  label_format: (reader) => ({ kind: "label_format", formats: labelFormats(reader), span }),
  drop: (reader) => ({ kind: "drop", labels: namedLabels(reader), span }),
  keep: (reader) => ({ kind: "keep", labels: namedLabels(reader), span }),
};

function patternStage(reader: TokenReader, kind: "regexp" | "pattern"): LogqlStage {
  const value = reader.expectKind("string");
  return { kind, pattern: value.string, patternSpan: spanOf(value, value), span };
}

function optionalExtractions(reader: TokenReader): Extraction[] {
  if (reader.peek().kind !== "name") return [];
  const out: Extraction[] = [];
  do {
    const label = reader.expectKind("name");
    const value = reader.take("=") ? reader.expectKind("string") : undefined;
    const expression = value === undefined ? label.text : value.string;
    out.push({ label: label.text, expression, span: spanOf(value ?? label, value ?? label) });
  } while (reader.take(","));
  return out;
}

function labelFormats(reader: TokenReader): LabelFormat[] {
  const out: LabelFormat[] = [];
  do {
    const label = reader.expectKind("name");
    reader.expect("=");
    const value = reader.peek();
    if (value.kind !== "name" && value.kind !== "string")
      throw reader.unexpected("IDENTIFIER", "STRING");
    reader.next();
    if (label.text === "__error__")
      throw invalidAt(label.start, `${label.text} cannot be formatted`);
    if (out.some((one) => one.label === label.text))
      throw invalidAt(
        label.start,
        `multiple label name '${label.text}' not allowed in a single format operation`,
      );
    const isName = value.kind === "name";
    out.push({
      label: label.text,
      kind: isName ? "rename" : "template",
      value: isName ? value.text : value.string,
      span: spanOf(value, value),
    });
  } while (reader.take(","));
  return out;
}

function namedLabels(reader: TokenReader): NamedLabel[] {
  const out: NamedLabel[] = [];
  do {
    if (reader.peek().kind !== "name") throw reader.unexpected("IDENTIFIER");
    const op = reader.peek(1);
    if (op.kind === "symbol" && isMatchOp(op.text))
      out.push({ kind: "match", matcher: reader.matcher() });
    else out.push({ kind: "name", name: reader.next().text });
  } while (reader.take(","));
  return out;
}

/** `or` binds weakest; `and`, a comma and nothing at all are the same. */
export function parseLabelTest(reader: TokenReader, depth = 0): LabelTest {
  let left = conjunction(reader, depth);
  for (let joined = 1; reader.take("or"); joined++) {
    checkJoined(reader, joined);
    const right = conjunction(reader, depth);
    left = { kind: "or", left, right, span: spanOf(left.span, right.span) };
  }
  return left;
}

function conjunction(reader: TokenReader, depth: number): LabelTest {
  let left = oneTest(reader, depth);
  for (let joined = 1; ; joined++) {
    checkJoined(reader, joined);
    const isJoined = reader.take("and") || reader.take(",");
    if (!isJoined && reader.peek().kind !== "name" && !reader.is("(")) return left;
    const right = oneTest(reader, depth);
    left = { kind: "and", left, right, span: spanOf(left.span, right.span) };
  }
}

function checkJoined(reader: TokenReader, joined: number): void {
  if (joined > JOINED_MAX)
    throw invalidAt(reader.peek().start, `more than ${JOINED_MAX} conditions are joined`);
}

function oneTest(reader: TokenReader, depth: number): LabelTest {
  if (reader.is("(")) {
    if (depth >= DEPTH_MAX)
      throw invalidAt(reader.peek().start, `conditions are nested deeper than ${DEPTH_MAX}`);
    reader.next();
    const inner = parseLabelTest(reader, depth + 1);
    reader.expect(")");
    return inner;
  }
  if (reader.peek().kind !== "name") throw reader.unexpected("IDENTIFIER", "a stage");
  const op = reader.peek(1).text;
  const value = reader.peek(2);
  if (reader.peek(1).kind === "symbol" && isMatchOp(op)) {
    if (value.kind === "string") {
      const matcher = reader.matcher();
      return { kind: "match", matcher, span: matcher.span };
    }
    if (reader.is("ip", 2) && (op === "=" || op === "!=")) return ipTest(reader, op);
  }
  return comparison(reader);
}

function ipTest(reader: TokenReader, op: "=" | "!="): LabelTest {
  const name = reader.next();
  reader.next();
  const { pattern, span: patternSpan } = ipPattern(reader);
  const whole = spanOf(name, reader.last());
  return { kind: "ip", name: name.text, op, pattern, patternSpan, span: whole };
}

function comparison(reader: TokenReader): LabelTest {
  const name = reader.next();
  const token = reader.peek();
  const op = token.kind === "symbol" ? COMPARE_OPS[token.text] : undefined;
  if (op === undefined) {
    if (!isMatchOp(token.text)) throw reader.unexpected("an operator such as = or >");
    reader.next();
    throw reader.unexpected("STRING");
  }
  reader.next();
  const value = reader.peek();
  const common = { kind: "compare", name: name.text, op } as const;
  if (value.kind === "duration" || value.kind === "bytes") {
    reader.next();
    return { ...common, unit: value.kind, value: value.value, span: spanOf(name, value) };
  }
  const number = parseLiteral(reader);
  return { ...common, unit: "number", value: number, span: spanOf(name, reader.last()) };
}

/** A number with at most one sign. */
export function parseLiteral(reader: TokenReader): number {
  const isNegative = reader.take("-");
  if (!isNegative) reader.take("+");
  const token = reader.expectKind("number");
  return isNegative ? -numberOf(token) : numberOf(token);
}

export function numberOf(token: { readonly text: string; readonly start: number }): number {
  try {
    return parseGoFloat(token.text);
  } catch (error) {
    throw invalidAt(token.start, `unable to parse literal as a float: ${(error as Error).message}`);
  }
}
