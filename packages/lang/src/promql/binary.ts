/** Binary operators: between numbers, vectors and numbers, and vectors matched by labels. */
import { type Annotations, messages } from "./annotations.ts";
import { type Binary, type BinaryOp, comparisonOps, typeOf, type VectorMatching } from "./ast.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Grid } from "./series.ts";
import { queryFailed } from "./failure.ts";
import { add, compact, divide, equals, type Histogram, multiply, subtract } from "./histogram.ts";
import { trim } from "./histogram-trim.ts";
import {
  dropLabels,
  dropMetadata,
  keepLabels,
  type Labels,
  labelValue,
  matchLabels,
  noLabels,
  printLabels,
  withLabel,
} from "./labels.ts";
import {
  FLOAT,
  isEmpty,
  mergeSame,
  newRow,
  NONE,
  putValue,
  type Row,
  RowSet,
  valueAt,
} from "./rows.ts";
import type { Span } from "../source.ts";

const CHANGES_NAME = new Set(["+", "-", "*", "/", "^", "%", "atan2"]);

export async function evaluateBinary(
  evaluation: Evaluation,
  node: Binary,
  grid: Grid,
): Promise<Row[]> {
  const leftScalar = typeOf(node.left) === "scalar";
  const rightScalar = typeOf(node.right) === "scalar";
  if (leftScalar && rightScalar) {
    const left = await evaluation.scalar(node.left, grid);
    const right = await evaluation.scalar(node.right, grid);
    const row = newRow(noLabels, false, grid.count);
    for (let step = 0; step < grid.count; step++) {
      row.kind[step] = FLOAT;
      row.value[step] = scalarOp(node.op, left[step] as number, right[step] as number);
    }
    return [row];
  }
  if (leftScalar || rightScalar) return withScalar(evaluation, node, grid);
  const left = await evaluation.evaluate(node.left, grid);
  const right = await evaluation.evaluate(node.right, grid);
  const matching = node.matching as VectorMatching;
  const sides = await matchSides(evaluation, { left, right }, matching);
  switch (node.op) {
    case "and":
    case "unless":
      return filterBy(sides, grid, node.op === "and");
    case "or":
      return union(sides, grid);
    default:
      return matchRows(evaluation, node, { sides, grid });
  }
}

function arithmetic(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "^":
      return power(a, b);
    default:
      return Math.atan2(a, b);
  }
}

/** Go's `Pow`: one to any power, and minus one to an infinite one, is one. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)) return 1;
  return a ** b;
}

function compare(op: BinaryOp, a: number, b: number): boolean {
  switch (op) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case ">":
      return a > b;
    case "<":
      return a < b;
    case ">=":
      return a >= b;
    default:
      return a <= b;
  }
}

function scalarOp(op: BinaryOp, a: number, b: number): number {
  return comparisonOps.has(op) ? Number(compare(op, a, b)) : arithmetic(op, a, b);
}

type Value = number | Histogram;

/** What an operator makes of two values: nothing when they do not fit, or a comparison does not hold. */
interface Outcome {
  value: Value;
  keep: boolean;
  /** The operator cannot take these; there is no result and no match. */
  failed: boolean;
  note: (() => void) | undefined;
}

const outcome: Outcome = { value: 0, keep: false, failed: false, note: undefined };

interface Reporting {
  readonly annotations: Annotations;
  readonly span: Span;
}

const kindName = (value: Value): string => (typeof value === "number" ? "float" : "histogram");

/** Writes into `outcome`, which the next call overwrites. */
function operate(op: BinaryOp, left: Value, right: Value, report: Reporting): Outcome {
  outcome.note = undefined;
  outcome.failed = false;
  outcome.keep = true;
  if (typeof left === "number" && typeof right === "number" && op !== "</" && op !== ">/") {
    const compares = comparisonOps.has(op);
    outcome.value = compares ? left : arithmetic(op, left, right);
    if (compares) outcome.keep = compare(op, left, right);
    return outcome;
  }
  const value = withHistograms(op, left, right, report);
  if (value === undefined) {
    const text = messages.incompatibleTypes(kindName(left), op, kindName(right));
    outcome.failed = true;
    outcome.keep = false;
    outcome.note ??= () => report.annotations.info(text, report.span);
  } else {
    outcome.value = value;
  }
  return outcome;
}

