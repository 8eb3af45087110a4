/** The discoveries we run, by their key in the file. */
import type { DiscoveryConfig, DiscoveryKey } from "../../config/prometheus/discovery-config.ts";
import { consul } from "./consul.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { dns } from "./dns.ts";
import { docker } from "./docker.ts";
import { dockerswarm } from "./dockerswarm.ts";
import { files } from "./file.ts";
import { httpDiscovery } from "./http.ts";
import { kubernetes } from "./kubernetes/kubernetes.ts";
import { staticGroups } from "./static.ts";
import type { Discoverer } from "./target-group.ts";

export const discoverers: {
  readonly [K in DiscoveryKey]: (config: DiscoveryConfig<K>, deps: DiscovererDeps) => Discoverer;
} = {
  static_configs: staticGroups,
  file_sd_configs: files,
  http_sd_configs: httpDiscovery,
  dns_sd_configs: dns,
  docker_sd_configs: docker,
  dockerswarm_sd_configs: dockerswarm,
  kubernetes_sd_configs: kubernetes,
  consul_sd_configs: consul,
};
