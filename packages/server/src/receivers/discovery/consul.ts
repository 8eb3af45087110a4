/**
 * `consul_sd_configs`: services of a Consul catalog. The list of services and the instances of each are watched with
 * blocking queries: Consul answers when something changed after the index we name.
 */
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import type { HttpClient } from "../../http-client/client.ts";
import { askJson, type JsonAnswer, listOf, objectOf, textOf, textsOf } from "./ask-json.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { pause } from "./refresh.ts";
import {
  type Discoverer,
  hostPort,
  labelNameOf,
  labelSet,
  type LabelSet,
  type TargetGroup,
} from "./target-group.ts";

type ConsulConfig = DiscoveryConfig<"consul_sd_configs">;

/** How long Consul may hold a query, and how much longer we wait for it. */
const WATCH_MS = 2 * 60_000;
const WATCH_SPARE_MS = 15_000;
const RETRY_MS = 15_000;
const SERVICES_MAX = 10_000;
const PREFIX = "__meta_consul_";

export function consul(config: ConsulConfig, deps: DiscovererDeps): Discoverer {
  const abort = new AbortController();
  const client = deps.createClient(config);
  return {
    start(emit) {
      const watch: Watch = { config, deps, client, signal: abort.signal, groups: new Map(), emit };
      void watchAll(watch);
    },
    close() {
      abort.abort();
      client.close();
    },
  };
}

interface Watch {
  readonly config: ConsulConfig;
  readonly deps: DiscovererDeps;
  readonly client: HttpClient;
  readonly signal: AbortSignal;
  readonly groups: Map<string, TargetGroup>;
  readonly emit: (groups: readonly TargetGroup[]) => void;
}

async function watchAll(watch: Watch): Promise<void> {
  const { config, signal } = watch;
  const datacenter = await datacenterOf(watch);
  if (signal.aborted) return;
  const isAll = config.services.length === 0 || config.tags.length > 0 || config.filter !== "";
  if (!isAll) {
    for (const name of config.services) void watchService(watch, { name, datacenter, signal });
    return;
  }
  const running = new Map<string, AbortController>();
  signal.addEventListener("abort", () => {
    for (const one of running.values()) one.abort();
  });
  await blocking(watch, { path: "/v1/catalog/services", filter: config.filter, signal }, (body) => {
    const names = new Set(
      textLists(body)
        .filter(([name, tags]) => isWatched(config, name, tags))
        .map(([name]) => name)
        .slice(0, SERVICES_MAX),
    );
    for (const name of names) {
      if (running.has(name)) continue;
      const one = new AbortController();
      running.set(name, one);
      void watchService(watch, { name, datacenter, signal: one.signal });
    }
    for (const [name, one] of running) {
      if (names.has(name)) continue;
      one.abort();
      running.delete(name);
      watch.groups.delete(name);
    }
    watch.emit([...watch.groups.values()]);
  });
}

function textLists(body: unknown): [name: string, values: string[]][] {
  return Object.entries(objectOf(body)).map(([name, values]) => [name, listOf(values).map(textOf)]);
}

function isWatched(
  { services, tags }: ConsulConfig,
  name: string,
  has: readonly string[],
): boolean {
  const isNamed = services.length === 0 || services.includes(name);
  return isNamed && tags.every((tag) => has.includes(tag));
}

/** Asks until it is answered: without the datacenter's name no label would be right. */
async function datacenterOf(watch: Watch): Promise<string> {
  if (watch.config.datacenter !== "") return watch.config.datacenter;
  let datacenter = "";
  while (!watch.signal.aborted && datacenter === "")
    try {
      const { body } = await ask(watch, "/v1/agent/self", { params: [], signal: watch.signal });
      datacenter = textOf(objectOf(objectOf(body)["Config"])["Datacenter"]);
      if (datacenter === "") throw new Error("the agent names no datacenter");
    } catch (error) {
      await failed(watch, error, watch.signal);
    }
  return datacenter;
}

async function failed(watch: Watch, error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  watch.deps.failing(error instanceof Error ? error.message : String(error));
  await pause(watch.deps.clock, RETRY_MS, signal);
}

