/** Which containers there are and what their lines are called: Docker's own list, or a promtail job's discovery. */
import type { Relabel } from "@triptych/lang";
import { matchesName } from "../../config/prometheus/config-files.ts";
import { listOf, objectOf, textOf } from "../discovery/ask-json.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { plainLabels } from "../files/discovered-targets.ts";
import type { Container } from "./container-reader.ts";

export interface ContainerChoice {
  /** Names with `*`; empty for all. */
  readonly containers: readonly string[];
  readonly exclude: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

/** Containers of an answer of `/containers/json`. */
export function listedContainers(body: unknown, choice: ContainerChoice): Container[] {
  return listOf(body)
    .map(objectOf)
    .flatMap((one) => {
      const id = textOf(one["Id"]);
      const name = textOf(listOf(one["Names"])[0]).replace(/^\//, "");
      if (id === "" || !isChosen(name, choice)) return [];
      const labels = defaultLabels(name, one, choice.labels);
      return [{ id, labels: (stream: string) => new Map(labels).set("stream", stream) }];
    });
}

function isChosen(name: string, { containers, exclude }: ContainerChoice): boolean {
  const isIn = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) => matchesName(pattern, name));
  return (containers.length === 0 || isIn(containers)) && !isIn(exclude);
}

/** Labels by which people look for a container's lines. */
function defaultLabels(
  name: string,
  container: { readonly [key: string]: unknown },
  given: ReadonlyMap<string, string>,
): Map<string, string> {
  const own = objectOf(container["Labels"]);
  const compose = textOf(own["com.docker.compose.service"]);
  const labels = new Map([
    ["job", "docker"],
    ["container", name],
  ]);
  const service = compose || textOf(own["com.docker.swarm.service.name"]) || name;
  labels.set("service_name", service);
  const project = textOf(own["com.docker.compose.project"]);
  if (project !== "") labels.set("compose_project", project).set("compose_service", compose);
  for (const [key, value] of given) labels.set(key, value);
  return labels;
}

const ID = "__meta_docker_container_id";

/** Discovery gives a target for each port of a container: its log is read once. */
export function discoveredContainers(
  groups: readonly TargetGroup[],
  options: { readonly relabel: Relabel; readonly externalLabels: ReadonlyMap<string, string> },
): Container[] {
  const found = new Map<string, Container>();
  for (const group of groups)
    for (const target of group.targets) {
      const discovered = new Map([...group.labels, ...target]);
      const id = discovered.get(ID);
      if (id === undefined || found.has(id)) continue;
      const labels = (stream: string): ReadonlyMap<string, string> | undefined => {
        const all = new Map(discovered).set("__meta_docker_container_log_stream", stream);
        if (!options.relabel(all)) return undefined;
        const kept = plainLabels(all, options.externalLabels);
        // A job without rules is still heard, under the container's name.
        if (kept.size === options.externalLabels.size)
          kept.set(
            "container",
            (discovered.get("__meta_docker_container_name") ?? id).replace(/^\//, ""),
          );
        return kept;
      };
      if (labels("stdout") !== undefined || labels("stderr") !== undefined)
        found.set(id, { id, labels });
    }
  return [...found.values()];
}
