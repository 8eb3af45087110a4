/** What each role makes of an object: one group of targets. */
import type { KubernetesRole } from "../../../config/prometheus/kubernetes-config.ts";
import { listOf, objectOf, textOf, textsOf } from "../ask-json.ts";
import {
  hostPort,
  labelNameOf,
  type LabelSet,
  labelSet,
  type TargetGroup,
} from "../target-group.ts";
import {
  attachedNode,
  type Cluster,
  containerLabels,
  containersOf,
  merged,
  metadataOf,
  namespaceLabels,
  objectLabels,
  otherPodTargets,
  podLabels,
  PREFIX,
} from "./object-labels.ts";
import { type KubeObject, keyOf } from "./object-store.ts";

type Build = (object: KubeObject, cluster: Cluster) => TargetGroup | undefined;

export const roles: { readonly [R in KubernetesRole]: Build } = {
  node,
  pod,
  service,
  endpoints,
  endpointslice,
  ingress,
};

function node(object: KubeObject): TargetGroup | undefined {
  const { name } = metadataOf(object);
  const status = objectOf(object["status"]);
  const addresses = new Map<string, string>();
  for (const one of listOf(status["addresses"]).map(objectOf))
    if (!addresses.has(textOf(one["type"])))
      addresses.set(textOf(one["type"]), textOf(one["address"]));
  const address = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
  ]
    .map((type) => addresses.get(type))
    .find((one) => one !== undefined);
  if (address === undefined) return undefined;
  const port =
    textOf(objectOf(objectOf(status["daemonEndpoints"])["kubeletEndpoint"])["Port"]) || "0";
  const labels = labelSet({
    [`${PREFIX}node_provider_id`]: textOf(objectOf(object["spec"])["providerID"]),
  });
  for (const one of listOf(status["conditions"]).map(objectOf))
    labels.set(
      `${PREFIX}node_condition_${labelNameOf(textOf(one["type"]).toLowerCase())}`,
      textOf(one["status"]).toLowerCase(),
    );
  const target = labelSet({ __address__: hostPort(address, port), instance: name });
  for (const [type, value] of addresses)
    target.set(labelNameOf(`${PREFIX}node_address_${type}`), value);
  return {
    source: `node/${name}`,
    labels: merged(labels, objectLabels(object, "node")),
    targets: [target],
  };
}

function pod(object: KubeObject, cluster: Cluster): TargetGroup | undefined {
  const { namespace } = metadataOf(object);
  const ip = textOf(objectOf(object["status"])["podIP"]);
  const nodeName = textOf(objectOf(object["spec"])["nodeName"]);
  // A pod that has no address yet, or whose node is not known yet, comes later.
  if (ip === "" || (cluster.nodes !== undefined && cluster.nodes.get(nodeName) === undefined))
    return undefined;
  const targets = containersOf(object).flatMap((container): LabelSet[] =>
    container.ports.length === 0
      ? [merged(labelSet({ __address__: ip }), containerLabels(container, undefined, true))]
      : container.ports.map((port) =>
          merged(
            labelSet({ __address__: hostPort(ip, port.number) }),
            containerLabels(container, port, true),
          ),
        ),
  );
  return {
    source: `pod/${keyOf(object)}`,
    labels: merged(
      podLabels(object, cluster),
      labelSet({ [`${PREFIX}namespace`]: namespace }),
      attachedNode(nodeName, cluster),
      namespaceLabels(namespace, cluster),
    ),
    targets,
  };
}

function serviceLabels(object: KubeObject): Map<string, string> {
  return merged(
    labelSet({ [`${PREFIX}namespace`]: metadataOf(object).namespace }),
    objectLabels(object, "service"),
  );
}

function service(object: KubeObject, cluster: Cluster): TargetGroup {
  const { name, namespace } = metadataOf(object);
  const spec = objectOf(object["spec"]);
  const type = textOf(spec["type"]);
  const balancers = listOf(objectOf(objectOf(object["status"])["loadBalancer"])["ingress"])
    .map((one) => textOf(objectOf(one)["ip"]))
    .filter((ip) => ip !== "");
  const targets = listOf(spec["ports"])
    .map(objectOf)
    .map((port) =>
      labelSet({
        __address__: hostPort(`${name}.${namespace}.svc`, textOf(port["port"])),
        [`${PREFIX}service_port_name`]: textOf(port["name"]),
        [`${PREFIX}service_port_number`]: textOf(port["port"]),
        [`${PREFIX}service_port_protocol`]: textOf(port["protocol"]),
        [`${PREFIX}service_type`]: type,
        [`${PREFIX}service_external_name`]:
          type === "ExternalName" ? textOf(spec["externalName"]) : "",
        [`${PREFIX}service_cluster_ip`]: type === "ExternalName" ? "" : textOf(spec["clusterIP"]),
        [`${PREFIX}service_loadbalancer_ip`]:
          type === "LoadBalancer" ? textOf(spec["loadBalancerIP"]) || balancers.join(",") : "",
      }),
    );
  return {
    source: `svc/${keyOf(object)}`,
    labels: merged(serviceLabels(object), namespaceLabels(namespace, cluster)),
    targets,
  };
}

