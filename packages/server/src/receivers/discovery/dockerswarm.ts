/** `dockerswarm_sd_configs`: services, tasks or nodes of a Docker Swarm. */
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import { listOf, objectOf, textOf, textsOf } from "./ask-json.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { createDockerApi, type DockerApi, networkLabels } from "./docker-api.ts";
import { refreshed } from "./refresh.ts";
import { type Discoverer, hostPort, labelNameOf, labelSet, type LabelSet } from "./target-group.ts";

type SwarmConfig = DiscoveryConfig<"dockerswarm_sd_configs">;
type Fields = { readonly [key: string]: unknown };

const PREFIX = "__meta_dockerswarm_";

export function dockerswarm(config: SwarmConfig, deps: DiscovererDeps): Discoverer {
  const api = createDockerApi(config, deps.createClient);
  const targetsOf = { nodes, services, tasks }[config.role || "nodes"];
  const polled = refreshed(config.refresh_interval, deps, async (signal) => [
    { source: "DockerSwarm", labels: new Map(), targets: await targetsOf({ api, config, signal }) },
  ]);
  return {
    start: (emit) => polled.start(emit),
    close() {
      polled.close();
      api.close();
    },
  };
}

interface Query {
  readonly api: DockerApi;
  readonly config: SwarmConfig;
  readonly signal: AbortSignal;
}

/** Reads `a.b.c` of nested objects. */
function at(fields: Fields, path: string): unknown {
  let value: unknown = fields;
  for (const key of path.split(".")) value = objectOf(value)[key];
  return value;
}

function prefixed(prefix: string, given: unknown): [string, string][] {
  return textsOf(given).map(([name, value]) => [`${PREFIX}${prefix}${labelNameOf(name)}`, value]);
}

function nodeLabels(node: Fields): Map<string, string> {
  const labels = labelSet({
    [`${PREFIX}node_id`]: textOf(node["ID"]),
    [`${PREFIX}node_address`]: textOf(at(node, "Status.Addr")),
    [`${PREFIX}node_availability`]: textOf(at(node, "Spec.Availability")),
    [`${PREFIX}node_engine_version`]: textOf(at(node, "Description.Engine.EngineVersion")),
    [`${PREFIX}node_hostname`]: textOf(at(node, "Description.Hostname")),
    [`${PREFIX}node_platform_architecture`]: textOf(at(node, "Description.Platform.Architecture")),
    [`${PREFIX}node_platform_os`]: textOf(at(node, "Description.Platform.OS")),
    [`${PREFIX}node_role`]: textOf(at(node, "Spec.Role")),
    [`${PREFIX}node_status`]: textOf(at(node, "Status.State")),
  });
  const manager = objectOf(node["ManagerStatus"]);
  if (node["ManagerStatus"] !== undefined && node["ManagerStatus"] !== null) {
    labels.set(`${PREFIX}node_manager_leader`, String(manager["Leader"] === true));
    labels.set(`${PREFIX}node_manager_reachability`, textOf(manager["Reachability"]));
    labels.set(`${PREFIX}node_manager_address`, textOf(manager["Addr"]));
  }
  for (const [name, value] of [
    ...prefixed("node_label_", at(node, "Spec.Labels")),
    ...prefixed("node_engine_label_", at(node, "Description.Engine.Labels")),
  ])
    labels.set(name, value);
  return labels;
}

async function nodes({ api, config, signal }: Query): Promise<LabelSet[]> {
  const list = await api.list("/nodes", signal, config.filters);
  return list.map((node) => {
    const labels = nodeLabels(node);
    labels.set("__address__", hostPort(textOf(at(node, "Status.Addr")), config.port));
    return labels;
  });
}

function serviceLabels(service: Fields): Map<string, string> {
  const mode = objectOf(at(service, "Spec.Mode"));
  const labels = labelSet({
    [`${PREFIX}service_id`]: textOf(service["ID"]),
    [`${PREFIX}service_name`]: textOf(at(service, "Spec.Name")),
    [`${PREFIX}service_mode`]:
      mode["Global"] !== undefined
        ? "global"
        : mode["Replicated"] !== undefined
          ? "replicated"
          : "",
  });
  for (const [name, value] of prefixed("service_label_", at(service, "Spec.Labels")))
    labels.set(name, value);
  return labels;
}

async function services({ api, config, signal }: Query): Promise<LabelSet[]> {
  const list = await api.list("/services", signal, config.filters);
  const networks = await networkLabels(api, PREFIX, signal);
  return list.flatMap((service) => {
    const image = textOf(at(service, "Spec.TaskTemplate.ContainerSpec.Image"));
    const common = new Map([
      ...serviceLabels(service),
      ...labelSet({
        [`${PREFIX}service_task_container_hostname`]: textOf(
          at(service, "Spec.TaskTemplate.ContainerSpec.Hostname"),
        ),
        [`${PREFIX}service_task_container_image`]: image,
        [`${PREFIX}service_updating_status`]: textOf(at(service, "UpdateStatus.State")),
      }),
    ]);
    return listOf(at(service, "Endpoint.VirtualIPs"))
      .map(objectOf)
      .flatMap((ip) => serviceTargets(service, ip, { common, networks, port: config.port }));
  });
}

