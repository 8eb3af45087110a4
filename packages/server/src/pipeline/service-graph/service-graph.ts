/**
 * The service graph: who calls whom, how often and how long, from pairs of spans. A call's client (or producer) span
 * and the server (or consumer) span below it are two sides of one edge; whichever comes first waits for the other.
 */
import type { SpanBatch } from "@triptych/model";
import type { ServiceGraphConfig } from "../../config/derive-schema.ts";
import type { DerivedOptions, DerivedSeries } from "../derived-series/derived-series.ts";
import {
  createWantedNames,
  endMs,
  type FoundAttributes,
  findAttributes,
} from "../derived-series/span-attributes.ts";
import { createEdgeStore, type Edge, type EdgeKey } from "./edge-store.ts";
import { createGraphTables } from "./graph-tables.ts";
import { createSides, isCaller, SERVER, type Side } from "./sides.ts";

export interface ServiceGraphDeps {
  readonly config: ServiceGraphConfig;
  readonly constantLabels: DerivedOptions["constantLabels"];
  /** Spans that ended further from now than this are left out. */
  readonly slackMs: number;
  readonly startedMs: number;
  readonly discarded: (reason: string, items: number) => void;
}

export interface ServiceGraph {
  /** Takes spans `from .. to` of a batch, of which it keeps nothing. */
  count(
    batch: SpanBatch,
    range: { readonly from: number; readonly to: number },
    nowMs: number,
  ): void;
  /** Decides about edges whose other side did not come in time. Call it at least as often as series are emitted. */
  expire(nowMs: number): void;
  /** Edges that wait. */
  readonly waiting: number;
  readonly tables: readonly DerivedSeries[];
}

/** Expired at once while spans are taken; the rest waits for the next call. */
const EXPIRED_AT_ONCE = 2_000;
const SPARE_EDGES_MAX = 10_000;
const NO_SERVICE = "unknown_service";

export function createServiceGraph(deps: ServiceGraphDeps): ServiceGraph {
  const { config, slackMs } = deps;
  const waitMs = config.waitSeconds * 1000;
  const wanted = createWantedNames();
  const sides = createSides(config, wanted);
  const store = createEdgeStore(config.edgesMax);
  const tables = createGraphTables(config, deps.constantLabels, deps.startedMs);

  /** Edges that are done with: most spans need one for some seconds, and new ones would be work for the collector. */
  const spare: Edge[] = [];
  const done = (edge: Edge): void => {
    if (spare.length >= SPARE_EDGES_MAX) return;
    clear(edge);
    spare.push(edge);
  };

  const takeSpan = (side: Side, found: FoundAttributes, key: EdgeKey, nowMs: number): void => {
    const { batch, row } = side;
    const known = store.take(key);
    const isClient = isCaller(batch.kind[row] as number);
    // The same side again (a resend, or several servers of one call): the new one is an edge of its own.
    const fits = known !== undefined && (isClient ? known.client === "" : known.server === "");
    const edge = fits ? known : (spare.pop() ?? newEdge());
    if (!fits) edge.seenMs = nowMs;
    sides.fill(edge, side, found);
    edge.isRoot ||= !isClient && isZero(batch.parentSpanId, row);
    if (fits && edge.client !== "" && edge.server !== "") {
      tables.complete(edge, key, nowMs);
      done(edge);
      return;
    }
    const isWhole = sides.guess(edge, side, found);
    if (known !== undefined && !fits) {
      // The one that waited longer is decided now.
      settle(known, key, nowMs);
    }
    if (isWhole) tables.complete(edge, key, nowMs);
    else if (store.put(key, edge)) return;
    else tables.dropped(edge, nowMs);
    done(edge);
  };
  /** Decides about an edge that nothing else will come for; the edge may be changed. */
  const settle = (edge: Edge, key: EdgeKey, nowMs: number): void => {
    if (edge.client === "" && edge.isRoot) {
      edge.client = "user";
      edge.connection = "virtual_node";
      tables.complete(edge, key, nowMs, "client");
    } else if (edge.client !== "" && edge.peer !== "") {
      // A queue stays one: what takes from it may be somebody else's.
      if (edge.connection === "") edge.connection = "virtual_node";
      edge.server = edge.peer;
      tables.complete(edge, key, nowMs, "server");
    } else if (edge.connection === "messaging_system" && edge.peer !== "") {
      edge.client = edge.peer;
      tables.complete(edge, key, nowMs, "client");
    } else {
      tables.unpaired(edge, nowMs);
    }
    done(edge);
  };
  const expire = (nowMs: number, max: number): number =>
    store.expire(nowMs - waitMs, max, (edge, key) => settle(edge, key, nowMs));

  return {
    tables: tables.all,
    get waiting() {
      return store.size;
    },
    count(batch, { from, to }, nowMs) {
      expire(nowMs, EXPIRED_AT_ONCE);
      const found = findAttributes(wanted.names, batch);
      const services: (string | undefined)[] = [];
      const side = { batch, row: 0, service: "" };
      const key: EdgeKey = { traceId: batch.traceId, spanId: batch.spanId, row: 0 };
      let late = 0;
      for (let row = from; row < to; row++) {
        const kind = batch.kind[row] as number;
        if (kind < SERVER) continue;
        if (Math.abs(nowMs - endMs(batch, row)) > slackMs) {
          late++;
          continue;
        }
        const resource = batch.resource[row] as number;
        let service = services[resource];
        if (service === undefined) {
          service = batch.strings.text(batch.resources.serviceName[resource] as number);
          services[resource] = service;
        }
        // Who does not say who it is would be one node with all its like.
        if (service === NO_SERVICE) continue;
        found.span(row);
        side.row = row;
        side.service = service;
        key.row = row;
        key.spanId = isCaller(kind) ? batch.spanId : batch.parentSpanId;
        takeSpan(side, found, key, nowMs);
      }
      if (late > 0) deps.discarded("service_graph_outside_slack", late);
    },
    expire(nowMs) {
      while (expire(nowMs, EXPIRED_AT_ONCE) === EXPIRED_AT_ONCE);
    },
  };
}

function newEdge(): Edge {
  return {
    seenMs: 0,
    client: "",
    server: "",
    connection: "",
    clientSeconds: 0,
    serverSeconds: 0,
    clientEndMs: 0,
    serverStartMs: 0,
    failed: false,
    isRoot: false,
    peer: "",
    weight: 1,
    clientDimensions: undefined,
    serverDimensions: undefined,
  };
}

function clear(edge: Edge): void {
  edge.client = "";
  edge.server = "";
  edge.connection = "";
  edge.clientSeconds = 0;
  edge.serverSeconds = 0;
  edge.clientEndMs = 0;
  edge.serverStartMs = 0;
  edge.failed = false;
  edge.isRoot = false;
  edge.peer = "";
  edge.weight = 1;
  edge.clientDimensions = undefined;
  edge.serverDimensions = undefined;
}

function isZero(ids: Uint8Array, row: number): boolean {
  for (let i = row * 8; i < row * 8 + 8; i++) if (ids[i] !== 0) return false;
  return true;
}
