/** All targets of one job: made from what discovery gives, scraped by a loop each. */
import { type CompileRegex, compileRelabel, type Relabel } from "@triptych/lang";
import type { ScrapeConfig } from "../../config/prometheus/scrape-config.ts";
import type { HttpClient } from "../../http-client/client.ts";
import { letOthersRun } from "../../self/event-loop.ts";
import type { LabelSet, TargetGroup } from "../discovery/target-group.ts";
import { createLoop, type LoopDeps, newState, type ScrapeLoop } from "./loop.ts";
import type { ScrapeJob, TargetState } from "./scrape-target.ts";
import type { ShapeRules } from "./shape-samples.ts";
import { discoveredLabels, type Populated, populate, type Target } from "./target.ts";

export interface PoolDeps extends LoopDeps {
  readonly compileRegex: CompileRegex;
  createClient(config: ScrapeConfig): HttpClient;
  /** Samples with times of their own may be this late. */
  readonly outOfOrderMs: number;
  /** Whether a target with these labels is scraped, by any pool. */
  isScraped(key: string): boolean;
  onProblem(job: string, problem: string): void;
}

export interface DroppedTarget {
  readonly discovered: ReadonlyMap<string, string>;
}

export interface ScrapePool {
  readonly config: ScrapeConfig;
  /** The groups of its discovery, all of them. Runs in slices. */
  sync(groups: readonly TargetGroup[]): Promise<void>;
  loops(): readonly ScrapeLoop[];
  dropped(): { readonly targets: readonly DroppedTarget[]; readonly count: number };
  /** Failures to make targets, of the last sync. */
  failures(): readonly string[];
  has(key: string): boolean;
  /** Stops and gives its loops, stopped, for the pool that takes its place: that goes on with their states. */
  handOver(): Promise<ReadonlyMap<string, ScrapeLoop>>;
  /** Ends all targets with staleness markers. */
  end(): void;
  /** Stops without any. */
  close(): Promise<void>;
}

/** Dropped targets shown when the configuration sets no bound. */
const DROPPED_KEPT_MAX = 10_000;
const FAILURES_KEPT_MAX = 20;
/** Targets made at once: relabelling one takes some 10 µs to 100 µs. */
const TARGETS_PER_SLICE = 50;

export function createPool(
  config: ScrapeConfig,
  deps: PoolDeps,
  inherited: ReadonlyMap<string, ScrapeLoop>,
): ScrapePool {
  const relabel = compileRelabel(config.relabel_configs, deps.compileRegex);
  const client = deps.createClient(config);
  const loops = new Map<string, ScrapeLoop>();
  /** Of the pool before this one, until the first sync says which of its targets are still there. */
  const former = new Map(inherited);
  const states = new Map<string, TargetState>();
  const known: Known = new WeakMap();
  let scraped: ReadonlySet<string> = new Set();
  let dropped: DroppedTarget[] = [];
  let droppedCount = 0;
  let failures: string[] = [];
  let refusal = "";
  let closed = false;
  let latest: readonly TargetGroup[] = [];
  let turn: Promise<void> = Promise.resolve();

  const jobFor = jobOf(config, { client, deps, refusal: () => refusal });
  const begin = (target: Target): void => {
    const key = stateKey(target);
    const state = states.get(key) ?? former.get(key)?.state() ?? newState();
    states.delete(key);
    former.delete(key);
    const loop = createLoop(target, jobFor(target), { deps, state });
    loops.set(target.key, loop);
    loop.start();
  };
  /** Ends what is no longer among the targets; one that is only asked in another way keeps what is known of it. */
  const leave = async (targets: ReadonlyMap<string, Target>): Promise<void> => {
    const heirs = new Map([...targets.values()].map((target) => [target.labelsKey, target]));
    for (const [key, loop] of [...loops]) {
      if (targets.has(key)) continue;
      loops.delete(key);
      const heir = heirs.get(loop.target.labelsKey);
      if (heir === undefined || loops.has(heir.key))
        loop.end(() => deps.isScraped(loop.target.labelsKey));
      else {
        await loop.stop();
        states.set(stateKey(heir), loop.state());
      }
    }
  };
  const sync = async (groups: readonly TargetGroup[]): Promise<void> => {
    if (closed) return;
    const made = await makeTargets(groups, { config, relabel, known });
    if (closed) return;
    failures = made.failures.slice(0, FAILURES_KEPT_MAX);
    if (made.failures.length > 0)
      deps.onProblem(
        config.job_name,
        `${made.failures.length} targets could not be made: ${made.failures[0]}`,
      );
    dropped = made.dropped.slice(0, config.keep_dropped_targets || DROPPED_KEPT_MAX);
    droppedCount = made.dropped.length;
    const { target_limit: limit } = config;
    refusal =
      limit > 0 && made.targets.size > limit
        ? `target_limit exceeded (number of targets: ${made.targets.size}, limit: ${limit})`
        : "";
    if (refusal !== "") deps.onProblem(config.job_name, refusal);
    await leave(made.targets);
    if (closed) return;
    for (const [key, target] of made.targets) if (!loops.has(key)) begin(target);
    scraped = new Set([...loops.values()].map(({ target }) => target.labelsKey));
    states.clear();
    for (const loop of former.values()) loop.end(() => deps.isScraped(loop.target.labelsKey));
    former.clear();
  };
  return {
    config,
    sync(groups) {
      // Only the newest groups count; those that waited behind a long sync are passed over.
      latest = groups;
      turn = turn.then(() => (latest === groups ? sync(groups) : undefined));
      return turn;
    },
    loops: () => [...loops.values()],
    dropped: () => ({ targets: dropped, count: droppedCount }),
    failures: () => failures,
    has: (key) => scraped.has(key),
    async handOver() {
      closed = true;
      await turn;
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
      client.close();
      return new Map([
        ...former,
        ...[...loops.values()].map((loop): [string, ScrapeLoop] => [stateKey(loop.target), loop]),
      ]);
    },
    end() {
      closed = true;
      for (const loop of [...former.values(), ...loops.values()])
        loop.end(() => deps.isScraped(loop.target.labelsKey));
      former.clear();
      loops.clear();
      scraped = new Set();
      client.close();
    },
    async close() {
      closed = true;
      await turn;
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
      client.close();
    },
  };
}

