/**
 * Rule files of Prometheus, and of Loki's ruler: text in, groups of rules or problems with their places out. Strict as
 * those programs are, with Prometheus's messages.
 */
import { isLabelName, parseDurationMs } from "@triptych/lang";
import { TriptychError } from "@triptych/model";
import type { Node } from "yaml";
import { checkRule } from "./check-rule.ts";
import { type RuleExpr, type RuleLanguage, readRuleExpr } from "./rule-expr.ts";
import { type Field, type Place, type Problem, readYaml, type YamlText } from "./yaml-fields.ts";

export type Pairs = readonly (readonly [name: string, value: string])[];

interface RuleFields {
  readonly kind: "record" | "alert";
  readonly name: string;
  readonly exprText: string;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  /** The group's and its own, sorted by name. */
  readonly labels: Pairs;
  /** In the order of the file. */
  readonly annotations: Pairs;
  readonly place: Place;
  readonly exprPlace: Place;
}

export type RuleConfig = RuleFields & RuleExpr;
/** What lints of one language look at. */
export type RuleConfigIn<L extends RuleLanguage> = RuleFields & Extract<RuleExpr, { language: L }>;

export interface RuleGroupConfig {
  readonly file: string;
  /** What Loki calls the file; absent for rules of Prometheus. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** Absent: the global interval. */
  readonly intervalMs: number | undefined;
  readonly queryOffsetMs: number | undefined;
  /** 0: none. */
  readonly limit: number;
  readonly rules: readonly RuleConfig[];
  readonly place: Place;
}

export interface RuleFile {
  readonly groups: readonly RuleGroupConfig[];
  readonly problems: readonly Problem[];
}

export interface RuleFileOptions {
  /** What expressions are written in; PromQL unless said otherwise. */
  readonly language?: RuleLanguage | undefined;
  /** What groups of Loki's rules are said to be in; the file may name it too. */
  readonly namespace?: string | undefined;
  /** What label names may be; UTF-8 unless said otherwise. */
  readonly names?: "utf8" | "legacy" | undefined;
  readonly ignoreUnknownFields?: boolean | undefined;
}

/** Beyond this a file is not written by people, and reading it would hold the process. */
const FILE_CHARS_MAX = 8 * 1024 * 1024;

/** Never throws for what stands in the file. */
export function parseRuleFile(text: string, file: string, options: RuleFileOptions = {}): RuleFile {
  if (text.length > FILE_CHARS_MAX) {
    const message = `the file is larger than ${FILE_CHARS_MAX} characters`;
    return { groups: [], problems: [{ line: 1, column: 1, message }] };
  }
  return new Reader(text, file, options).run();
}

/** A single group, as Loki's API takes it. Never throws for what stands in the text. */
export function parseRuleGroup(text: string, file: string, options: RuleFileOptions): RuleFile {
  return new Reader(text, file, options).runGroup();
}

/** As `parseRuleFile`; throws `config_invalid` with `file:line:column` of each problem. */
export function requireRuleFile(text: string, file: string, options?: RuleFileOptions): RuleFile {
  const read = parseRuleFile(text, file, options);
  if (read.problems.length === 0) return read;
  throw new TriptychError(
    "config_invalid",
    read.problems.map((one) => printProblem(file, one)).join("\n"),
  );
}

export const printProblem = (file: string, { line, column, message }: Problem): string =>
  `${file}:${line}:${column}: ${message}`;

const KNOWN = {
  RuleGroups: ["groups"],
  RuleGroup: ["name", "interval", "query_offset", "limit", "rules", "labels"],
  Rule: ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"],
} as const;

/** Files that are given to `lokitool` name the namespace. */
const KNOWN_LOKI = { ...KNOWN, RuleGroups: ["namespace", ...KNOWN.RuleGroups] } as const;

class Reader {
  private readonly yaml: YamlText;
  private readonly file: string;
  private readonly options: RuleFileOptions;
  private readonly problems: Problem[];
  private readonly language: RuleLanguage;
  private namespace: string | undefined;

  constructor(text: string, file: string, options: RuleFileOptions) {
    this.language = options.language ?? "promql";
    this.namespace = options.namespace;
    this.yaml = readYaml(text);
    this.file = file;
    this.options = options;
    this.problems = this.yaml.problems;
  }

  run(): RuleFile {
    if (this.problems.length > 0) return { groups: [], problems: this.problems };
    const root = this.fields(this.yaml.root, "RuleGroups");
    const named = root === undefined ? "" : this.textOf(root, "namespace");
    if (named !== "") this.namespace = named;
    const groups: RuleGroupConfig[] = [];
    const names = new Set<string>();
    for (const node of this.yaml.items(root?.get("groups")?.value ?? null, "[]rulefmt.RuleGroup")) {
      const group = this.group(node);
      if (group === undefined) continue;
      if (group.name === "") this.wrong(group.place, "Groupname must not be empty");
      else if (names.has(group.name))
        this.wrong(group.place, `groupname: "${group.name}" is repeated in the same file`);
      names.add(group.name);
      groups.push(group);
    }
    return { groups, problems: this.problems };
  }

  runGroup(): RuleFile {
    if (this.problems.length > 0) return { groups: [], problems: this.problems };
    const group = this.group(this.yaml.root);
    if (group?.name === "") this.wrong(group.place, "Groupname must not be empty");
    return { groups: group === undefined ? [] : [group], problems: this.problems };
  }