function withHistograms(
  op: BinaryOp,
  left: Value,
  right: Value,
  report: Reporting,
): Value | undefined {
  if (typeof left === "number") {
    return op === "*" && typeof right !== "number" ? compact(multiply(right, left)) : undefined;
  }
  if (typeof right === "number") {
    if (op === "*") return compact(multiply(left, right));
    if (op === "/") return compact(divide(left, right));
    if (op === "</" || op === ">/") return trim(left, right, op === "</");
    return undefined;
  }
  if (op === "==" || op === "!=") {
    outcome.keep = equals(left, right) === (op === "==");
    return left;
  }
  return op === "+" || op === "-" ? combine(op, left, right, report) : undefined;
}

function combine(
  op: "+" | "-",
  left: Histogram,
  right: Histogram,
  { annotations, span }: Reporting,
): Histogram | undefined {
  const operation = op === "+" ? "addition" : "subtraction";
  const combined = op === "+" ? add(left, right) : subtract(left, right);
  if (combined === undefined) {
    outcome.note = () => annotations.warning(messages.incompatibleLayout(op), span);
    return undefined;
  }
  const { histogram, reconciled, collision } = combined;
  if (reconciled) outcome.note = () => annotations.info(messages.reconciled(operation), span);
  if (collision) {
    outcome.failed = true;
    outcome.keep = false;
    outcome.note = () => annotations.warning(messages.resetCollision(operation), span);
  }
  return compact(op === "-" ? { ...histogram, hint: "gauge" } : histogram);
}

async function withScalar(evaluation: Evaluation, node: Binary, grid: Grid): Promise<Row[]> {
  const swap = typeOf(node.left) === "scalar";
  const [vectorExpr, scalarExpr] = swap ? [node.right, node.left] : [node.left, node.right];
  let rows: Row[];
  let scalar: Float64Array;
  if (swap) {
    scalar = await evaluation.scalar(scalarExpr, grid);
    rows = await evaluation.evaluate(vectorExpr, grid);
  } else {
    rows = await evaluation.evaluate(vectorExpr, grid);
    scalar = await evaluation.scalar(scalarExpr, grid);
  }
  const { op, bool, span } = node;
  const report = { annotations: evaluation.annotations, span };
  const compares = comparisonOps.has(op);
  const dropName = CHANGES_NAME.has(op) || bool;
  const out: Row[] = [];
  for (const row of rows) {
    const result = newRow(row.labels, row.dropName || dropName, grid.count);
    for (let step = 0; step < grid.count; step++) {
      const value = valueAt(row, step);
      if (value === undefined) continue;
      const number = scalar[step] as number;
      const done = swap ? operate(op, number, value, report) : operate(op, value, number, report);
      // Histograms whose resets conflict still have a result here.
      done.note?.();
      if (done.failed) continue;
      if (bool) putValue(result, step, done.keep ? 1 : 0);
      else if (done.keep) putValue(result, step, compares && swap ? value : done.value);
    }
    if (!isEmpty(result)) out.push(result);
    await evaluation.pause();
  }
  return out;
}

interface Sides {
  readonly left: readonly Row[];
  readonly right: readonly Row[];
  /** The number of each row's match group. */
  readonly leftGroups: Int32Array;
  readonly rightGroups: Int32Array;
  readonly groups: number;
}

