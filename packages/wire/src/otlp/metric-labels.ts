/**
 * Labels of data points: the point's attributes under their Prometheus names, and `job` and `instance` of the
 * resource. Names and values go straight into the dictionaries of the batch's series table.
 */
import { AttributeColumns, Dictionary, type Limits, type SeriesTable } from "@triptych/model";
import { AttributeWriter, type ValueRules } from "./attribute-writer.ts";
import { labelName } from "./metric-names.ts";

/** What takes the place of a label name's id where there is none. */
const NO_LABEL = -1;
const TOO_LONG = -2;
const NOT_ASKED = -3;

export class PointLabels {
  /** The attributes being read; only one item at a time. */
  readonly attributes: AttributeWriter;
  count = 0;
  nameIds = new Uint32Array(32);
  valueIds = new Uint32Array(32);

  private readonly series: SeriesTable;
  private readonly limits: Limits;
  /** Per attribute key the id of its label name, or why there is none. */
  private nameOfKey = new Int32Array(64).fill(NOT_ASKED);
  /** Per label name the serial of the last point that had it. */
  private seenIn = new Uint32Array(64);
  private serial = 0;
  private readonly jobName: number;
  private readonly instanceName: number;

  constructor(series: SeriesTable, limits: Limits, rules: ValueRules) {
    this.series = series;
    this.limits = limits;
    this.jobName = series.names.internText("job");
    this.instanceName = series.names.internText("instance");
    this.attributes = new AttributeWriter(new AttributeColumns(), new Dictionary(), rules);
  }

  begin(): void {
    this.attributes.clear();
    this.attributes.begin();
  }

  /** Turns the attributes into labels; returns why they cannot be, "" when they are. */
  end(job: number, instance: number): string {
    this.attributes.end();
    return this.fromAttributes(this.attributes, { job, instance, skip: [] });
  }

  /** The same for any writer whose first item is meant; `skip` names keys to leave out. */
  fromAttributes(
    source: AttributeWriter,
    options: { job: number; instance: number; skip: readonly number[] },
  ): string {
    const { columns } = source;
    const { job, instance, skip } = options;
    this.count = 0;
    this.serial++;
    if (source.dropped > 0)
      return `a data point has more than ${this.limits.attributesPerItemMax} attributes`;
    if (job >= 0) this.put(this.jobName, job);
    if (instance >= 0) this.put(this.instanceName, instance);
    let collides = false;
    for (let i = 0; i < columns.entries; i++) {
      const key = columns.keys[i] as number;
      if (skip.includes(key)) continue;
      const name = this.labelNameOf(source, key);
      const start = columns.values.offsets[i] as number;
      const end = columns.values.offsets[i + 1] as number;
      // A label with an empty value is one that is not there.
      if (start === end) continue;
      if (name === TOO_LONG) return this.nameTooLong();
      if (name === NO_LABEL)
        return "an attribute's key has nothing that a label name can be made of";
      if (end - start > this.limits.labelValueBytesMax)
        return `a label value is longer than ${this.limits.labelValueBytesMax} bytes`;
      if ((this.seenIn[name] ?? 0) === this.serial) {
        collides ||= !this.isReserved(name, job, instance);
        continue;
      }
      this.put(name, this.series.values.intern(columns.values.bytes, start, end));
    }
    if (collides) this.joinCollisions(source, options);
    if (this.count >= this.limits.labelsPerSeriesMax)
      return `a series has more than ${this.limits.labelsPerSeriesMax} labels`;
    this.sort();
    return this.tooLong();
  }

  private isReserved(name: number, job: number, instance: number): boolean {
    return (job >= 0 && name === this.jobName) || (instance >= 0 && name === this.instanceName);
  }

  private put(name: number, value: number): void {
    if (this.count === this.nameIds.length) {
      this.nameIds = grown(this.nameIds, this.count);
      this.valueIds = grown(this.valueIds, this.count);
    }
    if (name >= this.seenIn.length) this.seenIn = grown(this.seenIn, name);
    this.seenIn[name] = this.serial;
    this.nameIds[this.count] = name;
    this.valueIds[this.count++] = value;
  }

