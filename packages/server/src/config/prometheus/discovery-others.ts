/**
 * Discoveries of Prometheus that we know by name only: their configuration is read and checked, so that a file loads
 * unchanged, and the pool says at run time that it gets no targets from them.
 */

import { checkHttpUrl } from "./discovery-config.ts";
import { httpClientFields, httpStruct, tlsConfig } from "./http-client.ts";
import {
  bool,
  type Fields,
  fullList,
  integer,
  type Kind,
  list,
  parsed,
  path,
  problem,
  secret,
  struct,
  text,
} from "./kinds.ts";
import { duration, parseUrlParts } from "./scalars.ts";

const MINUTE = 60_000;
const http = httpClientFields;
const every = (ms = MINUTE) => ({ refresh_interval: duration(ms) });
const polled = { ...every(), port: integer(80) };

function required(value: string, message: string): void {
  if (value === "") problem(message);
}

/** One of some words, or "" when it is not said. */
function role(
  words: readonly string[],
  wrong: (given: string) => string,
  initial = "",
): Kind<string> {
  return parsed(initial, "", (given) => (words.includes(given) ? given : problem(wrong(given))));
}

const awsFields = {
  ...http,
  ...polled,
  endpoint: text(),
  region: text(),
  access_key: text(),
  secret_key: secret,
  profile: text(),
  role_arn: text(),
  external_id: text(),
};
const awsFilters = list(struct("aws.Filter", { name: text(), values: list(text()) }));
function checkFilters({
  filters,
}: {
  readonly filters: readonly { readonly values: readonly string[] }[];
}): void {
  if (filters.some(({ values }) => values.length === 0))
    problem("EC2 SD configuration filter values cannot be empty");
}
const awsRoles = ["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"];

const aws = httpStruct(
  "aws.plain",
  {
    ...awsFields,
    role: role(awsRoles, (given) => `unknown AWS SD role ${JSON.stringify(given)}`),
    filters: awsFilters,
    clusters: list(text()),
    request_concurrency: integer(),
  },
  checkFilters,
);
const ec2 = httpStruct("aws.plain", { ...awsFields, filters: awsFilters }, checkFilters);
const lightsail = httpStruct("aws.plain", awsFields);

const azureMethods = ["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"];
const azure = httpStruct(
  "azure.plain",
  {
    ...http,
    ...every(5 * MINUTE),
    port: integer(80),
    environment: text("AzurePublicCloud"),
    subscription_id: text(),
    tenant_id: text(),
    client_id: text(),
    client_secret: secret,
    authentication_method: text("OAuth"),
    resource_group: text(),
  },
  (config) => {
    const needs = (value: string, key: string): void =>
      required(value, `azure SD configuration requires a ${key}`);
    needs(config.subscription_id, "subscription_id");
    if (config.authentication_method === "OAuth") {
      needs(config.tenant_id, "tenant_id");
      needs(config.client_id, "client_id");
      needs(config.client_secret.reveal(), "client_secret");
    }
    if (!azureMethods.includes(config.authentication_method))
      problem(
        `unknown authentication_type ${JSON.stringify(config.authentication_method)}. Supported types are "OAuth", "ManagedIdentity", "SDK" or "WorkloadIdentity"`,
      );
  },
);

const digitalocean = httpStruct("digitalocean.plain", {
  ...http,
  ...polled,
  role: role(
    ["droplets", "databases"],
    (given) => `unknown DigitalOcean SD role ${JSON.stringify(given)}`,
    "droplets",
  ),
});

const eureka = httpStruct(
  "eureka.plain",
  { ...http, ...every(MINUTE / 2), server: text() },
  ({ server }) => {
    required(server, "eureka_sd: empty or null eureka server");
    const { scheme, host } = parseUrlParts(server);
    if (scheme === "" || host === "") problem("eureka_sd: invalid eureka server URL");
  },
);

const gce = struct(
  "gce.plain",
  { ...polled, project: text(), zone: text(), filter: text(), tag_separator: text(",") },
  (config) => {
    required(config.project, "GCE SD configuration requires a project");
    required(config.zone, "GCE SD configuration requires a zone");
    return config;
  },
);

const hetzner = httpStruct(
  "hetzner.plain",
  {
    ...http,
    ...polled,
    role: role(["robot", "hcloud"], (given) => `unknown role ${JSON.stringify(given)}`),
    label_selector: text(),
  },
  (config) => required(config.role, "role missing (one of: robot, hcloud)"),
);

const ionos = httpStruct("ionos.plain", { ...http, ...polled, datacenter_id: text() }, (config) =>
  required(config.datacenter_id, "datacenter id can't be empty"),
);

const kuma = httpStruct(
  "xds.plainKumaConf",
  {
    ...http,
    ...every(MINUTE / 4),
    fetch_timeout: duration(2 * MINUTE),
    server: text(),
    client_id: text(),
  },
  ({ server }) => {
    required(server, `kuma SD server must not be empty: ${server}`);
    const { scheme, host } = parseUrlParts(server);
    if (scheme === "" || host === "")
      problem(`kuma SD server must not be empty and have a scheme: ${server}`);
  },
);

