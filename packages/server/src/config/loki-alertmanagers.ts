/** The Alertmanagers of Loki's ruler, which are plain addresses, as those that `prometheus.yml` names. */
import { parsePrometheusConfig, type PrometheusConfig } from "./prometheus/load.ts";

type Alertmanagers = PrometheusConfig["alerting"]["alertmanagers"];

/** Each is where an Alertmanager has its root; a user and password in it are sent. */
export function alertmanagersAt(urls: readonly string[]): Alertmanagers {
  const alertmanagers = urls.map((text) => {
    const { protocol, host, pathname, username, password } = new URL(text);
    return {
      scheme: protocol.slice(0, -1),
      path_prefix: pathname.replace(/\/+$/, ""),
      static_configs: [{ targets: [host] }],
      ...(username === ""
        ? {}
        : {
            basic_auth: {
              username: decodeURIComponent(username),
              password: decodeURIComponent(password),
            },
          }),
    };
  });
  // JSON is YAML: one reader knows all defaults.
  const text = JSON.stringify({ alerting: { alertmanagers } });
  const files = { readText: () => "", glob: () => [], env: () => undefined };
  return parsePrometheusConfig(text, "loki.alertmanagers", { files }).alerting.alertmanagers;
}