async function matchSides(
  evaluation: Evaluation,
  { left, right }: { readonly left: readonly Row[]; readonly right: readonly Row[] },
  matching: VectorMatching,
): Promise<Sides> {
  const names = new Set(matching.labels);
  const numbers = new Map<string, number>();
  const numberRows = async (rows: readonly Row[]): Promise<Int32Array> => {
    const groups = new Int32Array(rows.length);
    for (const [i, row] of rows.entries()) {
      const { key } = matchLabels(row.labels, matching.on, names);
      const known = numbers.get(key) ?? numbers.size;
      numbers.set(key, known);
      groups[i] = known;
      if ((i & 255) === 255) await evaluation.pause();
    }
    return groups;
  };
  const leftGroups = await numberRows(left);
  const rightGroups = await numberRows(right);
  return { left, right, leftGroups, rightGroups, groups: numbers.size };
}

/** For each group the steps at which one of its rows has a value. */
function presence(
  rows: readonly Row[],
  groups: Int32Array,
  steps: number,
): Map<number, Uint8Array> {
  const out = new Map<number, Uint8Array>();
  for (const [i, row] of rows.entries()) {
    const group = groups[i] as number;
    const present = out.get(group) ?? new Uint8Array(steps);
    out.set(group, present);
    for (let step = 0; step < steps; step++) if (row.kind[step] !== NONE) present[step] = 1;
  }
  return out;
}

function filterBy(
  { left, right, leftGroups, rightGroups }: Sides,
  grid: Grid,
  keep: boolean,
): Row[] {
  const present = presence(right, rightGroups, grid.count);
  const out: Row[] = [];
  for (const [i, row] of left.entries()) {
    const other = present.get(leftGroups[i] as number);
    const kind = row.kind.map((k, step) => ((other?.[step] === 1) === keep ? k : NONE));
    const kept = { ...row, kind };
    if (!isEmpty(kept)) out.push(kept);
  }
  return out;
}

function union({ left, right, leftGroups, rightGroups }: Sides, grid: Grid): Row[] {
  const present = presence(left, leftGroups, grid.count);
  const rest: Row[] = [];
  for (const [i, row] of right.entries()) {
    const other = present.get(rightGroups[i] as number);
    const kept =
      other === undefined
        ? row
        : { ...row, kind: row.kind.map((k, step) => (other[step] === 1 ? NONE : k)) };
    if (!isEmpty(kept)) rest.push(kept);
  }
  const all = [...left, ...rest];
  return grid.count > 1 ? mergeSame(all) : all;
}

interface Match {
  readonly sides: Sides;
  readonly grid: Grid;
}

/** The "one" side of a match is on the right here, whatever the query says. */
async function matchRows(evaluation: Evaluation, node: Binary, match: Match): Promise<Row[]> {
  const matching = node.matching as VectorMatching;
  const swapped = matching.card === "one-to-many";
  const { sides } = match;
  const turned: Sides = swapped
    ? {
        left: sides.right,
        right: sides.left,
        leftGroups: sides.rightGroups,
        rightGroups: sides.leftGroups,
        groups: sides.groups,
      }
    : sides;
  const matcher = new Matcher(evaluation, node, { sides: turned, grid: match.grid, swapped });
  return matcher.run();
}

type Fill = { readonly labels: Labels; readonly value: number };

class Matcher {
  private readonly out: RowSet;
  private readonly notes: ((() => void) | undefined)[] = [];
  /** One-to-one: the steps at which a group has matched. Else: those of each result of a group. */
  private readonly matched = new Map<string, Uint8Array>();
  private readonly results = new Map<string, Labels>();
  private readonly byGroup = new Map<number, Row[]>();
  private readonly names: ReadonlySet<string>;
  private readonly matching: VectorMatching;
  private readonly evaluation: Evaluation;
  private readonly node: Binary;
  private readonly sides: Sides;
  private readonly steps: number;
  private readonly swapped: boolean;
  private readonly report: Reporting;
  /** Steps at which anything can match. */
  private readonly active: Uint8Array;
  /** How many rows of the left each group has. */
  private readonly leftCounts: Uint32Array;

