/** Files of rule tests, as promtool takes them: text in, tests or problems with their places out. */
import { parseDurationMs } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { Node } from "yaml";
import { type Field, type Place, type Problem, readYaml, type YamlText } from "./yaml-fields.ts";

type Pairs = readonly (readonly [name: string, value: string])[];
type Fields = ReadonlyMap<string, Field>;

export interface AlertTest {
  readonly evalTimeMs: number;
  readonly evalTime: string;
  readonly alertname: string;
  readonly expected: readonly { readonly labels: Pairs; readonly annotations: Pairs }[];
  readonly place: Place;
}

export interface ExprTest {
  readonly expr: string;
  readonly evalTimeMs: number;
  readonly evalTime: string;
  readonly expected: readonly ExpectedSample[];
  readonly place: Place;
}

export interface ExpectedSample {
  readonly labels: string;
  readonly value: number;
  /** In the notation of series; "" for a plain number. */
  readonly histogram: string;
}

export interface RuleTest {
  readonly name: string;
  /** Absent: as often as rules are evaluated. */
  readonly intervalMs: number | undefined;
  readonly startMs: number;
  readonly series: readonly {
    readonly series: string;
    readonly values: string;
    readonly place: Place;
  }[];
  readonly alertTests: readonly AlertTest[];
  readonly exprTests: readonly ExprTest[];
  readonly externalLabels: Pairs;
  readonly externalUrl: string;
  readonly place: Place;
}

export interface RuleTestFile {
  readonly ruleFiles: readonly string[];
  readonly evaluationIntervalMs: number;
  readonly groupEvalOrder: readonly string[];
  readonly fuzzyCompare: boolean;
  readonly tests: readonly RuleTest[];
}

const MINUTE_MS = 60_000;

/** Throws `config_invalid` with `file:line:column` of each problem. */
export function parseRuleTestFile(
  text: string,
  file: string,
  { ignoreUnknownFields = false }: { readonly ignoreUnknownFields?: boolean } = {},
): RuleTestFile {
  const reader = new Reader(readYaml(text), ignoreUnknownFields);
  const read = reader.file();
  if (reader.problems.length === 0) return read;
  const told = reader.problems.map(
    ({ line, column, message }) => `${file}:${line}:${column}: ${message}`,
  );
  throw new TriptychError("config_invalid", told.join("\n"));
}

const KNOWN = {
  unitTestFile: ["rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"],
  testGroup: [
    ...["name", "interval", "start_timestamp", "input_series", "alert_rule_test"],
    ...["promql_expr_test", "external_labels", "external_url"],
  ],
  series: ["series", "values"],
  alertTestCase: ["eval_time", "alertname", "exp_alerts"],
  alert: ["exp_labels", "exp_annotations"],
  promqlTestCase: ["expr", "eval_time", "exp_samples"],
  sample: ["labels", "value", "histogram"],
} as const;

class Reader {
  private readonly yaml: YamlText;
  private readonly ignoreUnknownFields: boolean;
  readonly problems: Problem[];

  constructor(yaml: YamlText, ignoreUnknownFields: boolean) {
    this.yaml = yaml;
    this.ignoreUnknownFields = ignoreUnknownFields;
    this.problems = yaml.problems;
  }

  file(): RuleTestFile {
    const fields = this.fields(this.yaml.root, "unitTestFile");
    return {
      ruleFiles: this.list(fields, "rule_files", (node) => this.yaml.text(node)),
      evaluationIntervalMs: this.duration(fields, "evaluation_interval") || MINUTE_MS,
      groupEvalOrder: this.groupOrder(fields),
      fuzzyCompare: this.text(fields, "fuzzy_compare") === "true",
      tests: this.list(fields, "tests", (node) => this.test(node)),
    };
  }

  private groupOrder(fields: Fields): string[] {
    const order = this.list(fields, "group_eval_order", (node) => this.yaml.text(node));
    const twice = order.find((name, at) => order.indexOf(name) !== at);
    const key = fields.get("group_eval_order")?.key;
    if (twice !== undefined && key !== undefined)
      this.problems.push({ ...key, message: `group name repeated in evaluation order: ${twice}` });
    return order;
  }