type Networks = ReadonlyMap<string, ReadonlyMap<string, string>>;

function serviceTargets(
  service: Fields,
  virtualIp: Fields,
  of: { readonly common: LabelSet; readonly networks: Networks; readonly port: number },
): LabelSet[] {
  const [ip = ""] = textOf(virtualIp["Addr"]).split("/");
  const base = [...of.common, ...(of.networks.get(textOf(virtualIp["NetworkID"])) ?? [])] as const;
  const ports = listOf(at(service, "Endpoint.Ports"))
    .map(objectOf)
    .filter((port) => port["Protocol"] === "tcp");
  if (ports.length === 0) return [new Map([...base, ["__address__", hostPort(ip, of.port)]])];
  return ports.map((port) => {
    const number = textOf(port["PublishedPort"]);
    return new Map([
      ...base,
      ...labelSet({
        [`${PREFIX}service_endpoint_port_name`]: textOf(port["Name"]),
        [`${PREFIX}service_endpoint_port_publish_mode`]: textOf(port["PublishMode"]),
      }),
      ["__address__", hostPort(ip, number)],
    ]);
  });
}

async function tasks({ api, config, signal }: Query): Promise<LabelSet[]> {
  const list = await api.list("/tasks", signal, config.filters);
  const byId = <T>(all: readonly Fields[], labels: (one: Fields) => T): Map<string, T> =>
    new Map(all.map((one) => [textOf(one["ID"]), labels(one)]));
  const ofService = byId(await api.list("/services", signal), (one) => one);
  const ofNode = byId(await api.list("/nodes", signal), nodeLabels);
  const networks = await networkLabels(api, PREFIX, signal);
  return list.flatMap((task) => {
    const service = ofService.get(textOf(task["ServiceID"]));
    const common = new Map([
      ...labelSet({
        [`${PREFIX}task_id`]: textOf(task["ID"]),
        [`${PREFIX}task_desired_state`]: textOf(task["DesiredState"]),
        [`${PREFIX}task_state`]: textOf(at(task, "Status.State")),
        [`${PREFIX}task_slot`]: textOf(task["Slot"]),
        [`${PREFIX}task_container_id`]: textOf(at(task, "Status.ContainerStatus.ContainerID")),
      }),
      ...prefixed("container_label_", at(task, "Spec.ContainerSpec.Labels")),
      ...(service === undefined ? [] : serviceLabels(service)),
      ...(ofNode.get(textOf(task["NodeID"])) ?? []),
    ]);
    return taskTargets(task, service, { common, networks, port: config.port });
  });
}

function taskTargets(
  task: Fields,
  service: Fields | undefined,
  of: { readonly common: LabelSet; readonly networks: Networks; readonly port: number },
): LabelSet[] {
  const targets: LabelSet[] = [];
  const nodeAddress = of.common.get(`${PREFIX}node_address`) ?? "";
  for (const port of listOf(at(task, "Status.PortStatus.Ports")).map(objectOf)) {
    if (port["Protocol"] !== "tcp") continue;
    const address = hostPort(nodeAddress, textOf(port["PublishedPort"]));
    const mode = textOf(port["PublishMode"]);
    targets.push(
      new Map([
        ...of.common,
        ...labelSet({ [`${PREFIX}task_port_publish_mode`]: mode }),
        ["__address__", address],
      ]),
    );
  }
  const ports = listOf(at(service ?? {}, "Endpoint.Ports"))
    .map(objectOf)
    .filter((port) => port["Protocol"] === "tcp");
  for (const attachment of listOf(task["NetworksAttachments"]).map(objectOf)) {
    const labels = of.networks.get(textOf(at(attachment, "Network.ID"))) ?? [];
    for (const address of listOf(attachment["Addresses"]).map(textOf)) {
      const [ip = ""] = address.split("/");
      if (ports.length === 0) {
        targets.push(new Map([...of.common, ...labels, ["__address__", hostPort(ip, of.port)]]));
        continue;
      }
      for (const port of ports)
        targets.push(
          new Map([
            ...of.common,
            ...labels,
            ...labelSet({ [`${PREFIX}task_port_publish_mode`]: textOf(port["PublishMode"]) }),
            ["__address__", hostPort(ip, textOf(port["PublishedPort"]))],
          ]),
        );
    }
  }
  return targets;
}
