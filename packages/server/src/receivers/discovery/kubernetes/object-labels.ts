/** Labels that objects of Kubernetes give to targets: names, labels, annotations, and what a pod is part of. */
import { listOf, objectOf, textOf, textsOf } from "../ask-json.ts";
import { hostPort, labelNameOf, type LabelSet, labelSet } from "../target-group.ts";
import type { KubeObject, ObjectStore } from "./object-store.ts";

export const PREFIX = "__meta_kubernetes_";

type Labels = Map<string, string>;

/** The parts of the cluster that labels can come from; those not asked for are undefined. */
export interface Cluster {
  readonly pods?: ObjectStore | undefined;
  readonly services?: ObjectStore | undefined;
  readonly nodes?: ObjectStore | undefined;
  readonly namespaces?: ObjectStore | undefined;
  readonly replicaSets?: ObjectStore | undefined;
  readonly jobs?: ObjectStore | undefined;
  readonly attach: {
    readonly deployment: boolean;
    readonly job: boolean;
    readonly cronjob: boolean;
  };
}

export function metadataOf(object: KubeObject): {
  readonly name: string;
  readonly namespace: string;
  readonly all: KubeObject;
} {
  const all = objectOf(object["metadata"]);
  return { name: textOf(all["name"]), namespace: textOf(all["namespace"]), all };
}

export function merged(...sets: readonly (LabelSet | undefined)[]): Labels {
  const out: Labels = new Map();
  for (const set of sets) for (const [name, value] of set ?? []) out.set(name, value);
  return out;
}

/** `…_label_x`, `…_labelpresent_x` and the same of annotations. */
export function annotationsAndLabels(object: KubeObject, kind: string): Labels {
  const out: Labels = new Map();
  const { all } = metadataOf(object);
  for (const [what, given] of [
    ["label", all["labels"]],
    ["annotation", all["annotations"]],
  ] as const)
    for (const [name, value] of textsOf(given)) {
      const label = labelNameOf(name);
      if (value !== "") out.set(`${PREFIX}${kind}_${what}_${label}`, value);
      out.set(`${PREFIX}${kind}_${what}present_${label}`, "true");
    }
  return out;
}

export function objectLabels(object: KubeObject, kind: string): Labels {
  return merged(
    labelSet({ [`${PREFIX}${kind}_name`]: metadataOf(object).name }),
    annotationsAndLabels(object, kind),
  );
}

export function namespaceLabels(namespace: string, { namespaces }: Cluster): Labels {
  const object = namespaces?.get(namespace);
  return object === undefined ? new Map() : annotationsAndLabels(object, "namespace");
}

/** Labels of the node a target is on, when nodes are attached. */
export function attachedNode(name: string, { nodes }: Cluster): Labels {
  const node = name === "" ? undefined : nodes?.get(name);
  return node === undefined ? new Map() : objectLabels(node, "node");
}

function controllerOf(object: KubeObject): { readonly kind: string; readonly name: string } {
  const owner = listOf(metadataOf(object).all["ownerReferences"])
    .map(objectOf)
    .find((one) => one["controller"] === true);
  return { kind: textOf(owner?.["kind"]), name: textOf(owner?.["name"]) };
}

function podReady(pod: KubeObject): string {
  const ready = listOf(objectOf(pod["status"])["conditions"])
    .map(objectOf)
    .find((one) => one["type"] === "Ready");
  return textOf(ready?.["status"] ?? "Unknown").toLowerCase();
}