  private fields(node: Node | null, type: keyof typeof KNOWN): Fields {
    const fields = this.yaml.fields(node, `main.${type}`) ?? new Map<string, Field>();
    const known: readonly string[] = KNOWN[type];
    for (const [name, { key }] of fields) {
      if (known.includes(name) || this.ignoreUnknownFields) continue;
      const message = `yaml: unmarshal errors:\n  line ${key.line}: field ${name} not found in type main.${type}`;
      this.problems.push({ ...key, message });
    }
    return fields;
  }

  private list<T>(fields: Fields, name: string, read: (node: Node | null) => T): T[] {
    return this.yaml.items(fields.get(name)?.value ?? null, `[]main.${name}`).map(read);
  }

  private text(fields: Fields, name: string): string {
    return this.yaml.text(fields.get(name)?.value ?? null);
  }

  private wrong(fields: Fields, name: string, message: string): void {
    this.problems.push({ ...(fields.get(name)?.place ?? { line: 1, column: 1 }), message });
  }

  private duration(fields: Fields, name: string): number {
    const text = this.text(fields, name);
    if (text === "") return 0;
    try {
      return parseDurationMs(text);
    } catch (error) {
      this.wrong(fields, name, (error as Error).message);
      return 0;
    }
  }

  private pairs(fields: Fields, name: string): [string, string][] {
    const found = this.yaml.fields(fields.get(name)?.value ?? null, "map[string]string");
    return [...(found ?? [])].map(([key, { value }]) => [key, this.yaml.text(value)]);
  }

  private test(node: Node | null): RuleTest {
    const fields = this.fields(node, "testGroup");
    return {
      name: this.text(fields, "name"),
      intervalMs: this.duration(fields, "interval") || undefined,
      startMs: this.start(fields),
      series: this.list(fields, "input_series", (one) => this.series(one)),
      alertTests: this.list(fields, "alert_rule_test", (one) => this.alertTest(one)),
      exprTests: this.list(fields, "promql_expr_test", (one) => this.exprTest(one)),
      externalLabels: this.pairs(fields, "external_labels"),
      externalUrl: this.text(fields, "external_url"),
      place: this.yaml.placeOf(node),
    };
  }

  /** Seconds since 1970 or an RFC 3339 time. */
  private start(fields: Fields): number {
    const text = this.text(fields, "start_timestamp");
    if (text === "") return 0;
    const seconds = Number(text);
    const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text);
    if (Number.isNaN(ms))
      this.wrong(fields, "start_timestamp", `cannot parse "${text}" to a valid timestamp`);
    return Number.isNaN(ms) ? 0 : ms;
  }

  private series(node: Node | null): RuleTest["series"][number] {
    const fields = this.fields(node, "series");
    const place = this.yaml.placeOf(node);
    return { series: this.text(fields, "series"), values: this.text(fields, "values"), place };
  }

  private alertTest(node: Node | null): AlertTest {
    const fields = this.fields(node, "alertTestCase");
    return {
      evalTimeMs: this.duration(fields, "eval_time"),
      evalTime: this.text(fields, "eval_time"),
      alertname: this.text(fields, "alertname"),
      expected: this.list(fields, "exp_alerts", (one) => {
        const alert = this.fields(one, "alert");
        return {
          labels: this.pairs(alert, "exp_labels"),
          annotations: this.pairs(alert, "exp_annotations"),
        };
      }),
      place: this.yaml.placeOf(node),
    };
  }

  private exprTest(node: Node | null): ExprTest {
    const fields = this.fields(node, "promqlTestCase");
    return {
      expr: this.text(fields, "expr"),
      evalTimeMs: this.duration(fields, "eval_time"),
      evalTime: this.text(fields, "eval_time"),
      expected: this.list(fields, "exp_samples", (one) => this.sample(one)),
      place: this.yaml.placeOf(node),
    };
  }

  private sample(node: Node | null): ExpectedSample {
    const fields = this.fields(node, "sample");
    const text = this.text(fields, "value");
    const value = numberOf(text);
    if (value === undefined)
      this.wrong(fields, "value", `cannot unmarshal !!str \`${text}\` into float64`);
    return {
      labels: this.text(fields, "labels"),
      value: value ?? 0,
      histogram: this.text(fields, "histogram"),
    };
  }
}

/** A number as YAML writes it; 0 for nothing. */
function numberOf(text: string): number | undefined {
  if (text === "") return 0;
  if (/^[+-]?\.?inf$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^\.?nan$/i.test(text)) return Number.NaN;
  const value = Number(text.replaceAll("_", ""));
  return Number.isNaN(value) ? undefined : value;
}
