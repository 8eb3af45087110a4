/**
 * What clients of Elasticsearch ask before and beside their documents: who is there, is it well, may I create this
 * template. There is nothing to create here, since every index takes documents; so what a client sets up is
 * acknowledged, with a warning where it will not do what it says, and what it looks for before is not there.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendFailure, sendJson, sendNothing, sendText, shards } from "./answers.ts";

export interface HandshakeDeps {
  /** The version that is answered; shippers refuse a server that is older than they are. */
  readonly version: string;
  readonly nowMs: () => number;
}

const CLUSTER = "triptych";
const NODE = "triptych-0";
const UUID = "dHJpcHR5Y2gtMDAwMDAwMDA";
/** The expiry of a basic licence, which has none: what Elasticsearch itself says for it. */
const LICENSE = { status: "active", uid: UUID, type: "basic", mode: "basic" } as const;

type Answer = (request: FastifyRequest, reply: FastifyReply, deps: HandshakeDeps) => FastifyReply;

const json =
  (make: (deps: HandshakeDeps, request: FastifyRequest) => object): Answer =>
  (request, reply, deps) =>
    sendJson(request, reply, { body: make(deps, request) });

const acknowledged: Answer = (request, reply) =>
  sendJson(request, reply, { body: { acknowledged: true } });

/** Told to people who set up something that does nothing here. */
const acknowledgedOnly =
  (what: string): Answer =>
  (request, reply, deps) => {
    reply.header("warning", `299 Triptych "${what} are acknowledged but have no effect here"`);
    return acknowledged(request, reply, deps);
  };

const missing =
  (what: string): Answer =>
  (request, reply) => {
    const name = String((request.params as { readonly name?: unknown }).name ?? "").slice(0, 100);
    if (request.method === "HEAD") return sendNothing(reply, 404);
    const reason = `${what} [${name}] not found`;
    return sendFailure(request, reply, {
      status: 404,
      type: "resource_not_found_exception",
      reason,
    });
  };

const unsupported: Answer = (request, reply) => {
  const reason =
    "Documents are taken here, not searched: query them with LogQL under /loki/api/v1 or in the interface";
  return sendFailure(request, reply, {
    status: 501,
    type: "unsupported_operation_exception",
    reason,
  });
};

function info({ version }: HandshakeDeps): object {
  const major = Number(version.split(".", 1)[0]);
  return {
    name: NODE,
    cluster_name: CLUSTER,
    cluster_uuid: UUID,
    version: {
      number: version,
      build_flavor: "default",
      build_type: "tar",
      build_hash: "0000000000000000000000000000000000000000",
      build_date: "2025-01-01T00:00:00.000Z",
      build_snapshot: false,
      lucene_version: major >= 9 ? "10.0.0" : "9.7.0",
      minimum_wire_compatibility_version: `${major - 1}.18.0`,
      minimum_index_compatibility_version: `${major - 1}.0.0`,
    },
    // Clients of versions 7.14 and later look for these words.
    tagline: "You Know, for Search",
  };
}

function xpack(): object {
  const on = { available: true, enabled: true };
  const off = { available: false, enabled: false };
  const features = { ilm: on, data_streams: on, monitoring: off, security: off, ml: off };
  return { build: { hash: "", date: "" }, license: LICENSE, features, tagline: "" };
}

const health = {
  ...{ cluster_name: CLUSTER, status: "green", timed_out: false, number_of_nodes: 1 },
  ...{ number_of_data_nodes: 1, active_primary_shards: 1, active_shards: 1, relocating_shards: 0 },
  ...{ initializing_shards: 0, unassigned_shards: 0, delayed_unassigned_shards: 0 },
  ...{ number_of_pending_tasks: 0, number_of_in_flight_fetch: 0 },
  ...{ task_max_waiting_in_queue_millis: 0, active_shards_percent_as_number: 100 },
};

const HOST = /^(?:[\w.-]{1,253}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5})?$/;

