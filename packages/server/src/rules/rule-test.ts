/** Runs rule tests as promtool does: series are loaded, rules evaluated step by step, results compared. */
import {
  compactHistogram,
  compareLabels,
  evaluatePromql,
  formatFloat,
  formatDuration,
  goQuote,
  type Histogram,
  type Labels,
  labelsFrom,
  parsePromql,
  parseSeriesLine,
  placeOf,
  printHistogram,
  printLabels,
  type PromqlExpr,
  type PromqlSource,
  sameBounds,
  TestStore,
} from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { RuleGroupConfig } from "../config/rules/rule-file.ts";
import type {
  AlertTest,
  ExpectedSample,
  ExprTest,
  RuleTest,
  RuleTestFile,
} from "../config/rules/test-file.ts";
import { createPacing } from "../query/pacing.ts";
import { compileRegex } from "../regex/compile.ts";
import { createRuleGroup, type GroupEnv, type RuleGroup } from "./group.ts";
import { samplesOf } from "./rules.ts";
import type { RuleSample, VectorSample } from "./sample.ts";

export interface TestVerdict {
  readonly passed: number;
  /** What went wrong, each as promtool tells it. */
  readonly failures: readonly TestFailure[];
  /** All series as they are at the end, one a line: what was loaded and what rules made. */
  series(): readonly string[];
}

export interface TestFailure {
  readonly line: number;
  readonly text: string;
  /** What was expected and what was there, where the two were compared. */
  readonly compared?: { readonly want: string; readonly got: string } | undefined;
}

/** Evaluations of one test; more is a mistake in its times. */
const STEPS_MAX = 1_000_000;

export async function runRuleTest(
  test: RuleTest,
  { file, groups }: { readonly file: RuleTestFile; readonly groups: readonly RuleGroupConfig[] },
): Promise<TestVerdict> {
  return new TestRun(test, file, groups).run();
}

class TestRun {
  private readonly test: RuleTest;
  private readonly file: RuleTestFile;
  private readonly store = new TestStore(compileRegex);
  private readonly groups: readonly RuleGroup[];
  private readonly failures: TestFailure[] = [];
  private readonly pacing = createPacing();
  private passed = 0;

  constructor(test: RuleTest, file: RuleTestFile, groups: readonly RuleGroupConfig[]) {
    this.test = test;
    this.file = file;
    const settings = { intervalMs: file.evaluationIntervalMs, queryOffsetMs: 0 };
    this.groups = ordered(groups, file.groupEvalOrder).map((config) =>
      createRuleGroup(config, {
        env: this.env(),
        settings: { ...settings, queryOffsetMs: config.queryOffsetMs ?? 0 },
      }),
    );
  }

  async run(): Promise<TestVerdict> {
    try {
      this.load();
      await this.steps();
      for (const one of this.test.exprTests) await this.checkExpr(one);
    } catch (error) {
      this.fail(this.test.place.line, `${this.named()}    ${(error as Error).message}`);
    }
    const checks = this.test.exprTests.length + this.test.alertTests.length;
    // A test that expects nothing still says that its rules can be evaluated.
    const passed = checks === 0 && this.failures.length === 0 ? 1 : this.passed;
    return { passed, failures: this.failures, series: () => this.allSeries() };
  }

  private fail(line: number, text: string, compared?: TestFailure["compared"]): void {
    this.failures.push({ line, text, compared });
  }

  private allSeries(): string[] {
    const shown = (value: number | Histogram): string =>
      typeof value === "number" ? formatFloat(value) : printHistogram(value);
    return this.store
      .all()
      .sort((a, b) => compareLabels(a.labels, b.labels))
      .map(({ labels, samples }) => {
        const points = samples.map(
          ({ timeMs, value }) => `${shown(value)} @${(timeMs - this.test.startMs) / 1000}`,
        );
        return `${printLabels(labels)} ${points.join(" ")}`;
      });
  }

  private named(): string {
    return this.test.name === "" ? "" : `    name: ${this.test.name},\n`;
  }

  private load(): void {
    const stepMs = this.test.intervalMs ?? this.file.evaluationIntervalMs;
    for (const { series, values, place } of this.test.series) {
      try {
        const parsed = parseSeriesLine(`${series} ${values}`);
        const samples = parsed.values.flatMap((one, i) =>
          one === undefined
            ? []
            : [{ timeMs: this.test.startMs + i * stepMs, startMs: 0, value: one.value }],
        );
        this.store.add(parsed.labels, samples);
      } catch (error) {
        throw new Error(
          `line ${place.line}: series ${goQuote(series)}: ${(error as Error).message}`,
        );
      }
    }
  }