/** A pod that an endpoint refers to. */
function referredPod(reference: KubeObject, { pods }: Cluster): KubeObject | undefined {
  if (reference["kind"] !== "Pod") return undefined;
  return pods?.get(`${textOf(reference["namespace"])}/${textOf(reference["name"])}`);
}

/** Labels of the pod behind an endpoint and of the container that has its port. */
function behindEndpoint(
  podObject: KubeObject,
  port: string,
  cluster: Cluster,
): Map<string, string> {
  const labels = podLabels(podObject, cluster);
  for (const container of containersOf(podObject)) {
    const own = container.ports.find(({ number }) => number === port);
    if (own !== undefined)
      for (const [name, value] of containerLabels(container, own, false)) labels.set(name, value);
  }
  return labels;
}

/** Pods seen behind endpoints, with the ports that were. */
class SeenPods {
  readonly ports = new Map<KubeObject, Set<string>>();
  add(object: KubeObject, port: string): void {
    const known = this.ports.get(object);
    if (known === undefined) this.ports.set(object, new Set([port]));
    else known.add(port);
  }
}

function endpoints(object: KubeObject, cluster: Cluster): TargetGroup {
  const { namespace } = metadataOf(object);
  const seen = new SeenPods();
  const targets: LabelSet[] = [];
  const add = (address: KubeObject, port: KubeObject, ready: boolean): void => {
    const reference = objectOf(address["targetRef"]);
    const nodeName = textOf(address["nodeName"]);
    const number = textOf(port["port"]);
    const ofNode =
      nodeName === "" && reference["kind"] === "Node" ? textOf(reference["name"]) : nodeName;
    const behind = referredPod(reference, cluster);
    if (behind !== undefined) seen.add(behind, number);
    targets.push(
      merged(
        labelSet({
          __address__: hostPort(textOf(address["ip"]), number),
          [`${PREFIX}endpoint_port_name`]: textOf(port["name"]),
          [`${PREFIX}endpoint_port_protocol`]: textOf(port["protocol"]),
          [`${PREFIX}endpoint_ready`]: ready,
          [`${PREFIX}endpoint_address_target_kind`]: textOf(reference["kind"]),
          [`${PREFIX}endpoint_address_target_name`]: textOf(reference["name"]),
          [`${PREFIX}endpoint_node_name`]: nodeName,
          [`${PREFIX}endpoint_hostname`]: textOf(address["hostname"]),
        }),
        attachedNode(ofNode, cluster),
        behind === undefined ? undefined : behindEndpoint(behind, number, cluster),
      ),
    );
  };
  for (const subset of listOf(object["subsets"]).map(objectOf))
    for (const port of listOf(subset["ports"]).map(objectOf)) {
      for (const address of listOf(subset["addresses"]).map(objectOf)) add(address, port, true);
      for (const address of listOf(subset["notReadyAddresses"]).map(objectOf))
        add(address, port, false);
    }
  const ofService = cluster.services?.get(keyOf(object));
  return {
    source: `endpoints/${keyOf(object)}`,
    labels: merged(
      labelSet({ [`${PREFIX}namespace`]: namespace }),
      ofService === undefined ? undefined : serviceLabels(ofService),
      objectLabels(object, "endpoints"),
      namespaceLabels(namespace, cluster),
    ),
    targets: [...targets, ...otherPodTargets(seen.ports, cluster)],
  };
}

const SLICE = `${PREFIX}endpointslice_`;