  constructor(
    evaluation: Evaluation,
    node: Binary,
    given: { readonly sides: Sides; readonly grid: Grid; readonly swapped: boolean },
  ) {
    this.evaluation = evaluation;
    this.node = node;
    this.matching = node.matching as VectorMatching;
    this.names = new Set(this.matching.labels);
    this.sides = given.sides;
    this.swapped = given.swapped;
    this.steps = given.grid.count;
    this.out = new RowSet(this.steps);
    this.report = { annotations: evaluation.annotations, span: node.span };
    this.active = this.activeSteps();
    this.leftCounts = new Uint32Array(this.sides.groups);
    for (const group of this.sides.leftGroups)
      this.leftCounts[group] = (this.leftCounts[group] as number) + 1;
  }

  private activeSteps(): Uint8Array {
    const { left, right } = this.sides;
    const { fillLeft, fillRight } = this.matching;
    const any = (rows: readonly Row[]): Uint8Array =>
      presence(rows, new Int32Array(rows.length), this.steps).get(0) ?? new Uint8Array(this.steps);
    const hasLeft = any(left);
    const hasRight = any(right);
    if (fillLeft !== undefined || fillRight !== undefined) return hasLeft.fill(1);
    return hasLeft.map((has, step) => has & (hasRight[step] as number));
  }

  async run(): Promise<Row[]> {
    const { left, right, leftGroups, rightGroups } = this.sides;
    for (const [i, row] of right.entries()) {
      const group = rightGroups[i] as number;
      const known = this.byGroup.get(group);
      if (known === undefined) this.byGroup.set(group, [row]);
      else known.push(row);
    }
    this.refuseDuplicates();
    for (const [i, row] of left.entries()) {
      this.matchRow(row, leftGroups[i] as number, this.matching.fillRight);
      await this.evaluation.pause();
    }
    const { fillLeft } = this.matching;
    if (fillLeft !== undefined)
      for (const [i, row] of right.entries()) this.fillRow(row, rightGroups[i] as number, fillLeft);
    for (const note of this.notes) note?.();
    return this.out.rows;
  }

  /** Of several groups with two rows at one step the one is told that Prometheus meets first: step by step, row by row. */
  private refuseDuplicates(): void {
    if ([...this.byGroup.values()].every((rows) => rows.length === 1)) return;
    const { right, rightGroups } = this.sides;
    for (let step = 0; step < this.steps; step++) {
      if (this.active[step] === 0) continue;
      const seen = new Map<number, Row>();
      for (const [i, row] of right.entries()) {
        if (row.kind[step] === NONE) continue;
        const before = seen.get(rightGroups[i] as number);
        if (before !== undefined) throw this.duplicates(row, before);
        seen.set(rightGroups[i] as number, row);
      }
    }
  }

