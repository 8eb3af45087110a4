/** `docker_sd_configs`: containers of one Docker daemon, one target per network and TCP port. */
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import { listOf, objectOf, textOf, textsOf } from "./ask-json.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { createDockerApi, networkLabels } from "./docker-api.ts";
import { refreshed } from "./refresh.ts";
import { type Discoverer, hostPort, labelNameOf, type LabelSet } from "./target-group.ts";

type DockerConfig = DiscoveryConfig<"docker_sd_configs">;
type Fields = { readonly [key: string]: unknown };

const PREFIX = "__meta_docker_";

export function docker(config: DockerConfig, deps: DiscovererDeps): Discoverer {
  const api = createDockerApi(config, deps.createClient);
  const polled = refreshed(config.refresh_interval, deps, async (signal) => {
    const containers = await api.list("/containers/json", signal, config.filters);
    const networks = await networkLabels(api, PREFIX, signal);
    const byId = new Map(containers.map((one) => [textOf(one["Id"]), one]));
    const targets = containers.flatMap((container) =>
      targetsOf(container, { config, networks, byId }),
    );
    return [{ source: "Docker", labels: new Map(), targets }];
  });
  return {
    start: (emit) => polled.start(emit),
    close() {
      polled.close();
      api.close();
    },
  };
}

interface Context {
  readonly config: DockerConfig;
  readonly networks: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly byId: ReadonlyMap<string, Fields>;
}

function targetsOf(container: Fields, context: Context): LabelSet[] {
  const [name] = listOf(container["Names"]).map(textOf);
  if (name === undefined) return [];
  const mode = modeOf(container);
  const common = new Map([
    [`${PREFIX}container_id`, textOf(container["Id"])],
    [`${PREFIX}container_name`, name],
    [`${PREFIX}container_network_mode`, mode],
  ]);
  for (const [label, key] of [
    ["image", "Image"],
    ["image_id", "ImageID"],
  ] as const) {
    const value = textOf(container[key]);
    if (value !== "") common.set(`${PREFIX}container_${label}`, value);
  }
  for (const [label, value] of textsOf(container["Labels"]))
    common.set(`${PREFIX}container_label_${labelNameOf(label)}`, value);
  return networksOf(container, context).flatMap((network) =>
    networkTargets(container, network, { common, mode, context }),
  );
}

function modeOf(container: Fields): string {
  return textOf(objectOf(container["HostConfig"])["NetworkMode"]);
}

function ownNetworks(container: Fields): [string, Fields][] {
  return Object.entries(objectOf(objectOf(container["NetworkSettings"])["Networks"]))
    .filter(([, network]) => network !== null)
    .map(([name, network]) => [name, objectOf(network)]);
}

/** A container can share the network of another one, which can share that of a third. */
function networksOf(container: Fields, { config, byId }: Context): Fields[] {
  let networks = ownNetworks(container);
  const seen = new Set<string>();
  for (let mode = modeOf(container); networks.length === 0 && mode.startsWith("container:"); ) {
    const id = mode.slice("container:".length);
    const other = byId.get(id);
    if (other === undefined || seen.has(id)) break;
    seen.add(id);
    networks = ownNetworks(other);
    mode = modeOf(other);
  }
  if (config.match_first_network && networks.length > 1)
    networks = networks.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, 1);
  return networks.map(([, network]) => network);
}

function networkTargets(
  container: Fields,
  network: Fields,
  of: {
    readonly common: ReadonlyMap<string, string>;
    readonly mode: string;
    readonly context: Context;
  },
): LabelSet[] {
  const { config, networks } = of.context;
  const ip = textOf(network["IPAddress"]) || textOf(network["GlobalIPv6Address"]);
  const base = (): Map<string, string> =>
    new Map([
      [`${PREFIX}network_ip`, ip],
      ...of.common,
      ...(networks.get(textOf(network["NetworkID"])) ?? []),
    ]);
  const targets: LabelSet[] = [];
  for (const port of listOf(container["Ports"]).map(objectOf)) {
    if (port["Type"] !== "tcp") continue;
    const labels = base();
    labels.set(`${PREFIX}port_private`, textOf(port["PrivatePort"]));
    if (Number(port["PublicPort"] ?? 0) > 0) {
      labels.set(`${PREFIX}port_public`, textOf(port["PublicPort"]));
      labels.set(`${PREFIX}port_public_ip`, textOf(port["IP"]));
    }
    labels.set("__address__", hostPort(ip, textOf(port["PrivatePort"])));
    targets.push(labels);
  }
  if (targets.length > 0) return targets;
  const labels = base();
  labels.set(
    "__address__",
    of.mode === "host" ? config.host_networking_host : hostPort(ip, config.port),
  );
  return [labels];
}
