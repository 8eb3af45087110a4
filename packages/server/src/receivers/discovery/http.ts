/** `http_sd_configs`: a server that answers with a list of target groups. */
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import { askJson } from "./ask-json.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { groupsOfJson } from "./group-json.ts";
import { refreshed } from "./refresh.ts";
import type { Discoverer } from "./target-group.ts";

const JSON_TYPE = /^\s*application\/json\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?$/i;

export function httpDiscovery(
  config: DiscoveryConfig<"http_sd_configs">,
  deps: DiscovererDeps,
): Discoverer {
  const client = deps.createClient(config);
  const interval = config.refresh_interval;
  const polled = refreshed(interval, deps, async (signal) => {
    const { body, headers } = await askJson(client, {
      url: config.url,
      headers: { "x-prometheus-refresh-interval-seconds": String(interval / 1000) },
      timeoutMs: interval,
      signal,
    });
    const type = headers["content-type"] ?? "";
    if (!JSON_TYPE.test(type)) throw new Error(`unsupported content type ${JSON.stringify(type)}`);
    return groupsOfJson(body, config.url, [["__meta_url", config.url]]);
  });
  return {
    start: (emit) => polled.start(emit),
    close() {
      polled.close();
      client.close();
    },
  };
}