function sliceLabels(address: string, endpoint: KubeObject, port: KubeObject): Map<string, string> {
  const reference = objectOf(endpoint["targetRef"]);
  const conditions = objectOf(endpoint["conditions"]);
  const number = textOf(port["port"]);
  const labels = labelSet({
    __address__: number === "" ? address : hostPort(address, number),
    [`${SLICE}port_name`]: textOf(port["name"]),
    [`${SLICE}port_protocol`]: textOf(port["protocol"]),
    [`${SLICE}port`]: number,
    [`${SLICE}port_app_protocol`]: textOf(port["appProtocol"]),
    [`${SLICE}endpoint_conditions_ready`]: textOf(conditions["ready"]),
    [`${SLICE}endpoint_conditions_serving`]: textOf(conditions["serving"]),
    [`${SLICE}endpoint_conditions_terminating`]: textOf(conditions["terminating"]),
    [`${SLICE}endpoint_hostname`]: textOf(endpoint["hostname"]),
    [`${SLICE}address_target_kind`]: textOf(reference["kind"]),
    [`${SLICE}address_target_name`]: textOf(reference["name"]),
    [`${SLICE}endpoint_node_name`]: textOf(endpoint["nodeName"]),
    [`${SLICE}endpoint_zone`]: textOf(endpoint["zone"]),
  });
  for (const [name, value] of textsOf(endpoint["deprecatedTopology"])) {
    labels.set(`${SLICE}endpoint_topology_${labelNameOf(name)}`, value);
    labels.set(`${SLICE}endpoint_topology_present_${labelNameOf(name)}`, "true");
  }
  return labels;
}

function endpointslice(object: KubeObject, cluster: Cluster): TargetGroup {
  const { namespace, all } = metadataOf(object);
  const seen = new SeenPods();
  const targets: LabelSet[] = [];
  for (const endpoint of listOf(object["endpoints"]).map(objectOf)) {
    const reference = objectOf(endpoint["targetRef"]);
    const ofNode =
      reference["kind"] === "Node" ? textOf(reference["name"]) : textOf(endpoint["nodeName"]);
    const behind = referredPod(reference, cluster);
    for (const port of listOf(object["ports"]).map(objectOf))
      for (const address of listOf(endpoint["addresses"]).map(textOf)) {
        const number = textOf(port["port"]);
        if (behind !== undefined) seen.add(behind, number);
        targets.push(
          merged(
            sliceLabels(address, endpoint, port),
            attachedNode(ofNode, cluster),
            behind === undefined ? undefined : behindEndpoint(behind, number, cluster),
          ),
        );
      }
  }
  const serviceName = textOf(objectOf(all["labels"])["kubernetes.io/service-name"]);
  const ofService = cluster.services?.get(`${namespace}/${serviceName}`);
  return {
    source: `endpointslice/${keyOf(object)}`,
    labels: merged(
      labelSet({
        [`${PREFIX}namespace`]: namespace,
        [`${SLICE}address_type`]: textOf(object["addressType"]),
      }),
      objectLabels(object, "endpointslice"),
      ofService === undefined ? undefined : serviceLabels(ofService),
      namespaceLabels(namespace, cluster),
    ),
    targets: [...targets, ...otherPodTargets(seen.ports, cluster)],
  };
}

function ingress(object: KubeObject, cluster: Cluster): TargetGroup {
  const { namespace } = metadataOf(object);
  const spec = objectOf(object["spec"]);
  const tlsHosts = listOf(spec["tls"]).flatMap((one) => listOf(objectOf(one)["hosts"]).map(textOf));
  const targets = listOf(spec["rules"])
    .map(objectOf)
    .flatMap((rule) => {
      const host = textOf(rule["host"]);
      const scheme = tlsHosts.some((pattern) => matchesHost(pattern, host)) ? "https" : "http";
      const http = rule["http"];
      const paths =
        http === undefined || http === null
          ? ["/"]
          : listOf(objectOf(http)["paths"]).map((one) => textOf(objectOf(one)["path"]) || "/");
      return paths.map((path) =>
        labelSet({
          __address__: host,
          [`${PREFIX}ingress_scheme`]: scheme,
          [`${PREFIX}ingress_host`]: host,
          [`${PREFIX}ingress_path`]: path,
        }),
      );
    });
  return {
    source: `ingress/${keyOf(object)}`,
    labels: merged(
      labelSet({
        [`${PREFIX}namespace`]: namespace,
        [`${PREFIX}ingress_class_name`]: textOf(spec["ingressClassName"]),
      }),
      objectLabels(object, "ingress"),
      namespaceLabels(namespace, cluster),
    ),
    targets,
  };
}

/** `*.example.com` stands for one more part in front. */
function matchesHost(pattern: string, host: string): boolean {
  if (pattern === host) return true;
  const parts = pattern.split(".");
  const hostParts = host.split(".");
  return (
    parts[0] === "*" &&
    parts.length === hostParts.length &&
    parts.slice(1).every((part, i) => part === hostParts[i + 1])
  );
}