/** Clients that sniff connect to what they find here: the address under which they already reached us. */
function nodes({ version }: HandshakeDeps, request: FastifyRequest): object {
  const host = request.headers.host ?? "";
  const { localAddress = "127.0.0.1", localPort = 9200 } = request.raw.socket;
  const reached = `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
  const address = HOST.test(host) && host.includes(":") ? host : reached;
  const roles = ["data", "ingest", "master"];
  const http = { bound_address: [address], publish_address: address };
  const node = { name: NODE, transport_address: address, host: address, ip: address };
  return {
    _nodes: shards,
    cluster_name: CLUSTER,
    nodes: { [UUID]: { ...node, version, roles, http } },
  };
}

const asText =
  (make: (deps: HandshakeDeps) => string): Answer =>
  (request, reply, deps) => {
    const isJson = (request.query as { readonly format?: unknown }).format === "json";
    return isJson ? sendJson(request, reply, { body: [] }) : sendText(reply, make(deps));
  };

function healthLine({ nowMs }: HandshakeDeps): string {
  const now = new Date(nowMs());
  const seconds = Math.floor(now.getTime() / 1000);
  return `${seconds} ${now.toISOString().slice(11, 19)} ${CLUSTER} green 1 1 1 1 0 0 0 0 - 100.0%\n`;
}

/** Exists: an index needs no creation. */
const indexExists: Answer = (request, reply) => {
  const { name = "" } = request.params as { readonly name?: string };
  if (request.method === "HEAD") return sendNothing(reply, 200);
  const about = { aliases: {}, mappings: {}, settings: { index: { provided_name: name } } };
  return sendJson(request, reply, { body: { [name]: about } });
};

const indexCreated: Answer = (request, reply) => {
  const { name = "" } = request.params as { readonly name?: string };
  const body = { acknowledged: true, shards_acknowledged: true, index: name };
  return sendJson(request, reply, { body });
};

const refreshed = json(() => ({ _shards: shards }));
const GET = ["GET"] as const;
const PUT = ["PUT", "POST"] as const;
const READ = ["GET", "POST"] as const;

type Entry = readonly [methods: readonly string[], urls: readonly string[], answer: Answer];

/** What clients create: read as missing, created with an acknowledgement. */
const creatable: readonly (readonly [url: string, what: string])[] = [
  ["/_ilm/policy", "lifecycle policies"],
  ["/_index_template", "index templates"],
  ["/_template", "index templates"],
  ["/_component_template", "component templates"],
  ["/_ingest/pipeline", "ingest pipelines"],
];

const entries: readonly Entry[] = [
  [GET, ["/"], json(info)],
  [GET, ["/_license", "/_xpack/license"], json(() => ({ license: LICENSE }))],
  [GET, ["/_xpack", "/_xpack/usage"], json(xpack)],
  [GET, ["/_cluster/health", "/_cluster/health/:name"], json(() => health)],
  [GET, ["/_cluster/settings"], json(() => ({ persistent: {}, transient: {} }))],
  [GET, ["/_nodes", "/_nodes/http", "/_nodes/:name/http", "/_nodes/_local"], json(nodes)],
  [GET, ["/_cat/health"], asText(healthLine)],
  [GET, ["/_cat/indices", "/_cat/indices/:name", "/_cat/templates"], asText(() => "")],
  [GET, ["/_alias", "/_aliases", "/_mapping", "/_settings"], json(() => ({}))],
  [GET, ["/_alias/:name", "/:index/_alias", "/:index/_alias/:name"], missing("alias")],
  [GET, ["/_data_stream"], json(() => ({ data_streams: [] }))],
  [GET, ["/_data_stream/:name"], missing("data stream")],
  [["PUT"], ["/_data_stream/:name"], acknowledged],
  [PUT, ["/_aliases", "/:index/_alias/:name"], acknowledgedOnly("aliases")],
  [["PUT"], ["/:index/_mapping", "/:index/_settings", "/_cluster/settings"], acknowledged],
  [GET, ["/:name"], indexExists],
  [["PUT"], ["/:name"], indexCreated],
  [READ, ["/_refresh", "/:index/_refresh", "/_flush", "/:index/_flush"], refreshed],
  [READ, ["/_search", "/:index/_search", "/_count", "/:index/_count"], unsupported],
  [READ, ["/_msearch", "/:index/_msearch", "/_mget", "/:index/_mget"], unsupported],
  [READ, ["/_field_caps", "/:index/_field_caps", "/_sql", "/_query"], unsupported],
  [GET, ["/:index/_doc/:id", "/:index/_source/:id"], unsupported],
  [["DELETE"], ["/:index", "/:index/_doc/:id"], unsupported],
  [["POST"], ["/:index/_delete_by_query", "/:index/_update_by_query"], unsupported],
];

/** Adds the addresses below the prefix that `scope` was registered with. */
export function registerHandshake(scope: FastifyInstance, deps: HandshakeDeps): void {
  const add = ([methods, urls, answer]: Entry): void => {
    for (const url of urls)
      scope.route({
        // HEAD comes with GET.
        method: [...methods],
        url,
        handler: (request, reply) => answer(request, reply, deps),
      });
  };
  for (const entry of entries) add(entry);
  for (const [url, what] of creatable) {
    add([GET, [url], json(() => ({}))]);
    add([GET, [`${url}/:name`], missing(what)]);
    add([PUT, [`${url}/:name`], acknowledgedOnly(what)]);
  }
}
