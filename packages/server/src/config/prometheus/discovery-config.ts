/** The discoveries we run: what each `*_sd_configs` key takes. Those we only know by name are in `discovery-others.ts`. */

import { checkHttpClient, httpClientFields, httpStruct } from "./http-client.ts";
import {
  bool,
  type Fields,
  fullList,
  integer,
  type Kind,
  list,
  map,
  type Of,
  parsed,
  path,
  problem,
  secret,
  struct,
  text,
} from "./kinds.ts";
import { kubernetesSd } from "./kubernetes-config.ts";
import { labelMap } from "./labels.ts";
import { duration, parseUrlParts } from "./scalars.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Targets with labels in common. */
export interface StaticGroup {
  readonly targets: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

export const staticGroup: Kind<StaticGroup> = struct("struct", {
  targets: list(text()),
  labels: labelMap,
});

const FILE_NAME = /^[^*]*(?:\*[^/]*)?\.(?:json|yml|yaml|JSON|YML|YAML)$/;

const fileName: Kind<string> = {
  initial: () => "",
  read(reader, node) {
    const given = reader.text(node, "string") ?? "";
    if (!FILE_NAME.test(given))
      return reader.fail(
        node,
        `path name ${JSON.stringify(given)} is not valid for file discovery`,
      );
    return path.read(reader, node);
  },
};

const fileSd = struct(
  "file.plain",
  { files: list(fileName), refresh_interval: duration(5 * MINUTE) },
  (config) =>
    config.files.length > 0
      ? config
      : problem("file service discovery config must contain at least one path name"),
);

/** Throws a `Problem` unless it is an address with a host. */
export function checkHttpUrl(given: string): void {
  if (given === "") problem("URL is missing");
  const { scheme, host } = parseUrlParts(given);
  if (scheme !== "http" && scheme !== "https") problem("URL scheme must be 'http' or 'https'");
  if (host === "") problem("host is missing in URL");
}

const httpSd = httpStruct(
  "http.plain",
  { ...httpClientFields, url: text(), refresh_interval: duration(MINUTE) },
  (config) => checkHttpUrl(config.url),
);

const dnsTypes = ["SRV", "A", "AAAA", "MX", "NS"] as const;

const dnsSd = struct(
  "dns.plain",
  {
    names: list(text()),
    refresh_interval: duration(30 * SECOND),
    type: text("SRV"),
    port: integer(),
  },
  (config) => {
    if (config.names.length === 0)
      return problem("DNS-SD config must contain at least one SRV record name");
    const type = dnsTypes.find((one) => one === config.type.toUpperCase());
    if (type === undefined) return problem(`invalid DNS-SD records type ${config.type}`);
    if (type !== "SRV" && config.port === 0)
      return problem("a port is required in DNS-SD configs for all record types except SRV");
    return { ...config, type };
  },
);

const filters = list(struct("moby.Filter", { name: text(), values: list(text()) }));

function checkHost(host: string): void {
  if (host === "") problem("host missing");
  parseUrlParts(host);
}

const dockerSd = httpStruct(
  "moby.plain",
  {
    ...httpClientFields,
    host: text(),
    port: integer(80),
    filters,
    host_networking_host: text("localhost"),
    refresh_interval: duration(MINUTE),
    match_first_network: bool(true),
  },
  ({ host }) => checkHost(host),
);

const swarmRoles = ["services", "nodes", "tasks"] as const;
const swarmRole = parsed<(typeof swarmRoles)[number] | "">(
  "",
  "",
  (given) =>
    swarmRoles.find((one) => one === given) ??
    problem(`invalid role ${given}, expected tasks, services, or nodes`),
);

const dockerswarmSd = httpStruct(
  "moby.plain",
  {
    ...httpClientFields,
    host: text(),
    role: swarmRole,
    port: integer(80),
    filters,
    refresh_interval: duration(MINUTE),
  },
  ({ host, role }) => {
    checkHost(host);
    if (role === "") problem("role missing (one of: tasks, services, nodes)");
  },
);

const consulSd = struct(
  "consul.plain",
  {
    ...httpClientFields,
    server: text("localhost:8500"),
    path_prefix: text(),
    token: secret,
    datacenter: text(),
    namespace: text(),
    partition: text(),
    tag_separator: text(","),
    scheme: text("http"),
    username: text(),
    password: secret,
    allow_stale: bool(true),
    refresh_interval: duration(30 * SECOND),
    services: list(text()),
    tags: list(text()),
    node_meta: map(text()),
    filter: text(),
    health_filter: text(),
  },
  (config) => {
    if (config.server.trim() === "")
      return problem("consul SD configuration requires a server address");
    const hasUser = config.username !== "" || config.password.reveal() !== "";
    if (hasUser && config.basic_auth !== undefined)
      return problem(
        "at most one of consul SD configuration username and password and basic auth can be configured",
      );
    if (
      config.token.reveal() !== "" &&
      (config.authorization !== undefined || config.oauth2 !== undefined)
    )
      return problem("at most one of consul SD token, authorization, or oauth2 can be configured");
    const basic = {
      username: config.username,
      username_file: "",
      username_ref: "",
      password: config.password,
      password_file: "",
      password_ref: "",
    };
    return checkHttpClient(hasUser ? { ...config, basic_auth: basic } : config);
  },
);

const empty = "empty or null section in";

export const discoveryFields = {
  static_configs: fullList(staticGroup, `${empty} static_configs`),
  file_sd_configs: fullList(fileSd, `${empty} file_sd_configs`),
  http_sd_configs: fullList(httpSd, `${empty} http_sd_configs`),
  dns_sd_configs: fullList(dnsSd, `${empty} dns_sd_configs`),
  docker_sd_configs: fullList(dockerSd, `${empty} docker_sd_configs`),
  dockerswarm_sd_configs: fullList(dockerswarmSd, `${empty} dockerswarm_sd_configs`),
  kubernetes_sd_configs: fullList(kubernetesSd, `${empty} kubernetes_sd_configs`),
  consul_sd_configs: fullList(consulSd, `${empty} consul_sd_configs`),
} as const satisfies Fields;

export type DiscoveryKey = keyof typeof discoveryFields;
/** Configurations of one kind, by its key in the file. */
export type DiscoveryConfigs = { readonly [K in DiscoveryKey]: Of<(typeof discoveryFields)[K]> };
export type DiscoveryConfig<K extends DiscoveryKey> = DiscoveryConfigs[K][number];