const linode = httpStruct("linode.plain", {
  ...http,
  ...polled,
  tag_separator: text(","),
  region: text(),
});

const marathon = httpStruct(
  "marathon.plain",
  {
    ...http,
    ...every(MINUTE / 2),
    servers: list(text()),
    auth_token: secret,
    auth_token_file: path,
  },
  (config) => {
    const hasToken = config.auth_token.reveal() !== "";
    const hasFile = config.auth_token_file !== "";
    if (config.servers.length === 0)
      problem("marathon_sd: must contain at least one Marathon server");
    if (hasToken && hasFile)
      problem("marathon_sd: at most one of auth_token & auth_token_file must be configured");
    if (!hasToken && !hasFile) return;
    if (config.basic_auth !== undefined)
      problem(
        "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured",
      );
    if (config.bearer_token.reveal() !== "" || config.bearer_token_file !== "")
      problem(
        "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be configured",
      );
    if (config.authorization !== undefined)
      problem(
        "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured",
      );
  },
);

const nomad = httpStruct(
  "nomad.plain",
  {
    ...http,
    ...every(),
    allow_stale: bool(true),
    namespace: text("default"),
    region: text("global"),
    server: text("http://localhost:4646"),
    tag_separator: text(","),
  },
  ({ server }) => required(server.trim(), "nomad SD configuration requires a server address"),
);

const oci = httpStruct(
  "oci.plain",
  {
    ...http,
    ...polled,
    auth: text("api_key"),
    tenancy: text(),
    user: text(),
    fingerprint: text(),
    key_file: path,
    key_passphrase: secret,
    key_passphrase_file: path,
    region: text(),
    compartments: list(text()),
  },
  (config) => {
    required(config.region, "oci_sd: region is required");
    const { tenancy, user, fingerprint, key_file } = config;
    const passphrases = [config.key_passphrase.reveal(), config.key_passphrase_file];
    if (config.auth === "api_key") {
      for (const [key, value] of Object.entries({ tenancy, user, fingerprint, key_file }))
        required(value, `oci_sd: api_key auth requires ${key}`);
      if (!passphrases.includes(""))
        problem("oci_sd: at most one of key_passphrase and key_passphrase_file must be configured");
    } else if (config.auth !== "instance_principal")
      problem(
        `oci_sd: unknown auth method ${JSON.stringify(config.auth)}, expected "api_key" or "instance_principal"`,
      );
    else if ([tenancy, user, fingerprint, key_file, ...passphrases].some((one) => one !== ""))
      problem(
        "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, key_passphrase, or key_passphrase_file set",
      );
    for (const [i, one] of config.compartments.entries())
      required(one, `oci_sd: compartments[${i}] must not be empty`);
  },
);

const openstack = struct(
  "openstack.plain",
  {
    ...polled,
    identity_endpoint: text(),
    username: text(),
    userid: text(),
    password: secret,
    project_name: text(),
    project_id: text(),
    domain_name: text(),
    domain_id: text(),
    application_credential_name: text(),
    application_credential_id: text(),
    application_credential_secret: secret,
    role: role(
      ["hypervisor", "instance", "loadbalancer"],
      (given) => `unknown OpenStack SD role ${JSON.stringify(given)}`,
    ),
    region: text(),
    all_tenants: bool(),
    tls_config: tlsConfig,
    availability: text("public"),
  },
  (config) => {
    if (!["public", "internal", "admin"].includes(config.availability))
      problem(
        `unknown availability ${config.availability}, must be one of admin, internal or public`,
      );
    required(config.role, "role missing (one of: instance, hypervisor, loadbalancer)");
    required(config.region, "openstack SD configuration requires a region");
    return config;
  },
);

/** Of two ways to give a secret key, exactly one. */
function checkSecretKey(config: {
  readonly secret_key: { reveal(): string };
  readonly secret_key_file: string;
}): void {
  const given = [config.secret_key.reveal(), config.secret_key_file].filter((one) => one !== "");
  if (given.length === 0) problem("one of secret_key & secret_key_file must be configured");
  if (given.length === 2) problem("at most one of secret_key & secret_key_file must be configured");
}

const outscale = httpStruct(
  "outscale.plain",
  {
    ...http,
    ...polled,
    endpoint: text(),
    region: text("eu-west-2"),
    access_key: text(),
    secret_key: secret,
    secret_key_file: path,
  },
  (config) => {
    required(config.region, "outscale SD configuration requires a region");
    required(config.access_key, "outscale SD configuration requires access_key");
    checkSecretKey(config);
  },
);