  private duplicates({ labels }: Row, before: Row): Error {
    const group = printLabels(matchLabels(labels, this.matching.on, this.names));
    const side = this.swapped ? "left" : "right";
    return queryFailed(
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: [${printLabels(labels)}, ${printLabels(before.labels)}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }

  /** Two rows of floats that match each other and nothing else: all their steps at once. */
  private matchPair(left: Row, right: Row): void {
    const { op, bool } = this.node;
    const compares = comparisonOps.has(op);
    const labels = this.resultLabels(left.labels, right.labels);
    const row = newRow(labels, bool, this.steps);
    let any = false;
    for (let step = 0; step < this.steps; step++) {
      if (left.kind[step] === NONE || right.kind[step] === NONE) continue;
      const a = left.value[step] as number;
      const b = right.value[step] as number;
      const keep = !compares || compare(op, a, b);
      if (!keep && !bool) continue;
      any = true;
      row.kind[step] = FLOAT;
      row.value[step] = bool ? Number(keep) : compares ? a : arithmetic(op, a, b);
    }
    if (any) this.out.adopt(row);
  }

  private isPair(row: Row, group: number, others: readonly Row[]): boolean {
    const { card, fillLeft, fillRight } = this.matching;
    const { op } = this.node;
    return (
      card === "one-to-one" &&
      fillLeft === undefined &&
      fillRight === undefined &&
      op !== "</" &&
      op !== ">/" &&
      others.length === 1 &&
      this.leftCounts[group] === 1 &&
      row.histograms === undefined &&
      others[0]?.histograms === undefined
    );
  }

  private matchRow(row: Row, group: number, fill: number | undefined): void {
    const others = this.byGroup.get(group) ?? [];
    if (this.isPair(row, group, others)) {
      this.matchPair(row, others[0] as Row);
      return;
    }
    const filled: Fill | undefined =
      fill === undefined
        ? undefined
        : { labels: matchLabels(row.labels, this.matching.on, this.names), value: fill };
    for (let step = 0; step < this.steps; step++) {
      if (this.active[step] === 0 || row.kind[step] === NONE) continue;
      const other = others.find((candidate) => candidate.kind[step] !== NONE);
      if (other !== undefined) this.apply(row, other, { step, group });
      else if (filled !== undefined) this.apply(row, filled, { step, group });
    }
  }

  private fillRow(row: Row, group: number, value: number): void {
    const labels = matchLabels(row.labels, this.matching.on, this.names);
    for (let step = 0; step < this.steps; step++) {
      if (row.kind[step] === NONE || this.hasMatched(group, step)) continue;
      this.apply({ labels, value }, row, { step, group });
    }
  }

  private readonly anyMatch = new Map<number, Uint8Array>();

  private hasMatched(group: number, step: number): boolean {
    return this.anyMatch.get(group)?.[step] === 1;
  }

  private apply(
    left: Row | Fill,
    right: Row | Fill,
    { step, group }: { readonly step: number; readonly group: number },
  ): void {
    const a = sideValue(left, step);
    const b = sideValue(right, step);
    if (a === undefined || b === undefined) return;
    const { op, bool } = this.node;
    const done = this.swapped ? operate(op, b, a, this.report) : operate(op, a, b, this.report);
    if (done.note !== undefined) this.notes[step] = done.note;
    if (done.failed) return;
    const labels = this.resultLabels(left.labels, right.labels);
    this.register(group, step, labels);
    if (bool) this.out.put(labels, { step, dropName: true }, done.keep ? 1 : 0);
    else if (done.keep) this.out.put(labels, { step, dropName: false }, done.value);
  }

  private register(group: number, step: number, labels: Labels): void {
    const oneToOne = this.matching.card === "one-to-one";
    const key = oneToOne ? String(group) : `${group}\u{3}${labels.key}`;
    const steps = this.matched.get(key) ?? new Uint8Array(this.steps);
    this.matched.set(key, steps);
    if (steps[step] === 1)
      throw queryFailed(
        oneToOne
          ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
          : "multiple matches for labels: grouping labels must ensure unique matches",
      );
    steps[step] = 1;
    const any = this.anyMatch.get(group) ?? new Uint8Array(this.steps);
    this.anyMatch.set(group, any);
    any[step] = 1;
  }

  private resultLabels(left: Labels, right: Labels): Labels {
    const key = `${left.key}\u{3}${right.key}`;
    const known = this.results.get(key);
    if (known !== undefined) return known;
    const { card, on, include } = this.matching;
    let labels = CHANGES_NAME.has(this.node.op) ? dropMetadata(left) : left;
    if (card === "one-to-one")
      labels = on ? keepLabels(labels, this.names) : dropLabels(labels, this.names);
    for (const name of include) labels = withLabel(labels, name, labelValue(right, name));
    this.results.set(key, labels);
    return labels;
  }
}

function sideValue(side: Row | Fill, step: number): Value | undefined {
  return "kind" in side ? valueAt(side, step) : side.value;
}
