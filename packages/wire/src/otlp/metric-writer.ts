/**
 * Turns OTLP data points into Prometheus series and samples, as Prometheus' own OTLP endpoint does. A reader of
 * either encoding sets the metric's head, then reads each point into `point` and `labels` and calls `commitPoint`,
 * then the point's exemplars.
 */
import {
  Dictionary,
  type Limits,
  type MetricType,
  ResourceTable,
  SampleBatch,
  ScopeTable,
  Temporality,
} from "@triptych/model";
import { AttributeWriter, type ValueRules } from "./attribute-writer.ts";
import { EntityWriter } from "./entities.ts";
import { PointLabels } from "./metric-labels.ts";
import { boundText, metricName, unitName } from "./metric-names.ts";
import { BUCKETS_PER_POINT_MAX, MetricPoint } from "./metric-point.ts";
import { addNativeHistogram } from "./native-histogram.ts";
import { isZero, tooMany } from "./span-writer.ts";
import { cutEnd } from "./value-text.ts";

/** Field numbers of Metric's `data`, which is also how both readers name the kinds. */
export const MetricKind = {
  none: 0,
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponential: 10,
  summary: 11,
} as const;
export type MetricKind = (typeof MetricKind)[keyof typeof MetricKind];

/** Labels of all series of a request: buckets multiply labels, and this bounds the product (160 MB). */
const LABELS_PER_REQUEST_MAX = 20_000_000;
/** Labels of series written before others may run: a point of many buckets and labels writes many. */
export const LABELS_PER_STEP = 100_000;
/** Samples of a request, per point allowed: buckets multiply these too. */
const SAMPLES_PER_POINT = 2;
/** Buckets of all native histograms of a request (64 MB). */
const NATIVE_BUCKETS_PER_REQUEST_MAX = 8_000_000;