const ovhcloud = struct(
  "ovhcloud.plain",
  {
    ...every(),
    endpoint: text("ovh-eu"),
    application_key: text(),
    application_secret: secret,
    consumer_key: secret,
    service: text(),
  },
  (config) => {
    required(config.endpoint, "endpoint can not be empty");
    required(config.application_key, "application key can not be empty");
    required(config.application_secret.reveal(), "application secret can not be empty");
    required(config.consumer_key.reveal(), "consumer key can not be empty");
    if (!["dedicated_server", "vps"].includes(config.service))
      problem(`unknown service: ${config.service}`);
    return config;
  },
);

const puppetdb = httpStruct(
  "puppetdb.plain",
  { ...http, ...polled, url: text(), query: text(), include_parameters: bool() },
  (config) => {
    checkHttpUrl(config.url);
    required(config.query, "query missing");
  },
);

const scaleway = httpStruct(
  "scaleway.plain",
  {
    ...http,
    ...polled,
    project_id: text(),
    api_url: text("https://api.scaleway.com"),
    zone: text("fr-par-1"),
    access_key: text(),
    secret_key: secret,
    secret_key_file: path,
    name_filter: text(),
    tags_filter: list(text()),
    role: role(["instance", "baremetal"], (given) => `unknown role ${JSON.stringify(given)}`),
  },
  (config) => {
    required(config.role, "role missing (one of: instance, baremetal)");
    required(config.project_id, "project_id is mandatory");
    checkSecretKey(config);
    required(config.access_key, "access_key is mandatory");
  },
);

const stackit = httpStruct(
  "stackit.plain",
  {
    ...http,
    ...polled,
    project: text(),
    region: text("eu01"),
    endpoint: text(),
    service_account_key: secret,
    private_key: secret,
    service_account_key_path: text(),
    private_key_path: text(),
    credentials_file_path: text(),
  },
  ({ endpoint, region }) => {
    if (endpoint === "" && region === "") problem("stackit_sd: endpoint and region missing");
    try {
      parseUrlParts(endpoint);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problem(`stackit_sd: invalid endpoint ${JSON.stringify(endpoint)}: ${why}`);
    }
  },
);

const triton = struct(
  "triton.plain",
  {
    ...every(),
    account: text(),
    role: text("container"),
    dns_suffix: text(),
    endpoint: text(),
    groups: list(text()),
    port: integer(9163),
    tls_config: tlsConfig,
    version: integer(1),
  },
  (config) => {
    if (!["container", "cn"].includes(config.role))
      problem("triton SD configuration requires role to be 'container' or 'cn'");
    required(config.account, "triton SD configuration requires an account");
    required(config.dns_suffix, "triton SD configuration requires a dns_suffix");
    required(config.endpoint, "triton SD configuration requires an endpoint");
    if (config.refresh_interval <= 0)
      problem("triton SD configuration requires RefreshInterval to be a positive integer");
    return config;
  },
);

const uyuni = httpStruct(
  "uyuni.plain",
  {
    ...http,
    ...every(),
    server: text(),
    username: text(),
    password: secret,
    entitlement: text("monitoring_entitled"),
    separator: text(","),
  },
  (config) => {
    required(config.server, "Uyuni SD configuration requires server host");
    parseUrlParts(config.server);
    required(config.username, "Uyuni SD configuration requires a username");
    required(config.password.reveal(), "Uyuni SD configuration requires a password");
  },
);

const vultr = httpStruct("vultr.plain", { ...http, ...polled });

function zookeeper(name: string): Kind<unknown> {
  return struct(
    "zookeeper.plain",
    { servers: list(text()), paths: list(text()), timeout: duration(10_000) },
    ({ servers, paths }) => {
      if (servers.length === 0)
        problem(`${name} SD config must contain at least one Zookeeper server`);
      if (paths.length === 0) problem(`${name} SD config must contain at least one path`);
      for (const one of paths)
        if (!one.startsWith("/")) problem(`${name} SD config paths must begin with '/': ${one}`);
    },
  );
}

const kinds = {
  aws,
  azure,
  digitalocean,
  ec2,
  eureka,
  gce,
  hetzner,
  ionos,
  kuma,
  lightsail,
  linode,
  marathon,
  nerve: zookeeper("nerve"),
  nomad,
  oci,
  openstack,
  outscale,
  ovhcloud,
  puppetdb,
  scaleway,
  serverset: zookeeper("serverset"),
  stackit,
  triton,
  uyuni,
  vultr,
} as const satisfies { readonly [name: string]: Kind<unknown> };

type OtherKey = `${keyof typeof kinds}_sd_configs`;

/** `azure_sd_configs` and so on. */
export const otherDiscoveryFields = Object.fromEntries(
  Object.entries<Kind<unknown>>(kinds).map(([name, kind]) => [
    `${name}_sd_configs`,
    fullList(kind, `empty or null section in ${name}_sd_configs`),
  ]),
) as { readonly [K in OtherKey]: Kind<readonly unknown[]> } satisfies Fields;

export const otherDiscoveryKeys = Object.keys(otherDiscoveryFields) as readonly OtherKey[];
