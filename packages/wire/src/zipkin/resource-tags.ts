/** Tags of a Zipkin span that speak of the process rather than the span: OpenTelemetry's resource attributes. */
import { type Tags, textTag } from "./span-draft.ts";

/** Names by their first part, from OpenTelemetry's semantic conventions 1.6.1, as the Collector's translator has them. */
const names: Readonly<Record<string, string>> = {
  aws: "ecs.container.arn ecs.cluster.arn ecs.launchtype ecs.task.arn ecs.task.family ecs.task.revision eks.cluster.arn log.group.names log.group.arns log.stream.names log.stream.arns",
  cloud: "provider account.id region availability_zone platform",
  container: "name id runtime image.name image.tag",
  deployment: "environment",
  device: "id model.identifier model.name",
  faas: "name id version instance max_memory",
  host: "id name type arch image.name image.id image.version",
  k8s: "cluster.name node.name node.uid namespace.name pod.uid pod.name container.name replicaset.uid replicaset.name deployment.uid deployment.name statefulset.uid statefulset.name daemonset.uid daemonset.name job.uid job.name cronjob.uid cronjob.name",
  opencensus: "starttime exporterversion resourcetype",
  os: "type description name version",
  process:
    "pid executable.name executable.path command command_line command_args owner runtime.name runtime.version runtime.description",
  service: "name namespace instance.id version",
  telemetry: "sdk.name sdk.language sdk.version auto.version",
  webengine: "name version description",
};
const resourceNames = new Set(
  Object.entries(names).flatMap(([first, rest]) =>
    rest.split(" ").map((name) => `${first}.${name}`),
  ),
);
/** Set by exporters whose service name came from another attribute, which this tag names. */
const NAME_SOURCE = "otlp.service.name.source";

/** Takes the resource's tags out of `tags`. The endpoint's service name, "" for none, wins over a tag. */
export function resourceTags(serviceName: string, tags: Tags): Tags {
  const resource: Tags = new Map();
  const source = tags.get(NAME_SOURCE)?.text ?? "";
  tags.delete(NAME_SOURCE);
  for (const [key, value] of tags) {
    if (!resourceNames.has(key)) continue;
    resource.set(key, value);
    tags.delete(key);
  }
  if (serviceName !== "") {
    resource.set(source === "" ? "service.name" : source, textTag(serviceName));
  }
  return resource;
}
