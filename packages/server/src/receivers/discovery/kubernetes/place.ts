/** Where the API server is and who we are: said in the configuration, in a kubeconfig, or by the pod we run in. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parse } from "yaml";
import {
  defaultHttpClient,
  type HttpClientConfig,
} from "../../../config/prometheus/http-client.ts";
import { inDirectory } from "../../../config/prometheus/kinds.ts";
import type { KubernetesSd } from "../../../config/prometheus/kubernetes-config.ts";
import { secretOf } from "../../../config/prometheus/secret.ts";
import { listOf, objectOf, textOf } from "../ask-json.ts";
import { hostPort } from "../target-group.ts";

export interface ApiServer {
  readonly url: string;
  readonly client: HttpClientConfig;
  /** Empty for all. */
  readonly namespaces: readonly string[];
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export async function apiServerOf(
  config: KubernetesSd,
  env: { readonly [name: string]: string | undefined },
): Promise<ApiServer> {
  const { names, own_namespace: withOwn } = config.namespaces;
  if (config.kubeconfig_file !== "")
    return { ...(await fromKubeconfig(config.kubeconfig_file)), namespaces: names };
  if (config.api_server !== "")
    return { url: config.api_server.replace(/\/+$/, ""), client: config, namespaces: names };
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "";
  if (host === "" || port === "")
    throw new Error(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
    );
  const base = defaultHttpClient();
  const own = withOwn ? [(await readFile(`${ACCOUNT}/namespace`, "utf8")).trim()] : [];
  return {
    url: `https://${hostPort(host, port)}`,
    client: {
      ...base,
      authorization: bearer("", `${ACCOUNT}/token`),
      tls_config: { ...base.tls_config, ca_file: `${ACCOUNT}/ca.crt` },
    },
    namespaces: [...names, ...own],
  };
}

function bearer(token: string, file: string): NonNullable<HttpClientConfig["authorization"]> {
  return {
    type: "Bearer",
    credentials: secretOf(token),
    credentials_file: file,
    credentials_ref: "",
  };
}

type Fields = { readonly [key: string]: unknown };

async function fromKubeconfig(file: string): Promise<Omit<ApiServer, "namespaces">> {
  const parsed = objectOf(parse(await readFile(file, "utf8"), { maxAliasCount: 100 }));
  const named = (list: string, name: string, part: string): Fields => {
    const found = listOf(parsed[list])
      .map(objectOf)
      .find((one) => textOf(one["name"]) === name);
    if (found === undefined)
      throw new Error(`kubeconfig ${file} has no ${part} ${JSON.stringify(name)}`);
    return objectOf(found[part]);
  };
  const context = named("contexts", textOf(parsed["current-context"]), "context");
  const cluster = named("clusters", textOf(context["cluster"]), "cluster");
  const user = named("users", textOf(context["user"]), "user");
  if (user["exec"] !== undefined || user["auth-provider"] !== undefined)
    throw new Error(`kubeconfig ${file} asks a program for credentials, which is not supported`);
  const base = defaultHttpClient();
  const directory = dirname(file);
  const path = (value: unknown): string => inDirectory(directory, textOf(value));
  const data = (value: unknown): string => Buffer.from(textOf(value), "base64").toString("utf8");
  const token = textOf(user["token"]);
  const tokenFile = path(user["tokenFile"]);
  const name = textOf(user["username"]);
  const isInline = (key: string, of: Fields): boolean => of[`${key}-data`] !== undefined;
  const fileUnless = (key: string, of: Fields): string => (isInline(key, of) ? "" : path(of[key]));
  return {
    url: textOf(cluster["server"]).replace(/\/+$/, ""),
    client: {
      ...base,
      authorization:
        token !== "" || tokenFile !== "" ? bearer(token, token === "" ? tokenFile : "") : undefined,
      basic_auth:
        name === ""
          ? undefined
          : {
              username: name,
              username_file: "",
              username_ref: "",
              password: secretOf(textOf(user["password"])),
              password_file: "",
              password_ref: "",
            },
      tls_config: {
        ...base.tls_config,
        ca: data(cluster["certificate-authority-data"]),
        ca_file: fileUnless("certificate-authority", cluster),
        cert: data(user["client-certificate-data"]),
        cert_file: fileUnless("client-certificate", user),
        key: secretOf(data(user["client-key-data"])),
        key_file: fileUnless("client-key", user),
        server_name: textOf(cluster["tls-server-name"]),
        insecure_skip_verify: cluster["insecure-skip-tls-verify"] === true,
      },
    },
  };
}