  private wrong(place: Place, message: string): void {
    this.problems.push({ line: place.line, column: place.column, message });
  }

  private fields(
    node: Node | null,
    type: keyof typeof KNOWN,
  ): ReadonlyMap<string, Field> | undefined {
    const fields = this.yaml.fields(node, `rulefmt.${type}`);
    const known: readonly string[] = this.language === "logql" ? KNOWN_LOKI[type] : KNOWN[type];
    if (this.options.ignoreUnknownFields === true) return fields;
    for (const [name, { key }] of fields ?? []) {
      if (known.includes(name)) continue;
      const where = `  line ${key.line}: field ${name} not found in type rulefmt.${type}`;
      this.wrong(key, `yaml: unmarshal errors:\n${where}`);
    }
    return fields;
  }

  private group(node: Node | null): RuleGroupConfig | undefined {
    const fields = this.fields(node, "RuleGroup");
    if (fields === undefined) return undefined;
    const name = this.textOf(fields, "name");
    const labels = this.pairs(fields.get("labels"));
    for (const [label] of labels)
      if (!this.isLabel(label))
        this.wrong(
          fields.get("labels")?.key ?? this.yaml.placeOf(node),
          `group "${name}": invalid label name: ${label}`,
        );
    const rules: RuleConfig[] = [];
    for (const [i, one] of this.yaml
      .items(fields.get("rules")?.value ?? null, "[]rulefmt.Rule")
      .entries()) {
      const rule = this.rule(one, { labels, group: name, number: i + 1 });
      if (rule !== undefined) rules.push(rule);
    }
    return {
      file: this.file,
      ...(this.language === "logql" ? { namespace: this.namespace ?? this.file } : {}),
      name,
      intervalMs: this.duration(fields, "interval"),
      queryOffsetMs: this.duration(fields, "query_offset"),
      limit: this.limit(fields),
      rules,
      place: fields.get("name")?.place ?? this.yaml.placeOf(node),
    };
  }

  private textOf(fields: ReadonlyMap<string, Field>, name: string): string {
    return this.yaml.text(fields.get(name)?.value ?? null);
  }

  private duration(fields: ReadonlyMap<string, Field>, name: string): number | undefined {
    const field = fields.get(name);
    const text = this.textOf(fields, name);
    if (field === undefined || text === "") return undefined;
    try {
      return parseDurationMs(text);
    } catch (error) {
      this.wrong(field.place, (error as Error).message);
      return undefined;
    }
  }

  private limit(fields: ReadonlyMap<string, Field>): number {
    const text = this.textOf(fields, "limit");
    if (text === "") return 0;
    const limit = Number(text);
    if (Number.isInteger(limit)) return Math.max(0, limit);
    const place = fields.get("limit")?.place ?? { line: 1, column: 1 };
    this.wrong(
      place,
      `yaml: unmarshal errors:\n  line ${place.line}: cannot unmarshal !!str \`${text}\` into int`,
    );
    return 0;
  }

  private pairs(field: Field | undefined): [string, string][] {
    const fields = this.yaml.fields(field?.value ?? null, "map[string]string");
    return [...(fields ?? [])].map(([name, { value }]) => [name, this.yaml.text(value)]);
  }

  private isLabel(name: string): boolean {
    const standard = this.language === "logql" ? "legacy" : "utf8";
    const isName = isLabelName(name, this.options.names ?? standard);
    return isName && name !== "__name__";
  }

  private rule(
    node: Node | null,
    { labels, group, number }: { labels: Pairs; group: string; number: number },
  ): RuleConfig | undefined {
    const fields = this.fields(node, "Rule");
    if (fields === undefined) return undefined;
    const [record, alert, exprText] = ["record", "alert", "expr"].map((name) =>
      this.textOf(fields, name),
    );
    const own = this.pairs(fields.get("labels"));
    const annotations = this.pairs(fields.get("annotations"));
    const forMs = this.duration(fields, "for") ?? 0;
    const keepFiringForMs = this.duration(fields, "keep_firing_for") ?? 0;
    const start = this.yaml.placeOf(node);
    const name = record !== undefined && record !== "" ? record : (alert ?? "");
    const expr = readRuleExpr(exprText ?? "", this.language);
    const given = {
      record: record ?? "",
      alert: alert ?? "",
      exprText: exprText ?? "",
      expr,
      labels: own,
      annotations,
      forMs,
      keepFiringForMs,
    };
    const isLabel = (label: string): boolean => this.isLabel(label);
    for (const { field, message } of checkRule(given, isLabel)) {
      const place = fields.get(field)?.place ?? start;
      this.wrong(place, `group "${group}", rule ${number}, "${name}": ${message}`);
    }
    if (typeof expr === "string") return undefined;
    const all = new Map([...labels, ...own]);
    return {
      kind: record !== undefined && record !== "" ? "record" : "alert",
      name,
      exprText: exprText ?? "",
      ...expr,
      forMs,
      keepFiringForMs,
      labels: [...all].sort(([a], [b]) => (a < b ? -1 : 1)),
      annotations,
      place: start,
      exprPlace: fields.get("expr")?.place ?? start,
    };
  }
}