  private env(): GroupEnv {
    return {
      query: async (rule, atMs) => {
        if (rule.language === "promql") return this.query(rule.expr, atMs, this.untilNow());
        throw new Error("rules over logs cannot be tested: the input of tests is series");
      },
      write: (samples) => this.write(samples),
      flush: async () => {},
      save: async () => {},
      notify: () => {},
      externalLabels: this.test.externalLabels,
      externalUrl: this.test.externalUrl,
      resendDelayMs: 60_000,
      monotonicMs: () => 0,
      warn: () => {},
      evaluated: () => {},
    };
  }

  private nowMs = 0;

  /** Rules do not see what comes later. */
  private untilNow(): PromqlSource {
    const { nowMs, store } = this;
    return {
      select: (matchers, { afterMs, toMs }) =>
        store.select(matchers, { afterMs, toMs: Math.min(toMs, nowMs) }),
    };
  }

  private async query(
    expr: PromqlExpr,
    atMs: number,
    source: PromqlSource,
  ): Promise<VectorSample[]> {
    const options = {
      startMs: atMs,
      endMs: atMs,
      compileRegex,
      subqueryIntervalMs: this.file.evaluationIntervalMs,
      pause: () => this.pacing.pause(),
    };
    return samplesOf(await evaluatePromql(expr, options, source));
  }

  private write(samples: readonly RuleSample[]): void {
    for (const { labels, timeMs, value } of samples)
      this.store.add(labels, [{ timeMs, startMs: 0, value: value === "stale" ? stale : value }]);
  }

  private async steps(): Promise<void> {
    const { startMs, alertTests, exprTests } = this.test;
    const stepMs = this.file.evaluationIntervalMs;
    const last = Math.max(0, ...[...alertTests, ...exprTests].map(({ evalTimeMs }) => evalTimeMs));
    if (last / stepMs > STEPS_MAX) throw new Error(`more than ${STEPS_MAX} evaluations`);
    const waiting = [...alertTests].sort((a, b) => a.evalTimeMs - b.evalTimeMs);
    const errors: string[] = [];
    for (let sinceMs = 0; sinceMs <= last; sinceMs += stepMs) {
      this.nowMs = startMs + sinceMs;
      for (const group of this.groups) {
        await group.evaluate(this.nowMs);
        errors.push(...errorsOf(group, sinceMs));
      }
      if (errors.length > 0) break;
      while (waiting[0] !== undefined && waiting[0].evalTimeMs < sinceMs + stepMs)
        this.checkAlert(waiting.shift() as AlertTest);
    }
    if (errors.length > 0) throw new Error(`\n${errors.join("\n")}`.trim());
  }

  private checkAlert(test: AlertTest): void {
    const rules = this.groups.flatMap((group) => group.view().rules);
    const got = rules
      .filter(({ kind, name }) => kind === "alert" && name === test.alertname)
      .flatMap(({ alerts }) => alerts.filter(({ state }) => state === "firing"))
      .map(({ labels, annotations }) => ({ labels, annotations: labelsFrom(annotations) }));
    const expected = test.expected.map(({ labels, annotations }) => ({
      labels: labelsFrom(new Map([...labels, ["alertname", test.alertname]])),
      annotations: labelsFrom(annotations),
    }));
    const [want, found] = [alertsText(expected), alertsText(got)];
    if (want === found) {
      this.passed++;
      return;
    }
    const head = `${this.named()}    alertname: ${test.alertname}, time: ${test.evalTime}, `;
    const text = `${head}\n        exp:${indent(want)}, \n        got:${indent(found)}`;
    this.fail(test.place.line, text, { want, got: found });
  }

  private async checkExpr(test: ExprTest): Promise<void> {
    const head = `${this.named()}    expr: ${goQuote(test.expr)}, time: ${formatDuration(test.evalTimeMs)}`;
    let got: VectorSample[];
    try {
      const expr = parsed(test.expr);
      got = await this.query(expr, this.test.startMs + test.evalTimeMs, this.store);
    } catch (error) {
      this.fail(test.place.line, `${head}, err: ${(error as Error).message}`);
      return;
    }
    try {
      const want = test.expected.map(expectedSample).sort(bySample);
      const found = [...got].sort(bySample);
      if (isSame(want, found, this.file.fuzzyCompare)) this.passed++;
      else
        this.fail(
          test.place.line,
          `${head},\n        exp: ${samplesText(want)}\n        got: ${samplesText(found)}`,
          { want: samplesText(want, "\n"), got: samplesText(found, "\n") },
        );
    } catch (error) {
      this.fail(test.place.line, `${head}, err: ${(error as Error).message}`);
    }
  }
}

const stale: number = (() => {
  const value = new Float64Array(1);
  new Uint32Array(value.buffer).set([2, 0x7ff00000]);
  return value[0] as number;
})();