function ask(
  { config, client }: Watch,
  path: string,
  {
    params,
    signal,
  }: { readonly params: readonly [string, string][]; readonly signal: AbortSignal },
): Promise<JsonAnswer> {
  const query = new URLSearchParams(params.filter(([, value]) => value !== ""));
  if (config.datacenter !== "") query.set("dc", config.datacenter);
  if (config.namespace !== "") query.set("ns", config.namespace);
  if (config.partition !== "") query.set("partition", config.partition);
  for (const [name, value] of config.node_meta) query.append("node-meta", `${name}:${value}`);
  const prefix = config.path_prefix.replace(/\/+$/, "");
  const token = config.token.reveal();
  return askJson(client, {
    url: `${config.scheme}://${config.server}${prefix}${path}?${query.toString()}`,
    headers: token === "" ? {} : { "x-consul-token": token },
    timeoutMs: WATCH_MS + WATCH_SPARE_MS,
    signal,
  });
}

/** Asks again and again with the index of the last answer; `changed` gets each new one. */
async function blocking(
  watch: Watch,
  query: {
    readonly path: string;
    readonly filter: string;
    readonly tags?: readonly string[];
    readonly signal: AbortSignal;
  },
  changed: (body: unknown) => void,
): Promise<void> {
  const { config, deps } = watch;
  const { signal } = query;
  let index = 0;
  while (!signal.aborted) {
    try {
      const params: [string, string][] = [
        ["index", index === 0 ? "" : String(index)],
        ["wait", `${WATCH_MS}ms`],
        ["filter", query.filter],
        ...(query.tags ?? []).map((tag): [string, string] => ["tag", tag]),
      ];
      if (config.allow_stale) params.push(["stale", "true"]);
      const { body, headers } = await ask(watch, query.path, { params, signal });
      if (signal.aborted) return;
      deps.worked();
      const now = Number(headers["x-consul-index"] ?? 0);
      // An index that goes back means that the server began anew.
      const isNew = now !== index || now === 0;
      index = now < index || !Number.isFinite(now) ? 0 : now;
      if (isNew) changed(body);
    } catch (error) {
      await failed(watch, error, signal);
      continue;
    }
    await pause(deps.clock, config.refresh_interval, signal);
  }
}

async function watchService(
  watch: Watch,
  service: { readonly name: string; readonly datacenter: string; readonly signal: AbortSignal },
): Promise<void> {
  const { config, groups, emit } = watch;
  const { name, datacenter, signal } = service;
  const path = `/v1/health/service/${encodeURIComponent(name)}`;
  const query = { path, filter: config.health_filter, tags: config.tags, signal };
  await blocking(watch, query, (body) => {
    const targets = listOf(body).map((one) => targetOf(objectOf(one), config.tag_separator));
    const labels = labelSet({ [`${PREFIX}service`]: name, [`${PREFIX}dc`]: datacenter });
    groups.set(name, { source: name, labels, targets });
    emit([...groups.values()]);
  });
}

function targetOf(entry: { readonly [key: string]: unknown }, separator: string): LabelSet {
  const node = objectOf(entry["Node"]);
  const service = objectOf(entry["Service"]);
  const address = textOf(service["Address"]);
  const port = textOf(service["Port"]);
  const tags = listOf(service["Tags"]).map(textOf);
  const labels = labelSet({
    __address__: hostPort(address || textOf(node["Address"]), port),
    [`${PREFIX}address`]: textOf(node["Address"]),
    [`${PREFIX}node`]: textOf(node["Node"]),
    [`${PREFIX}namespace`]: textOf(service["Namespace"]),
    [`${PREFIX}partition`]: textOf(service["Partition"]),
    [`${PREFIX}tags`]: `${separator}${tags.join(separator)}${separator}`,
    [`${PREFIX}service_address`]: address,
    [`${PREFIX}service_port`]: port,
    [`${PREFIX}service_id`]: textOf(service["ID"]),
    [`${PREFIX}health`]: healthOf(listOf(entry["Checks"])),
  });
  for (const [prefix, given] of [
    ["metadata", node["Meta"]],
    ["service_metadata", service["Meta"]],
    ["tagged_address", node["TaggedAddresses"]],
  ] as const)
    for (const [name, value] of textsOf(given))
      labels.set(`${PREFIX}${prefix}_${labelNameOf(name)}`, value);
  return labels;
}

/** The worst of all checks; being in maintenance is worst. */
function healthOf(checks: readonly unknown[]): string {
  let health = "passing";
  for (const check of checks.map(objectOf)) {
    const id = textOf(check["CheckID"]);
    if (id === "_node_maintenance" || id.startsWith("_service_maintenance:")) return "maintenance";
    const status = textOf(check["Status"]);
    if (status === "critical" || (status === "warning" && health === "passing")) health = status;
  }
  return health;
}