/** A target that is asked in another way is the same one as long as its labels and address are. */
function stateKey(target: Target): string {
  return `${target.labelsKey} ${target.url}`;
}

interface Made {
  readonly targets: Map<string, Target>;
  readonly dropped: DroppedTarget[];
  readonly failures: string[];
}

/** What relabelling made of discovered targets, as long as discovery gives the very same ones. */
type Known = WeakMap<LabelSet, { readonly group: LabelSet; readonly populated: Populated }>;

async function makeTargets(
  groups: readonly TargetGroup[],
  context: { readonly config: ScrapeConfig; readonly relabel: Relabel; readonly known: Known },
): Promise<Made> {
  const { config, relabel, known } = context;
  const made: Made = { targets: new Map(), dropped: [], failures: [] };
  let count = 0;
  for (const group of groups)
    for (const own of group.targets) {
      const before = known.get(own);
      let populated = before?.populated;
      if (populated === undefined || before?.group !== group.labels) {
        if (++count % TARGETS_PER_SLICE === 0) await letOthersRun();
        populated = populate(config, relabel, discoveredLabels(config, group, own));
        known.set(own, { group: group.labels, populated });
      }
      if (populated.kind === "target") made.targets.set(populated.target.key, populated.target);
      else if (populated.kind === "dropped") made.dropped.push(populated);
      else made.failures.push(`in group ${group.source}: ${populated.problem}`);
    }
  return made;
}

function jobOf(
  config: ScrapeConfig,
  parts: { readonly client: HttpClient; readonly deps: PoolDeps; readonly refusal: () => string },
): (target: Target) => ScrapeJob {
  const rules =
    config.metric_relabel_configs.length === 0
      ? undefined
      : compileRelabel(config.metric_relabel_configs, parts.deps.compileRegex);
  return (target) => ({
    config,
    client: parts.client,
    refusal: parts.refusal,
    rules: shapeRules(config, { target, relabel: rules, outOfOrderMs: parts.deps.outOfOrderMs }),
  });
}

function shapeRules(
  config: ScrapeConfig,
  more: {
    readonly target: Target;
    readonly relabel: Relabel | undefined;
    readonly outOfOrderMs: number;
  },
): ShapeRules {
  const { target, relabel, outOfOrderMs } = more;
  return {
    relabel,
    nameScheme: config.metric_name_validation_scheme,
    sampleLimit: config.sample_limit,
    labelLimit: config.label_limit,
    labelNameBytesMax: config.label_name_length_limit,
    labelValueBytesMax: config.label_value_length_limit,
    bucketLimit: config.native_histogram_bucket_limit,
    schemaMax: schemaOf(config.native_histogram_min_bucket_factor),
    withNative: target.withNative,
    toCustomBuckets: target.toCustomBuckets,
    keepsClassic: target.keepsClassic,
    tracksTimes: config.track_timestamps_staleness,
    outOfOrderMs,
  };
}

const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;

/** The finest schema whose buckets grow by at least `factor` from one to the next. */
function schemaOf(factor: number): number {
  if (factor <= 1) return SCHEMA_MAX;
  const schema = Math.floor(-Math.log2(Math.log2(factor)));
  return Math.min(SCHEMA_MAX, Math.max(SCHEMA_MIN, schema));
}