function ordered(groups: readonly RuleGroupConfig[], order: readonly string[]): RuleGroupConfig[] {
  const place = (name: string): number => {
    const at = order.indexOf(name);
    return at < 0 ? order.length : at;
  };
  return [...groups].sort((a, b) => place(a.name) - place(b.name));
}

function* errorsOf(group: RuleGroup, sinceMs: number): Generator<string> {
  for (const { name, health, lastError } of group.view().rules)
    if (health === "err")
      yield `rule: ${name}, time: ${formatDuration(sinceMs)}, err: ${lastError}`;
}

function parsed(text: string): PromqlExpr {
  try {
    return parsePromql(text, { compileRegex });
  } catch (error) {
    if (!(error instanceof TriptychError) || error.offset === undefined) throw error;
    const { line, column } = placeOf(text, error.offset);
    throw new Error(`${line}:${column}: parse error: ${error.message}`);
  }
}

interface ShownAlert {
  readonly labels: Labels;
  readonly annotations: Labels;
}

function alertsText(alerts: readonly ShownAlert[]): string {
  if (alerts.length === 0) return "[]";
  const sorted = [...alerts].sort(
    (a, b) => compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations),
  );
  const texts = sorted.map(
    ({ labels, annotations }, i) =>
      `${i}:\n  Labels:${printLabels(labels)}\n  Annotations:${printLabels(annotations)}`,
  );
  return `[\n${texts.join(",\n")}\n]`;
}

const indent = (text: string): string => text.replaceAll("\n", "\n            ");

interface ComparedSample extends VectorSample {
  /** The histogram says what is known of its resets: it is compared too. */
  readonly hintSet?: boolean | undefined;
}

function expectedSample(sample: ExpectedSample): ComparedSample {
  const { labels } = parseSeriesLine(sample.labels === "" ? "{}" : sample.labels);
  if (sample.histogram === "") return { labels, value: sample.value };
  const [first] = parseSeriesLine(`{} ${sample.histogram}`).values;
  if (first === undefined || typeof first.value === "number")
    throw new Error(`${goQuote(sample.histogram)} is no histogram`);
  return { labels, value: first.value, hintSet: first.hintSet };
}

const bySample = (a: VectorSample, b: VectorSample): number => compareLabels(a.labels, b.labels);

function samplesText(samples: readonly VectorSample[], between = ", "): string {
  if (samples.length === 0) return "nil";
  const texts = samples.map(({ labels, value }) => {
    const shown = typeof value === "number" ? floatText(value) : printHistogram(value);
    return `${printLabels(labels)} ${shown}`;
  });
  return texts.join(between);
}

/** Go's `%E` with as many digits as the number needs. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const digits = String(Math.abs(Number(exponent))).padStart(2, "0");
  return `${mantissa}E${Number(exponent) < 0 ? "-" : "+"}${digits}`;
}

function isSame(
  want: readonly ComparedSample[],
  got: readonly VectorSample[],
  fuzzy: boolean,
): boolean {
  if (want.length !== got.length) return false;
  return want.every((one, i) => {
    const other = got[i] as VectorSample;
    return one.labels.key === other.labels.key && isSameValue(one, other.value, fuzzy);
  });
}

function isSameValue(want: ComparedSample, got: number | Histogram, fuzzy: boolean): boolean {
  if (typeof want.value === "number" || typeof got === "number")
    return (
      typeof want.value === "number" &&
      typeof got === "number" &&
      isSameNumber(want.value, got, fuzzy)
    );
  return isSameHistogram(
    compactHistogram(want.value),
    compactHistogram(got),
    want.hintSet === true,
  );
}

function isSameNumber(a: number, b: number, fuzzy: boolean): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  return a === b || (fuzzy && distance(a, b) <= 1n);
}

/** How many numbers lie between two of the same sign. */
function distance(a: number, b: number): bigint {
  const bits = (value: number): bigint => new BigInt64Array(Float64Array.of(value).buffer)[0] ?? 0n;
  const difference = bits(a) - bits(b);
  return difference < 0n ? -difference : difference;
}

function isSameHistogram(a: Histogram, b: Histogram, withHint: boolean): boolean {
  const sameBuckets = (x: Histogram["positive"], y: Histogram["positive"]): boolean =>
    x.index.length === y.index.length &&
    x.index.every(
      (index, i) => index === y.index[i] && isSameNumber(x.count[i] ?? 0, y.count[i] ?? 0, true),
    );
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    isSameNumber(a.zeroCount, b.zeroCount, true) &&
    isSameNumber(a.count, b.count, true) &&
    isSameNumber(a.sum, b.sum, true) &&
    sameBounds(a.customValues, b.customValues) &&
    sameBuckets(a.positive, b.positive) &&
    sameBuckets(a.negative, b.negative) &&
    (!withHint || a.hint === b.hint)
  );
}
