/**
 * The Pushgateway: keeps what batch jobs push until it is deleted, and hands it on as samples every 15 seconds, as if
 * a Prometheus with `honor_labels` scraped it. A push is answered when its group will survive a crash.
 */
import {
  asTriptychError,
  type Clock,
  type Limits,
  SampleBatch,
  Temporality,
  TriptychError,
} from "@triptych/model";
import { parseExposition } from "@triptych/wire";
import { repeat } from "../../self/repeat.ts";
import type { IngestNext } from "../next.ts";
import { drive } from "../slices.ts";
import { addFamily, addSeries, familiesOf, type Labels, type PushedFamily } from "./families.ts";
import { type GroupLabels, groupKey } from "./grouping-key.ts";

/** A group as it is saved. */
export interface PushedGroup {
  readonly labels: GroupLabels;
  readonly families: readonly PushedFamily[];
  /** Seconds since 1970 of the last push that succeeded and of the last that failed; 0 when none did. */
  readonly pushedAt: number;
  readonly failedAt: number;
  /** Grows with every change of any group, also when the clock does not. */
  readonly version: number;
  /** What is left of a deleted group, so that it stays deleted. */
  readonly isDeleted?: true;
}

export interface PushgatewayDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The groups saved so far; asked until it answers. */
  load(): Promise<readonly PushedGroup[]>;
  /** Keeps a group or its newer version; resolves when it will survive a crash. */
  save(key: string, group: PushedGroup): Promise<void>;
  onError(error: TriptychError): void;
}

export interface Push {
  readonly labels: GroupLabels;
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** PUT replaces all of the group, POST only families of the same names. */
  readonly replace: boolean;
}

export interface Pushgateway {
  /** Emits from now on. */
  start(): void;
  /** Throws `wire_*` for what cannot be parsed or does not fit to what is there; nothing changes then. */
  push(push: Push): Promise<void>;
  /** Deleting a group that is not there is fine. */
  delete(labels: GroupLabels): Promise<void>;
  /** Sorted by labels. */
  list(): Promise<readonly PushedGroup[]>;
  /** Emits all groups once. Rejects as `next.accept` does. */
  emit(): Promise<void>;
  close(): Promise<void>;
}

const EMIT_EVERY_MS = 15_000;
/** Batch jobs are counted in hundreds. */
const GROUPS_MAX = 10_000;
/** A group becomes objects and a row of JSON; no job that pushes has this many series. */
const SAMPLES_PER_GROUP_MAX = 50_000;
const SAMPLES_MAX = 500_000;
/** About 10 ms of building. */
const SAMPLES_PER_BATCH = 5_000;

const pushTimes = [
  {
    name: "push_time_seconds",
    help: "Last Unix time when changing this group in the Pushgateway succeeded.",
    of: (group: PushedGroup): number => group.pushedAt,
  },
  {
    name: "push_failure_time_seconds",
    help: "Last Unix time when changing this group in the Pushgateway failed.",
    of: (group: PushedGroup): number => group.failedAt,
  },
] as const;

