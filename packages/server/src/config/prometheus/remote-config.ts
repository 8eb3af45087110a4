/** `remote_write` and `remote_read`. */
import { checkHttpClient, httpClientFields, plainHeaders } from "./http-client.ts";
import {
  bigCount,
  bool,
  integer,
  type Kind,
  map,
  maybe,
  type Of,
  parsed,
  path,
  problem,
  secret,
  struct,
  text,
} from "./kinds.ts";
import { type GivenRule, relabelRules } from "./relabel-config.ts";
import { duration, url } from "./scalars.ts";

const headers = plainHeaders(
  "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter",
);

export const sigv4 = struct("sigv4.plain", {
  region: text(),
  access_key: text(),
  secret_key: secret,
  profile: text(),
  role_arn: text(),
  external_id: text(),
  use_fips_sts_endpoint: bool(),
  service_name: text(),
});

const azuread = struct(
  "azuread.plain",
  {
    managed_identity: maybe(struct("azuread.ManagedIdentityConfig", { client_id: text() })),
    workload_identity: maybe(
      struct("azuread.WorkloadIdentityConfig", {
        client_id: text(),
        tenant_id: text(),
        token_file_path: text(),
      }),
    ),
    oauth: maybe(
      struct("azuread.OAuthConfig", {
        client_id: text(),
        client_secret: secret,
        tenant_id: text(),
      }),
    ),
    sdk: maybe(struct("azuread.SDKConfig", { tenant_id: text() })),
    certificate: maybe(
      struct("azuread.CertificateConfig", {
        client_id: text(),
        tenant_id: text(),
        certificate_path: text(),
        certificate_key_path: text(),
        certificate_password: secret,
        send_certificate_chain: bool(),
      }),
    ),
    cloud: text("AzurePublic"),
    scope: text(),
  },
  (config) => {
    const { managed_identity, workload_identity, oauth, sdk, certificate } = config;
    const ways = [managed_identity, workload_identity, oauth, sdk, certificate].filter(
      (way) => way !== undefined,
    );
    if (!["AzureChina", "AzureGovernment", "AzurePublic"].includes(config.cloud))
      problem("must provide a cloud in the Azure AD config");
    if (ways.length === 0)
      problem(
        "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, Azure Certificate or Azure SDK in the Azure AD config",
      );
    if (ways.length > 1)
      problem("cannot provide multiple authentication methods in the Azure AD config");
    return config;
  },
);

const googleIam = struct("googleiam.Config", { credentials_file: path });

const queue = struct("config.QueueConfig", {
  capacity: integer(10_000),
  max_shards: integer(50),
  min_shards: integer(1),
  max_samples_per_send: integer(2000),
  batch_send_deadline: duration(5000),
  min_backoff: duration(30),
  max_backoff: duration(5000),
  retry_on_http_429: bool(),
  sample_age_limit: duration(),
});

function checkQueue(config: Of<typeof queue>): void {
  const wrong = (what: string): never => problem(`remote write queue ${what}`);
  if (config.max_shards <= 0) wrong("max_shards must be positive");
  if (config.min_shards <= 0) wrong("min_shards must be positive");
  if (config.min_shards > config.max_shards)
    wrong("min_shards must not be greater than max_shards");
  if (config.max_samples_per_send <= 0) wrong("max_samples_per_send must be positive");
  if (config.capacity <= 0) wrong("capacity must be positive");
  if (config.max_backoff < config.min_backoff)
    wrong("max_backoff must not be less than min_backoff");
}

const protobufMessages = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] as const;
export type ProtobufMessage = (typeof protobufMessages)[number];

const protobufMessage: Kind<ProtobufMessage> = parsed<ProtobufMessage>(
  "prometheus.WriteRequest",
  "prometheus.WriteRequest",
  (given) =>
    protobufMessages.find((one) => one === given) ??
    problem(
      `invalid protobuf_message value: unknown type for remote write protobuf message ${given}, supported: ${protobufMessages.join(", ")}`,
    ),
);

export const remoteWrite = struct(
  "config.plain",
  {
    ...httpClientFields,
    enable_http2: bool(false),
    url,
    remote_timeout: duration(30_000),
    headers,
    write_relabel_configs: relabelRules("empty or null relabeling rule in remote write config"),
    name: text(),
    send_exemplars: bool(),
    send_native_histograms: bool(),
    round_robin_dns: bool(),
    protobuf_message: protobufMessage,
    failed_request_logging: bool(),
    queue_config: queue,
    metadata_config: struct("config.MetadataConfig", {
      send: bool(true),
      send_interval: duration(60_000),
      max_samples_per_send: integer(2000),
    }),
    sigv4: maybe(sigv4),
    azuread: maybe(azuread),
    google_iam: maybe(googleIam),
  },
  (config) => {
    if (config.url === "") problem("url for remote_write is empty");
    const client = checkHttpClient(config);
    checkQueue(config.queue_config);
    const { basic_auth, authorization, oauth2, sigv4: aws, azuread: azure, google_iam } = client;
    const ways = Object.entries({
      basic_auth,
      authorization,
      oauth2,
      sigv4: aws,
      azuread: azure,
      google_iam,
    })
      .filter(([, way]) => way !== undefined)
      .map(([name]) => name);
    if (ways.length > 1)
      problem(
        `at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. Currently configured: [${ways.join(" ")}]`,
      );
    return client;
  },
);

/** One server to send to; durations in milliseconds. */
export interface RemoteWriteConfig extends Omit<Of<typeof remoteWrite>, "write_relabel_configs"> {
  readonly write_relabel_configs: readonly GivenRule[];
}

export const remoteRead = struct(
  "config.plain",
  {
    ...httpClientFields,
    url,
    remote_timeout: duration(60_000),
    chunked_read_limit: bigCount(50_000_000n),
    headers,
    read_recent: bool(),
    name: text(),
    required_matchers: map(text()),
    filter_external_labels: bool(true),
  },
  (config) => {
    if (config.url === "") problem("url for remote_read is empty");
    return checkHttpClient(config);
  },
);
export type Sigv4Config = Of<typeof sigv4>;
export type AzureadConfig = Of<typeof azuread>;
export type GoogleIamConfig = Of<typeof googleIam>;
export type RemoteReadConfig = Of<typeof remoteRead>;
