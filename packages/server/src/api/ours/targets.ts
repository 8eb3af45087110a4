/** What is scraped, for the page of that name: pools, targets that match, and what relabelling dropped. */
import type { Labels, ScrapePool, ScrapeTarget, TargetsAnswer } from "@triptych/contract";
import type { Clock } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import type { PoolView } from "../../receivers/scrape/manager.ts";
import { answerInfo } from "./answer-info.ts";
import { type QueryParams, queryParams } from "./params.ts";
import { labelJson } from "./rules.ts";
import { shortId } from "./short-id.ts";

export interface OwnTargetsDeps {
  readonly clock: Clock;
  /** `/api/triptych`. */
  readonly prefix: string;
  readonly pools: () => readonly PoolView[];
}

/** A target with the labels of a discovery takes some kilobytes. */
const limits = { standard: 200, max: 5_000 } as const;

export function registerOwnTargets(app: FastifyInstance, deps: OwnTargetsDeps): void {
  app.get(`${deps.prefix}/targets`, (request): TargetsAnswer => {
    const params = queryParams(request.query);
    const info = answerInfo(deps.clock, { rowsRead: 0, bytesRead: 0 });
    const limit = params.limit("limit", limits);
    const wanted = wantedBy(params);
    const pools = deps.pools();
    const chosen = pools.filter(({ name }) => wanted.pool(name));
    const targets = chosen.flatMap((pool) => targetsOf(pool).filter(wanted.target));
    targets.sort(troubledFirst);
    const dropped = chosen.flatMap(({ name, dropped: gone }) =>
      gone
        .filter(({ discovered }) => wanted.text([...discovered.values()]))
        .map(({ discovered }) => ({ pool: name, discovered })),
    );
    return {
      ...info(),
      pools: pools.map(poolJson),
      targets: targets.slice(0, limit).map(targetJson),
      total: targets.length,
      dropped: dropped
        .slice(0, limit)
        .map(({ pool, discovered }) => ({ pool, discovered: labelsJson(discovered) })),
      droppedTotal: dropped.length,
    };
  });
}

interface Shown {
  readonly pool: string;
  readonly loop: PoolView["active"][number];
  readonly seen: ReturnType<PoolView["active"][number]["view"]>;
}

function targetsOf({ name, active }: PoolView): Shown[] {
  return active.map((loop) => ({ pool: name, loop, seen: loop.view() }));
}

function wantedBy(params: QueryParams) {
  const pool = params.text("pool");
  const health = params.oneOf("health", ["up", "down", "unknown"]);
  const search = params.text("search")?.toLowerCase();
  const text = (texts: readonly string[]): boolean =>
    search === undefined || texts.some((one) => one.toLowerCase().includes(search));
  return {
    pool: (name: string): boolean => pool === undefined || pool === name,
    text,
    target: ({ loop, seen, pool: name }: Shown): boolean =>
      (health === undefined || seen.health === health) &&
      text([loop.target.url, name, seen.lastError, ...loop.target.labels.values()]),
  };
}

const order = { down: 0, unknown: 1, up: 2 } as const;

function troubledFirst(a: Shown, b: Shown): number {
  const byHealth = order[a.seen.health] - order[b.seen.health];
  if (byHealth !== 0) return byHealth;
  if (a.pool !== b.pool) return a.pool < b.pool ? -1 : 1;
  return a.loop.target.url < b.loop.target.url ? -1 : 1;
}

function targetJson({ pool, loop, seen }: Shown): ScrapeTarget {
  const { target } = loop;
  const series = loop.state().memory.previous?.table.rows;
  return {
    id: shortId([pool, target.key]),
    pool,
    url: target.url,
    labels: labelsJson(target.labels),
    discovered: labelsJson(target.discovered),
    health: seen.health,
    lastError: seen.lastError,
    lastScrapeMs: seen.lastScrapeMs,
    lastSeconds: seen.lastSeconds,
    intervalSeconds: target.intervalMs / 1000,
    timeoutSeconds: target.timeoutMs / 1000,
    ...(series === undefined ? {} : { series }),
  };
}

function poolJson(pool: PoolView): ScrapePool {
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const loop of pool.active) counts[loop.view().health]++;
  return {
    name: pool.name,
    ...counts,
    dropped: pool.droppedCount,
    intervalSeconds: pool.config.scrape_interval / 1000,
    problems: pool.problems.map(({ discovery, message }) => ({ discovery, message })),
  };
}

function labelsJson(labels: ReadonlyMap<string, string>): Labels {
  return labelJson([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));
}