const TEMPORALITY_DELTA = 1;
const TEMPORALITY_CUMULATIVE = 2;
/** OpenTelemetry's units have at most 63 characters. */
const UNIT_BYTES_MAX = 256;
const HELP_BYTES_MAX = 4096;
/** Bounds remembered with their label values: more than all histograms of a program have. */
const BOUNDS_KEPT_MAX = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class MetricWriter {
  readonly batch: SampleBatch;
  readonly entities: EntityWriter;
  readonly labels: PointLabels;
  readonly point = new MetricPoint();
  readonly exemplarAttributes: AttributeWriter;
  rejected = 0;
  reason = "";

  /** The open metric's head, to be set before `openMetric`. */
  kind: MetricKind = MetricKind.none;
  temporality = 0;
  isMonotonic = false;

  /** The open exemplar. */
  exemplarTimeMs = 0;
  exemplarValue = 0;
  exemplarHasValue = false;
  readonly exemplarTraceId = new Uint8Array(16);
  readonly exemplarSpanId = new Uint8Array(8);

  private readonly options: { readonly limits: Limits; readonly nowMs: number };
  private readonly resources = new ResourceTable();
  private readonly resourceKeys = new Dictionary();
  private readonly identifyingKeys: readonly number[];
  private readonly families = new Set<string>();
  private readonly boundIds = new Map<number, number>();
  private readonly nameLabel: number;
  private readonly leLabel: number;
  private readonly quantileLabel: number;
  private seen = 0;
  private seenMetrics = 0;
  private resourceIsKnown = false;
  private job = -1;
  private instance = -1;
  private newestMs = 0;
  /** Why all points of the open metric are refused, "" when they are not. */
  private metricProblem = "";
  private name = "";
  private nameIsTooLong = false;
  private description = "";
  private unit = "";
  private family = "";
  private baseName = 0;
  private bucketName = 0;
  private sumName = 0;
  private countName = 0;
  private seriesTemporality: number = Temporality.gauge;
  /** Series that the last committed point's exemplars go to: of a histogram one per bound, else one. */
  private firstSeries = 0;
  private targets = 0;

  constructor(
    options: { readonly limits: Limits; readonly nowMs: number },
    rules: ValueRules,
    rowsHint: number,
  ) {
    this.options = options;
    this.batch = new SampleBatch(rowsHint);
    const { series } = this.batch;
    this.entities = new EntityWriter(
      {
        keys: this.resourceKeys,
        strings: new Dictionary(),
        resources: this.resources,
        scopes: new ScopeTable(),
      },
      rules,
    );
    this.labels = new PointLabels(series, options.limits, rules);
    this.exemplarAttributes = new AttributeWriter(
      this.batch.exemplars.attributes,
      this.batch.keys,
      rules,
    );
    this.nameLabel = series.names.internText("__name__");
    this.leLabel = series.names.internText("le");
    this.quantileLabel = series.names.internText("quantile");
    this.identifyingKeys = ["service.name", "service.namespace", "service.instance.id"].map((key) =>
      this.resourceKeys.internText(key),
    );
  }

  /** Grows with the work done. */
  get labelsWritten(): number {
    return this.batch.series.entries;
  }

  beginMetric(offset: number): void {
    const { pointsPerRequestMax } = this.options.limits;
    if (++this.seenMetrics > pointsPerRequestMax)
      tooMany(`more than ${pointsPerRequestMax} metrics`, offset);
    this.name = "";
    this.nameIsTooLong = false;
    this.description = "";
    this.unit = "";
    this.kind = MetricKind.none;
    this.temporality = 0;
    this.isMonotonic = false;
    // Scopes are read for their errors only: their rows would be memory for nothing.
    this.entities.forgetScopes();
  }

  setName(source: Uint8Array, start: number, end: number): void {
    // What is too long is not even decoded: splitting a name of megabytes into its parts would be costly.
    this.nameIsTooLong = end - start > this.options.limits.labelValueBytesMax;
    this.name = this.nameIsTooLong ? "" : decoder.decode(source.subarray(start, end));
  }

  setDescription(source: Uint8Array, start: number, end: number): void {
    this.description = decoder.decode(
      source.subarray(start, cutEnd(source, { start, end }, HELP_BYTES_MAX)),
    );
  }

  setUnit(source: Uint8Array, start: number, end: number): void {
    this.unit = decoder.decode(
      source.subarray(start, cutEnd(source, { start, end }, UNIT_BYTES_MAX)),
    );
  }

  /** Ends the metric's head; its points follow. */
  openMetric(): void {
    if (!this.resourceIsKnown) this.readResource();
    const { kind } = this;
    const isCounter = kind === MetricKind.sum && this.isMonotonic;
    this.metricProblem = this.problemOfMetric();
    this.seriesTemporality = this.temporalityOfSeries();
    const nameKind = isCounter ? "counter" : kind === MetricKind.gauge ? "gauge" : "other";
    this.family = metricName(this.name, this.unit, nameKind);
    if (this.family === "" && this.metricProblem === "")
      this.metricProblem = `a metric's name ${JSON.stringify(this.name.slice(0, 100))} has nothing that a name can be made of`;
    const nameMax = this.options.limits.labelValueBytesMax;
    if (this.nameIsTooLong || this.family.length > nameMax)
      this.metricProblem = `a metric's name is longer than ${nameMax} bytes`;
    if (this.metricProblem !== "") return;
    const { values } = this.batch.series;
    this.baseName = values.internText(this.family);
    if (kind === MetricKind.histogram) this.bucketName = values.internText(`${this.family}_bucket`);
    if (kind === MetricKind.histogram || kind === MetricKind.summary) {
      this.sumName = values.internText(`${this.family}_sum`);
      this.countName = values.internText(`${this.family}_count`);
    }
  }

  private problemOfMetric(): string {
    const { kind, temporality } = this;
    if (kind === MetricKind.gauge || kind === MetricKind.summary || kind === MetricKind.none)
      return "";
    if (temporality === TEMPORALITY_DELTA || temporality === TEMPORALITY_CUMULATIVE) return "";
    return `the aggregation temporality of metric ${JSON.stringify(this.name.slice(0, 100))} is not specified`;
  }

  private temporalityOfSeries(): number {
    if (this.kind === MetricKind.gauge) return Temporality.gauge;
    if (this.kind === MetricKind.summary) return Temporality.cumulative;
    if (this.temporality === TEMPORALITY_DELTA) return Temporality.delta;
    if (this.kind === MetricKind.sum && !this.isMonotonic) return Temporality.gauge;
    return Temporality.cumulative;
  }

  beginPoint(offset: number): void {
    const { limits } = this.options;
    if (++this.seen > limits.pointsPerRequestMax)
      tooMany(`more than ${limits.pointsPerRequestMax} data points`, offset);
    const { batch } = this;
    if (batch.series.entries > LABELS_PER_REQUEST_MAX)
      tooMany(`more than ${LABELS_PER_REQUEST_MAX} labels of series`, offset);
    if (batch.samples.rows > limits.pointsPerRequestMax * SAMPLES_PER_POINT)
      tooMany(`more than ${limits.pointsPerRequestMax * SAMPLES_PER_POINT} samples`, offset);
    if (batch.exemplars.rows > limits.pointsPerRequestMax)
      tooMany(`more than ${limits.pointsPerRequestMax} exemplars`, offset);
    const { positiveCounts, negativeCounts } = batch.histograms;
    if (positiveCounts.used + negativeCounts.used > NATIVE_BUCKETS_PER_REQUEST_MAX)
      tooMany(`more than ${NATIVE_BUCKETS_PER_REQUEST_MAX} histogram buckets`, offset);
    this.point.clear();
    this.labels.begin();
  }

  /** Adds the point's series and samples; false when the point is refused. */
  commitPoint(): boolean {
    const problem = this.problemOfPoint();
    if (problem !== "") {
      this.rejected++;
      if (this.reason === "") this.reason = problem;
      return false;
    }
    const { point } = this;
    this.newestMs = Math.max(this.newestMs, point.timeMs);
    this.describe();
    switch (this.kind) {
      case MetricKind.histogram:
        this.addHistogram();
        break;
      case MetricKind.exponential:
        this.firstSeries = this.addSeries(this.baseName);
        this.targets = 1;
        addNativeHistogram(this.batch.histograms, this.firstSeries, point, {
          isDelta: this.seriesTemporality === Temporality.delta,
        });
        break;
      case MetricKind.summary:
        this.addSummary();
        break;
      default:
        this.firstSeries = this.addSeries(this.baseName);
        this.targets = 1;
        this.addSample(this.firstSeries, point.value);
    }
    return true;
  }

  private problemOfPoint(): string {
    const { point, kind } = this;
    const { limits, nowMs } = this.options;
    // The labels are ended in any case, so that the next point starts clean.
    const ofLabels = this.labels.end(this.job, this.instance);
    if (this.metricProblem !== "") return this.metricProblem;
    if (ofLabels !== "") return ofLabels;
    if (point.timeMs === 0) return "a data point has no time";
    if (point.timeMs > nowMs + limits.futureMsMax)
      return `a data point is more than ${limits.futureMsMax / 1000} s in the future`;
    if (point.hasTooManyBuckets)
      return `a data point has more than ${BUCKETS_PER_POINT_MAX} buckets`;
    if (kind === MetricKind.exponential && point.scale < -4)
      return `an exponential histogram has scale ${point.scale}; -4 is the least that can be kept`;
    const isNumber = kind === MetricKind.gauge || kind === MetricKind.sum;
    if (isNumber && !point.hasValue && !point.isStale) return "a data point has no value";
    return "";
  }

  private addSeries(name: number, extraLabel = -1, extraValue = -1): number {
    const { series } = this.batch;
    const { labels, nameLabel } = this;
    series.addLabel(nameLabel, name);
    for (let i = 0; i < labels.count; i++) {
      const label = labels.nameIds[i] as number;
      if (label !== nameLabel && label !== extraLabel)
        series.addLabel(label, labels.valueIds[i] as number);
    }
    if (extraLabel >= 0) series.addLabel(extraLabel, extraValue);
    return series.end(this.seriesTemporality);
  }

  private addSample(series: number, value: number): void {
    const { point } = this;
    if (point.isStale) this.batch.samples.addStale(series, point.timeMs, point.startMs);
    else this.batch.samples.add(series, point.timeMs, point.startMs, value);
  }

  private addHistogram(): void {
    const { point } = this;
    const { bounds, bucketCounts } = point;
    if (point.hasSum) this.addSample(this.addSeries(this.sumName), point.sum);
    this.addSample(this.addSeries(this.countName), point.count);
    this.firstSeries = this.batch.series.rows;
    let total = 0;
    // There is one count more than bounds; where a sender gives fewer, the bounds without a count are left out.
    const finite = Math.min(bounds.length, bucketCounts.length);
    for (let i = 0; i < finite; i++) {
      const bound = bounds.values[i] as number;
      total += bucketCounts.values[i] as number;
      if (bound === Number.POSITIVE_INFINITY) continue;
      this.addSample(this.addSeries(this.bucketName, this.leLabel, this.boundId(bound)), total);
    }
    const infinity = this.boundId(Number.POSITIVE_INFINITY);
    this.addSample(this.addSeries(this.bucketName, this.leLabel, infinity), point.count);
    this.targets = this.batch.series.rows - this.firstSeries;
  }

  private addSummary(): void {
    const { point } = this;
    this.addSample(this.addSeries(this.sumName), point.sum);
    this.addSample(this.addSeries(this.countName), point.count);
    const ofTotals = this.seriesTemporality;
    this.seriesTemporality = Temporality.gauge;
    for (let i = 0; i < point.quantiles.length; i++) {
      const quantile = this.boundId(point.quantiles.values[i] as number);
      const series = this.addSeries(this.baseName, this.quantileLabel, quantile);
      this.addSample(series, point.quantileValues.values[i] as number);
    }
    this.seriesTemporality = ofTotals;
    this.targets = 0;
  }

  private boundId(bound: number): number {
    let id = this.boundIds.get(bound);
    if (id === undefined || Object.is(bound, -0)) {
      if (this.boundIds.size >= BOUNDS_KEPT_MAX) this.boundIds.clear();
      id = this.batch.series.values.internText(boundText(bound));
      this.boundIds.set(bound, id);
    }
    return id;
  }

  /** Adds the open metric's metadata, once a family. */
  private describe(): void {
    if (this.families.has(this.family)) return;
    this.families.add(this.family);
    this.batch.metadata.push({
      family: this.family,
      type: this.metricType(),
      unit: unitName(this.unit),
      help: this.description,
    });
  }

  private metricType(): MetricType {
    if (this.kind === MetricKind.sum) return this.isMonotonic ? "counter" : "gauge";
    if (this.kind === MetricKind.gauge) return "gauge";
    return this.kind === MetricKind.summary ? "summary" : "histogram";
  }

  beginExemplar(): void {
    this.exemplarTimeMs = 0;
    this.exemplarHasValue = false;
    this.exemplarTraceId.fill(0);
    this.exemplarSpanId.fill(0);
    this.exemplarAttributes.begin();
  }

  /** Attaches the exemplar to the committed point's series; of a histogram to the bucket its value falls into. */
  commitExemplar(): void {
    const { batch } = this;
    if (!this.exemplarHasValue || this.targets === 0) {
      this.exemplarAttributes.undo();
      return;
    }
    const timeMs = this.exemplarTimeMs === 0 ? this.point.timeMs : this.exemplarTimeMs;
    const row = batch.exemplars.addRow(this.exemplarSeries(), timeMs, this.exemplarValue);
    batch.exemplars.traceId.set(this.exemplarTraceId, row * 16);
    if (!isZero(this.exemplarTraceId, 0, 16))
      batch.exemplars.spanId.set(this.exemplarSpanId, row * 8);
    this.exemplarAttributes.end();
  }

  private exemplarSeries(): number {
    if (this.kind !== MetricKind.histogram) return this.firstSeries;
    const { values } = this.point.bounds;
    for (let i = 0; i < this.targets - 1; i++)
      if (this.exemplarValue <= (values[i] as number)) return this.firstSeries + i;
    return this.firstSeries + this.targets - 1;
  }

  /** Job and instance of the resource whose metrics follow. */
  private readResource(): void {
    const [nameKey, namespaceKey, instanceKey] = this.identifyingKeys as [number, number, number];
    this.resourceIsKnown = true;
    const serviceName = this.resourceText(nameKey);
    const namespace = this.resourceText(namespaceKey);
    const instance = this.resourceText(instanceKey);
    const job =
      namespace !== "" && serviceName !== "" ? `${namespace}/${serviceName}` : serviceName;
    this.job = this.labelValue(job);
    this.instance = this.labelValue(instance);
  }

  private labelValue(text: string): number {
    if (text === "") return -1;
    const max = this.options.limits.labelValueBytesMax;
    const kept = encoder.encode(text).length > max ? text.slice(0, Math.floor(max / 3)) : text;
    return this.batch.series.values.internText(kept);
  }

  private resourceText(key: number): string {
    const { attributes } = this.resources;
    const entry = attributes.rows === 0 ? -1 : attributes.find(0, key);
    return entry < 0 ? "" : attributes.values.text(entry);
  }

  /** Ends a resource: what it has beyond its identity becomes labels of `target_info`. */
  endResource(): void {
    if (this.resourceIsKnown && this.newestMs > 0) this.addTargetInfo();
    this.resourceIsKnown = false;
    this.newestMs = 0;
    this.entities.forgetResources();
  }

  private addTargetInfo(): void {
    if (this.job < 0 && this.instance < 0) return;
    const { attributes } = this.resources;
    let others = 0;
    for (let i = 0; i < attributes.entries; i++)
      if (!this.identifyingKeys.includes(attributes.keys[i] as number)) others++;
    if (others === 0) return;
    const problem = this.labels.fromAttributes(this.entities.resourceAttributes, {
      job: this.job,
      instance: this.instance,
      skip: this.identifyingKeys,
    });
    // Not an item of the sender's, so nothing is counted as refused.
    if (problem !== "") return;
    this.seriesTemporality = Temporality.gauge;
    const series = this.addSeries(this.batch.series.values.internText("target_info"));
    this.batch.samples.add(series, this.newestMs, 0, 1);
    if (this.families.has("target_info")) return;
    this.families.add("target_info");
    this.batch.metadata.push({
      family: "target_info",
      type: "gauge",
      unit: "",
      help: "Target metadata",
    });
  }
}
