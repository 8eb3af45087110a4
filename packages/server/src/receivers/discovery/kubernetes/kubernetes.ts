/** `kubernetes_sd_configs`: objects of a cluster, listed and watched, as targets of the configured role. */
import type { KubernetesRole, KubernetesSd } from "../../../config/prometheus/kubernetes-config.ts";
import type { HttpClient } from "../../../http-client/client.ts";
import { letOthersRun } from "../../../self/event-loop.ts";
import type { DiscovererDeps } from "../discovery-deps.ts";
import { pause } from "../refresh.ts";
import type { Discoverer, TargetGroup } from "../target-group.ts";
import type { Cluster } from "./object-labels.ts";
import { createObjectStore, type KubeObject, type ObjectStore } from "./object-store.ts";
import { type ApiServer, apiServerOf } from "./place.ts";
import { roles } from "./roles.ts";

/** Kinds of objects, and where their lists are. `isGlobal`: they are in no namespace. */
const kinds = {
  node: { group: "/api/v1", plural: "nodes", isGlobal: true },
  namespace: { group: "/api/v1", plural: "namespaces", isGlobal: true },
  pod: { group: "/api/v1", plural: "pods", isGlobal: false },
  service: { group: "/api/v1", plural: "services", isGlobal: false },
  endpoints: { group: "/api/v1", plural: "endpoints", isGlobal: false },
  endpointslice: { group: "/apis/discovery.k8s.io/v1", plural: "endpointslices", isGlobal: false },
  ingress: { group: "/apis/networking.k8s.io/v1", plural: "ingresses", isGlobal: false },
  replicaset: { group: "/apis/apps/v1", plural: "replicasets", isGlobal: false },
  job: { group: "/apis/batch/v1", plural: "jobs", isGlobal: false },
} as const;
type Kind = keyof typeof kinds;

/** Events come in bursts: groups are made anew this long after the first. */
const SETTLE_MS = 200;
const RETRY_MS = 15_000;
/** Making the group of a pod takes some 20 µs. */
const OBJECTS_PER_SLICE = 100;

export function kubernetes(config: KubernetesSd, deps: DiscovererDeps): Discoverer {
  const abort = new AbortController();
  let client: HttpClient | undefined;
  return {
    start(emit) {
      const begin = async (): Promise<void> => {
        while (!abort.signal.aborted)
          try {
            const server = await apiServerOf(config, deps.env);
            client = deps.createClient(server.client);
            run({ config, deps, server, client, signal: abort.signal, emit });
            return;
          } catch (error) {
            deps.failing(error instanceof Error ? error.message : String(error));
            await pause(deps.clock, RETRY_MS, abort.signal);
          }
      };
      void begin();
    },
    close() {
      abort.abort();
      client?.close();
    },
  };
}

interface Running {
  readonly config: KubernetesSd;
  readonly deps: DiscovererDeps;
  readonly server: ApiServer;
  readonly client: HttpClient;
  readonly signal: AbortSignal;
  readonly emit: (groups: readonly TargetGroup[]) => void;
}

function run(running: Running): void {
  const { config, deps, signal, emit } = running;
  const role: KubernetesRole = config.role === "" ? "pod" : config.role;
  let isPending = false;
  let isMaking = false;
  const stores: ObjectStore[] = [];
  const known = new WeakMap<KubeObject, TargetGroup>();
  const make = async (): Promise<void> => {
    isPending = false;
    if (signal.aborted || !stores.every((one) => one.isListed())) return;
    isMaking = true;
    const groups = await groupsOf(main, role, { cluster, known });
    isMaking = false;
    if (!signal.aborted) emit(groups);
  };
  const changed = (): void => {
    if (isPending) return;
    isPending = true;
    deps.clock.after(SETTLE_MS, () => {
      // What changed while groups are made is in the next round.
      if (isMaking) {
        isPending = false;
        changed();
      } else void make();
    });
  };
  const store = (kind: Kind): ObjectStore => {
    const made = storeOf(kind, running, changed);
    stores.push(made);
    return made;
  };
  const { attach_metadata: attach } = config;
  const isBehind = role === "endpoints" || role === "endpointslice";
  const hasPods = isBehind || role === "pod";
  const main = store(role);
  const cluster: Cluster = {
    pods: isBehind ? store("pod") : undefined,
    services: isBehind ? store("service") : undefined,
    nodes: attach.node && hasPods ? store("node") : undefined,
    namespaces: attach.namespace && role !== "node" ? store("namespace") : undefined,
    replicaSets: attach.deployment && hasPods ? store("replicaset") : undefined,
    jobs: attach.cronjob && hasPods ? store("job") : undefined,
    attach,
  };
}

/** Groups of all objects; where they depend on nothing else, those of unchanged objects are the ones made before. */
async function groupsOf(
  store: ObjectStore,
  role: KubernetesRole,
  from: { readonly cluster: Cluster; readonly known: WeakMap<KubeObject, TargetGroup> },
): Promise<TargetGroup[]> {
  const { cluster, known } = from;
  const { attach: _, ...others } = cluster;
  const isAlone = Object.values(others).every((one) => one === undefined);
  const groups: TargetGroup[] = [];
  let count = 0;
  for (const object of [...store.all()]) {
    const before = isAlone ? known.get(object) : undefined;
    if (before === undefined && ++count % OBJECTS_PER_SLICE === 0) await letOthersRun();
    const group = before ?? roles[role](object, cluster);
    if (group === undefined) continue;
    groups.push(group);
    known.set(object, group);
  }
  return groups;
}

/** One store over all namespaces that are asked for. */
function storeOf(kind: Kind, running: Running, changed: () => void): ObjectStore {
  const { config, deps, server, client, signal } = running;
  const { group, plural, isGlobal } = kinds[kind];
  const selector = config.selectors.find((one) => one.role === kind);
  const namespaces = isGlobal || server.namespaces.length === 0 ? [""] : server.namespaces;
  const parts = namespaces.map((namespace) =>
    createObjectStore({
      client,
      url: `${server.url}${group}${namespace === "" ? "" : `/namespaces/${namespace}`}/${plural}`,
      labelSelector: selector?.label ?? "",
      fieldSelector: selector?.field ?? "",
      clock: deps.clock,
      signal,
      changed,
      worked: deps.worked,
      failing: deps.failing,
    }),
  );
  return {
    isListed: () => parts.every((part) => part.isListed()),
    *all() {
      for (const part of parts) yield* part.all();
    },
    get(key) {
      let found: KubeObject | undefined;
      for (const part of parts) found ??= part.get(key);
      return found;
    },
  };
}
