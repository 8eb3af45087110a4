/** Docker's API, over its socket or TCP. */
import type { HttpClientConfig } from "../../config/prometheus/http-client.ts";
import type { HttpClient } from "../../http-client/client.ts";
import { askJson, listOf, objectOf, textOf, textsOf } from "./ask-json.ts";
import { labelNameOf } from "./target-group.ts";

export interface DockerApi {
  /** The list at `path`, such as `/containers/json`. */
  list(
    path: string,
    signal: AbortSignal,
    filters?: readonly Filter[],
  ): Promise<readonly { readonly [key: string]: unknown }[]>;
  close(): void;
}

export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

export function createDockerApi(
  config: HttpClientConfig & { readonly host: string; readonly refresh_interval: number },
  createClient: (config: HttpClientConfig) => HttpClient,
): DockerApi {
  const client = createClient(config);
  const isSocket = config.host.startsWith("unix://");
  const socketPath = isSocket ? config.host.slice("unix://".length) : undefined;
  const base = isSocket
    ? "http://localhost"
    : config.host.replace(/^tcp:/, "http:").replace(/\/+$/, "");
  return {
    async list(path, signal, filters = []) {
      const query =
        filters.length === 0 ? "" : `?filters=${encodeURIComponent(filterJson(filters))}`;
      const { body } = await askJson(client, {
        url: `${base}${path}${query}`,
        timeoutMs: config.refresh_interval,
        signal,
        socketPath,
      });
      return listOf(body).map(objectOf);
    },
    close: () => client.close(),
  };
}

function filterJson(filters: readonly Filter[]): string {
  const out: { [name: string]: string[] } = Object.create(null);
  for (const { name, values } of filters) out[name] = [...(out[name] ?? []), ...values];
  return JSON.stringify(out);
}

/** Labels of each network, by its id. */
export async function networkLabels(
  api: DockerApi,
  prefix: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const networks = await api.list("/networks", signal);
  return new Map(
    networks.map((network) => {
      const labels = new Map([
        [`${prefix}network_id`, textOf(network["Id"])],
        [`${prefix}network_name`, textOf(network["Name"])],
        [`${prefix}network_scope`, textOf(network["Scope"])],
        [`${prefix}network_internal`, String(network["Internal"] === true)],
        [`${prefix}network_ingress`, String(network["Ingress"] === true)],
      ]);
      for (const [name, value] of textsOf(network["Labels"]))
        labels.set(`${prefix}network_label_${labelNameOf(name)}`, value);
      return [textOf(network["Id"]), labels];
    }),
  );
}