export function createPushgateway(deps: PushgatewayDeps): Pushgateway {
  const groups = new Map<string, PushedGroup>();
  /** Series that were emitted and are gone: they get a staleness marker with the next emission. */
  const vanished = new Map<string, Labels>();
  let loading: Promise<void> | undefined;
  /** Changes run one after another: each is checked against what the one before left. */
  let turn: Promise<unknown> = Promise.resolve();
  let version = 0;
  let stop = (): void => {};

  const load = (): Promise<void> => {
    loading ??= deps.load().then(
      (saved) => {
        for (const group of saved) {
          version = Math.max(version, group.version);
          if (group.isDeleted !== true) groups.set(groupKey(group.labels), group);
        }
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = turn.then(load).then(run);
    turn = result.catch(() => {});
    return result;
  };
  const keep = async (group: Omit<PushedGroup, "version">): Promise<void> => {
    version = Math.max(version + 1, deps.clock.nowMs());
    const key = groupKey(group.labels);
    const kept = { ...group, version };
    await deps.save(key, kept);
    noteVanished(vanished, groups.get(key), kept);
    if (kept.isDeleted === true) groups.delete(key);
    else groups.set(key, kept);
  };
  const emit = async (some: readonly PushedGroup[]): Promise<void> => {
    const gone = [...vanished];
    vanished.clear();
    try {
      const nowMs = deps.clock.nowMs();
      if (gone.length > 0) await deps.next.accept(staleBatch(gone, nowMs), null);
      for (const batch of groupBatches(some, nowMs)) await deps.next.accept(batch, null);
    } catch (error) {
      for (const [key, labels] of gone) vanished.set(key, labels);
      throw error;
    }
  };
  /** What is saved is emitted with the next round at the latest, so a failure here is no failure of the push. */
  const emitSoon = (some: readonly PushedGroup[]): Promise<void> =>
    emit(some).catch((error: unknown) => deps.onError(asTriptychError(error)));

  const change = async (push: Push): Promise<void> => {
    const { labels } = push;
    const nowMs = deps.clock.nowMs();
    const key = groupKey(labels);
    const before = groups.get(key) ?? { labels, families: [], pushedAt: 0, failedAt: 0 };
    let families: readonly PushedFamily[];
    try {
      families = await pushedFamilies(push, before.families, deps);
      checkRoom(groups, key, families);
      checkTypes(groups, key, families);
    } catch (error) {
      if (!asTriptychError(error).spec.retry && groups.size < GROUPS_MAX)
        await keep({ ...before, failedAt: nowMs / 1000 });
      throw error;
    }
    await keep({ ...before, families, pushedAt: nowMs / 1000 });
    const kept = groups.get(key);
    if (kept !== undefined) await emitSoon([kept]);
  };

  return {
    start() {
      const round = (): Promise<void> =>
        inTurn(() => emit([...groups.values()])).catch((error: unknown) =>
          deps.onError(asTriptychError(error)),
        );
      void round();
      stop = repeat(deps.clock, EMIT_EVERY_MS, round);
    },
    push: (push) => inTurn(() => change(push)),
    delete: (labels) =>
      inTurn(async () => {
        if (!groups.has(groupKey(labels))) return;
        await keep({ labels, families: [], pushedAt: 0, failedAt: 0, isDeleted: true });
        await emitSoon([]);
      }),
    list: () =>
      inTurn(async () =>
        [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group),
      ),
    emit: () => inTurn(() => emit([...groups.values()])),
    async close() {
      stop();
      await turn;
    },
  };
}

/** What the group has after the push. */
async function pushedFamilies(
  push: Push,
  before: readonly PushedFamily[],
  { limits, clock }: PushgatewayDeps,
): Promise<readonly PushedFamily[]> {
  const nowMs = clock.nowMs();
  const steps = parseExposition(push.body, push.contentType, {
    limits: { ...limits, pointsPerRequestMax: SAMPLES_PER_GROUP_MAX },
    nowMs,
    extraLabels: push.labels,
    onConflict: "replace",
    keepClassicHistograms: true,
  });
  const { batch, rejected, reason } = await drive(steps, clock);
  if (rejected > 0) throw inconsistent(reason);
  for (const { rows, timeMs } of [batch.samples, batch.histograms])
    for (let row = 0; row < rows; row++)
      if (timeMs[row] !== nowMs) throw inconsistent("pushed metrics must not have timestamps");
  checkDuplicates(batch);
  const pushed = familiesOf(batch, nowMs);
  for (const { name } of pushTimes) pushed.delete(name);
  const kept = push.replace ? [] : before.filter(({ name }) => !pushed.has(name));
  return [...kept, ...pushed.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Equal labels have equal hashes, and two pushes of one series cannot both be true. */
function checkDuplicates({ series, samples, histograms }: SampleBatch): void {
  for (const { rows, series: list } of [samples, histograms]) {
    const seen = new Set<string>();
    for (let row = 0; row < rows; row++) {
      const id = list[row] as number;
      const key = `${series.hashHigh[id]} ${series.hashLow[id]}`;
      if (seen.has(key)) {
        const text = JSON.stringify(Object.fromEntries(series.labels(id)));
        throw inconsistent(
          `the series ${text.slice(0, 500)} was collected before with the same name and label values`,
        );
      }
      seen.add(key);
    }
  }
}

function samplesOf(families: readonly PushedFamily[]): number {
  return families.reduce(
    (sum, family) => sum + family.samples.length + family.histograms.length,
    0,
  );
}

function checkRoom(
  groups: ReadonlyMap<string, PushedGroup>,
  key: string,
  families: readonly PushedFamily[],
): void {
  if (!groups.has(key) && groups.size >= GROUPS_MAX)
    throw tooMany(`There are ${GROUPS_MAX} groups already; delete some first.`);
  const ofGroup = samplesOf(families);
  if (ofGroup > SAMPLES_PER_GROUP_MAX)
    throw tooMany(`The group would have ${ofGroup} series, more than ${SAMPLES_PER_GROUP_MAX}.`);
  let total = ofGroup;
  for (const [other, group] of groups) if (other !== key) total += samplesOf(group.families);
  if (total > SAMPLES_MAX)
    throw tooMany(`All groups would have ${total} series, more than ${SAMPLES_MAX}.`);
}

/** A family has one type, whoever pushes it. */
function checkTypes(
  groups: ReadonlyMap<string, PushedGroup>,
  key: string,
  families: readonly PushedFamily[],
): void {
  const types = new Map(families.map(({ name, type }) => [name, type]));
  for (const [other, group] of groups) {
    if (other === key) continue;
    for (const { name, type } of group.families) {
      const pushed = types.get(name);
      if (pushed !== undefined && pushed !== type)
        throw inconsistent(
          `family ${JSON.stringify(name)} is a ${pushed} here and a ${type} in group ${other}`,
        );
    }
  }
}

function inconsistent(problem: string): TriptychError {
  return new TriptychError(
    "wire_malformed",
    `pushed metrics are invalid or inconsistent with existing metrics: ${problem}`,
  );
}

function tooMany(message: string): TriptychError {
  return new TriptychError("wire_too_many_items", message);
}

/** All families of a group, with the times of its pushes. */
export function familiesOfGroup(group: PushedGroup): readonly PushedFamily[] {
  const times = pushTimes.map(({ name, help, of }): PushedFamily => {
    const labels: Labels = [
      ["__name__", name],
      ...group.labels.filter(([, value]) => value !== ""),
    ];
    const samples = [{ labels, value: String(of(group)) }];
    return { name, type: "gauge", help, samples, histograms: [], atMs: group.pushedAt * 1000 };
  });
  return [...group.families, ...times];
}

/** Many groups go together, because each batch waits for the disk; not all, because each is built at once. */
function* groupBatches(groups: readonly PushedGroup[], nowMs: number): Generator<SampleBatch> {
  let batch = new SampleBatch();
  for (const group of groups) {
    for (const family of familiesOfGroup(group)) addFamily(batch, family, nowMs);
    if (batch.rows < SAMPLES_PER_BATCH) continue;
    yield batch;
    batch = new SampleBatch();
  }
  if (batch.rows > 0) yield batch;
}

function staleBatch(gone: readonly (readonly [string, Labels])[], nowMs: number): SampleBatch {
  const batch = new SampleBatch();
  for (const [, labels] of gone)
    batch.samples.addStale(addSeries(batch, labels, Temporality.gauge), nowMs, 0);
  return batch;
}

function noteVanished(
  vanished: Map<string, Labels>,
  before: PushedGroup | undefined,
  after: PushedGroup,
): void {
  const seriesOf = (group: PushedGroup | undefined): Map<string, Labels> => {
    const series = new Map<string, Labels>();
    if (group === undefined || group.isDeleted === true) return series;
    for (const { samples, histograms } of familiesOfGroup(group))
      for (const { labels } of [...samples, ...histograms]) series.set(seriesKey(labels), labels);
    return series;
  };
  const now = seriesOf(after);
  for (const [key, labels] of seriesOf(before)) if (!now.has(key)) vanished.set(key, labels);
  for (const key of now.keys()) vanished.delete(key);
}

function seriesKey(labels: Labels): string {
  return JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}