export function podLabels(pod: KubeObject, cluster: Cluster): Labels {
  const status = objectOf(pod["status"]);
  const { all, namespace } = metadataOf(pod);
  const { kind, name } = controllerOf(pod);
  const labels = merged(
    labelSet({
      [`${PREFIX}pod_ip`]: textOf(status["podIP"]),
      [`${PREFIX}pod_ready`]: podReady(pod),
      [`${PREFIX}pod_phase`]: textOf(status["phase"]),
      [`${PREFIX}pod_node_name`]: textOf(objectOf(pod["spec"])["nodeName"]),
      [`${PREFIX}pod_host_ip`]: textOf(status["hostIP"]),
      [`${PREFIX}pod_uid`]: textOf(all["uid"]),
      [`${PREFIX}pod_controller_kind`]: kind,
      [`${PREFIX}pod_controller_name`]: name,
    }),
    objectLabels(pod, "pod"),
  );
  const ownerOf = (store: ObjectStore | undefined, wanted: string): string => {
    const object = store?.get(`${namespace}/${name}`);
    const owner = object === undefined ? undefined : controllerOf(object);
    return owner?.kind === wanted ? owner.name : "";
  };
  if (kind === "ReplicaSet" && cluster.attach.deployment) {
    const deployment = ownerOf(cluster.replicaSets, "Deployment");
    if (deployment !== "") labels.set(`${PREFIX}pod_deployment_name`, deployment);
  }
  if (kind === "Job") {
    if (cluster.attach.job) labels.set(`${PREFIX}pod_job_name`, name);
    const cronJob = cluster.attach.cronjob ? ownerOf(cluster.jobs, "CronJob") : "";
    if (cronJob !== "") labels.set(`${PREFIX}pod_cronjob_name`, cronJob);
  }
  return labels;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly id: string;
  readonly isInit: boolean;
  readonly ports: readonly {
    readonly name: string;
    readonly number: string;
    readonly protocol: string;
  }[];
}

export function containersOf(pod: KubeObject): Container[] {
  const spec = objectOf(pod["spec"]);
  const status = objectOf(pod["status"]);
  const read = (list: unknown, statuses: unknown, isInit: boolean): Container[] =>
    listOf(list)
      .map(objectOf)
      .map((one) => {
        const own = listOf(statuses)
          .map(objectOf)
          .find((candidate) => candidate["name"] === one["name"]);
        return {
          name: textOf(one["name"]),
          image: textOf(one["image"]),
          id: textOf(own?.["containerID"]),
          isInit,
          ports: listOf(one["ports"])
            .map(objectOf)
            .map((port) => ({
              name: textOf(port["name"]),
              number: textOf(port["containerPort"]),
              protocol: textOf(port["protocol"]),
            })),
        };
      });
  return [
    ...read(spec["containers"], status["containerStatuses"], false),
    ...read(spec["initContainers"], status["initContainerStatuses"], true),
  ];
}

/** What a container and one of its ports say; the id only where a pod is the target itself. */
export function containerLabels(
  container: Container,
  port: Container["ports"][number] | undefined,
  withId: boolean,
): Labels {
  return labelSet({
    [`${PREFIX}pod_container_name`]: container.name,
    [`${PREFIX}pod_container_id`]: withId ? container.id : "",
    [`${PREFIX}pod_container_image`]: container.image,
    [`${PREFIX}pod_container_init`]: container.isInit,
    [`${PREFIX}pod_container_port_name`]: port?.name,
    [`${PREFIX}pod_container_port_number`]: port?.number,
    [`${PREFIX}pod_container_port_protocol`]: port?.protocol,
  });
}

/** Ports of a pod behind endpoints that no endpoint names: targets too. */
export function otherPodTargets(
  pods: ReadonlyMap<KubeObject, ReadonlySet<string>>,
  cluster: Cluster,
): LabelSet[] {
  const out: LabelSet[] = [];
  for (const [pod, seen] of pods) {
    const ip = textOf(objectOf(pod["status"])["podIP"]);
    if (ip === "") continue;
    for (const container of containersOf(pod))
      for (const port of container.ports)
        if (!seen.has(port.number))
          out.push(
            merged(
              labelSet({ __address__: hostPort(ip, port.number) }),
              containerLabels(container, port, false),
              podLabels(pod, cluster),
            ),
          );
  }
  return out;
}
