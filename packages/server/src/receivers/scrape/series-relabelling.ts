/** Relabelling of metrics, and limits of labels: which row of the table a series has afterwards. */
import type { SampleBatch } from "@triptych/model";
import type { Relabel } from "@triptych/lang";
import { labelProblem, type LabelRules } from "./label-problem.ts";
import { emptyMemo, type LabelChange, type TargetMemory } from "./target-memory.ts";

export interface RelabelRules extends LabelRules {
  /** Undefined when there are no rules. */
  readonly relabel: Relabel | undefined;
}

const DROPPED = 0;
const UNCHANGED = 1;
const CHANGED = 2;
const NOT_ASKED = -2;
/** Series a target no longer shows are forgotten at the latest when they are as many as those it shows, and some. */
const GONE_EXTRA_MAX = 512;

export class SeriesRelabelling {
  /** Per series row of the batch: the row to use instead, -1 when it is left out. */
  private readonly rows: Int32Array;
  private readonly batch: SampleBatch;
  private readonly rules: RelabelRules;
  private readonly memory: TargetMemory;
  private readonly fail: (problem: string) => void;
  private readonly needsLabels: boolean;
  private readonly nameIds = new Map<string, number>();
  private readonly valueIds = new Map<string, number>();

  /** `fail` is told of a series that fails the scrape. */
  constructor(
    batch: SampleBatch,
    rules: RelabelRules,
    other: { readonly memory: TargetMemory; readonly fail: (problem: string) => void },
  ) {
    this.batch = batch;
    this.rules = rules;
    this.memory = other.memory;
    this.fail = other.fail;
    this.rows = new Int32Array(batch.series.rows).fill(NOT_ASKED);
    this.needsLabels =
      rules.relabel !== undefined ||
      rules.nameScheme === "legacy" ||
      rules.labelLimit + rules.labelNameBytesMax + rules.labelValueBytesMax > 0;
    if (this.memory.relabelled.index.size > batch.series.rows * 2 + GONE_EXTRA_MAX)
      this.memory.relabelled = emptyMemo();
  }

  /** The row of a series after relabelling, -1 when it is left out. */
  row(bare: number): number {
    const known = this.rows[bare] as number;
    if (known !== NOT_ASKED) return known;
    const found = this.needsLabels ? this.relabelled(bare) : bare;
    this.rows[bare] = found;
    return found;
  }

  /** The row that was found for a series, -1 when it is left out or was not reached. */
  found(bare: number): number {
    return Math.max(-1, this.rows[bare] ?? -1);
  }

  private relabelled(row: number): number {
    const { batch } = this;
    const { series } = batch;
    const { index, changed } = this.memory.relabelled;
    const low = series.hashLow[row] as number;
    const high = series.hashHigh[row] as number;
    let entry = index.find(low, high);
    if (entry < 0) {
      const outcome = this.outcome(row);
      if (outcome === undefined) return -1;
      entry = index.add(
        low,
        high,
        typeof outcome === "number" ? outcome : CHANGED + changed.length,
      );
      if (typeof outcome !== "number") changed.push(outcome);
    }
    const outcome = index.row[entry] as number;
    if (outcome === DROPPED) return -1;
    if (outcome === UNCHANGED) return row;
    return this.changed(row, changed[outcome - CHANGED] as LabelChange);
  }

  /** A row with the labels of another one, changed; the dictionaries are asked once for each text. */
  private changed(row: number, { gone, added }: LabelChange): number {
    const { series } = this.batch;
    const goneIds = gone.map((name) => this.nameId(name));
    const end = series.offsets[row + 1] as number;
    for (let i = series.offsets[row] as number; i < end; i++) {
      const name = series.nameId[i] as number;
      if (!goneIds.includes(name)) series.addLabel(name, series.valueId[i] as number);
    }
    for (const [name, value] of added) series.addLabel(this.nameId(name), this.valueId(value));
    return series.end(series.temporality[row] as number);
  }

  private nameId(name: string): number {
    const known = this.nameIds.get(name);
    if (known !== undefined) return known;
    const id = this.batch.series.names.internText(name);
    this.nameIds.set(name, id);
    return id;
  }

  private valueId(value: string): number {
    const known = this.valueIds.get(value);
    if (known !== undefined) return known;
    const id = this.batch.series.values.internText(value);
    this.valueIds.set(value, id);
    return id;
  }

  /** What relabelling makes of a series; undefined when that fails the scrape. */
  private outcome(row: number): number | LabelChange | undefined {
    const before = this.batch.series.labels(row);
    const labels = new Map(before);
    if (this.rules.relabel?.(labels) === false || labels.size === 0) return DROPPED;
    const problem = labelProblem(labels, this.rules);
    if (problem !== "") {
      this.fail(problem);
      return undefined;
    }
    const old = new Map(before);
    const gone = before.filter(([name, value]) => labels.get(name) !== value).map(([name]) => name);
    const added = [...labels].filter(([name, value]) => old.get(name) !== value);
    return gone.length + added.length === 0 ? UNCHANGED : { gone, added };
  }
}