  private nameTooLong(): string {
    return `a label name is longer than ${this.limits.labelNameBytesMax} bytes`;
  }

  /** By name, once a point, so that its series need no more sorting. */
  private sort(): void {
    const { nameIds, valueIds } = this;
    for (let i = 1; i < this.count; i++) {
      const name = nameIds[i] as number;
      const value = valueIds[i] as number;
      let j = i - 1;
      for (; j >= 0 && this.isAfter(nameIds[j] as number, name); j--) {
        nameIds[j + 1] = nameIds[j] as number;
        valueIds[j + 1] = valueIds[j] as number;
      }
      nameIds[j + 1] = name;
      valueIds[j + 1] = value;
    }
  }

  private isAfter(a: number, b: number): boolean {
    const { bytes, offsets } = this.series.names.entries;
    const aEnd = offsets[a + 1] as number;
    const bEnd = offsets[b + 1] as number;
    let i = offsets[a] as number;
    let j = offsets[b] as number;
    for (; i < aEnd && j < bEnd; i++, j++)
      if (bytes[i] !== bytes[j]) return (bytes[i] as number) > (bytes[j] as number);
    return aEnd - i > bEnd - j;
  }

  private tooLong(): string {
    const { names, values } = this.series;
    for (let i = 0; i < this.count; i++) {
      if (names.entries.sizeOf(this.nameIds[i] as number) > this.limits.labelNameBytesMax)
        return this.nameTooLong();
      if (values.entries.sizeOf(this.valueIds[i] as number) > this.limits.labelValueBytesMax)
        return `a label value is longer than ${this.limits.labelValueBytesMax} bytes`;
    }
    return "";
  }

  private labelNameOf(source: AttributeWriter, key: number): number {
    if (source !== this.attributes) return this.internName(source.keys, key);
    if (key >= this.nameOfKey.length) {
      const more = new Int32Array(key * 2).fill(NOT_ASKED);
      more.set(this.nameOfKey);
      this.nameOfKey = more;
    }
    let name = this.nameOfKey[key] as number;
    if (name === NOT_ASKED) {
      name = this.internName(source.keys, key);
      this.nameOfKey[key] = name;
    }
    return name;
  }

  private internName(keys: Dictionary, key: number): number {
    // No character takes more than four bytes, so what is longer than this cannot become short enough.
    if (keys.entries.sizeOf(key) > this.limits.labelNameBytesMax * 4) return TOO_LONG;
    const name = labelName(keys.text(key));
    return name === "" ? NO_LABEL : this.series.names.internText(name);
  }

  /** Values of keys that became the same name are joined in the order of the keys. */
  private joinCollisions(
    source: AttributeWriter,
    options: { job: number; instance: number; skip: readonly number[] },
  ): void {
    const { job, instance, skip } = options;
    const { columns } = source;
    const entries: { key: string; name: number; value: string }[] = [];
    for (let i = 0; i < columns.entries; i++) {
      const key = columns.keys[i] as number;
      if (skip.includes(key)) continue;
      const name = this.labelNameOf(source, key);
      entries.push({ key: source.keys.text(key), name, value: columns.values.text(i) });
    }
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    const joined = new Map<number, string>();
    for (const { name, value } of entries) {
      const before = joined.get(name);
      joined.set(name, before === undefined ? value : `${before};${value}`);
    }
    const { values } = this.series;
    for (let i = 0; i < this.count; i++) {
      const name = this.nameIds[i] as number;
      const text = joined.get(name);
      if (text !== undefined && !this.isReserved(name, job, instance))
        this.valueIds[i] = values.internText(text);
    }
  }
}

function grown(array: Uint32Array, at: number): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(Math.max(at + 1, array.length * 2));
  more.set(array);
  return more;
}
