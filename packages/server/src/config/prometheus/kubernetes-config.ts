/** `kubernetes_sd_config`: roles, selectors and where the API server is. */
import { httpClientFields, httpClientKeys, httpStruct } from "./http-client.ts";
import { bool, list, type Of, parsed, path, problem, struct, text } from "./kinds.ts";
import { url } from "./scalars.ts";

export const kubernetesRoles = [
  "node",
  "pod",
  "service",
  "endpoints",
  "endpointslice",
  "ingress",
] as const;
export type KubernetesRole = (typeof kubernetesRoles)[number];

const role = parsed<KubernetesRole | "">(
  "",
  "",
  (given) =>
    kubernetesRoles.find((one) => one === given) ??
    problem(`unknown Kubernetes SD role ${JSON.stringify(given)}`),
);

const allowedSelectors: { readonly [R in KubernetesRole]: readonly KubernetesRole[] } = {
  pod: ["pod", "node"],
  service: ["service"],
  endpointslice: ["pod", "service", "endpointslice"],
  endpoints: ["pod", "service", "endpoints"],
  node: ["node"],
  ingress: ["ingress"],
};

const selector = struct("kubernetes.SelectorConfig", { role, label: text(), field: text() });

const fields = {
  ...httpClientFields,
  api_server: url,
  role,
  kubeconfig_file: path,
  namespaces: struct("kubernetes.plain", { own_namespace: bool(), names: list(text()) }),
  selectors: list(selector),
  attach_metadata: struct("kubernetes.AttachMetadataConfig", {
    node: bool(),
    namespace: bool(),
    deployment: bool(),
    job: bool(),
    cronjob: bool(),
  }),
};

export const kubernetesSd = httpStruct("kubernetes.plain", fields, (config, { given }) => {
  if (config.role === "")
    problem("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
  const hasServer = config.api_server !== "";
  const hasKubeconfig = config.kubeconfig_file !== "";
  const hasClient = httpClientKeys.some((key) => given.has(key));
  // Prometheus finds the client's own mistakes first.
  if (!hasClient || hasServer) checkPlace(config, hasServer, hasKubeconfig);
  else if (hasKubeconfig)
    problem("cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
  else
    problem(
      "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
    );
  checkSelectors(config.role, config.selectors);
});
export type KubernetesSd = Of<typeof kubernetesSd>;

function checkPlace(
  config: { readonly namespaces: { readonly own_namespace: boolean } },
  hasServer: boolean,
  hasKubeconfig: boolean,
): void {
  if (hasServer && hasKubeconfig)
    problem("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  if (!config.namespaces.own_namespace) return;
  if (hasServer) problem("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
  if (hasKubeconfig)
    problem("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
}

function checkSelectors(
  ofRole: KubernetesRole | "",
  selectors: readonly Of<typeof selector>[],
): void {
  if (ofRole === "") return;
  const allowed = allowedSelectors[ofRole];
  const seen = new Set<string>();
  for (const { role: one, field, label } of selectors) {
    if (seen.has(one)) problem(`duplicated selector role: ${one}`);
    seen.add(one);
    if (one === "" || !allowed.includes(one))
      problem(`${ofRole} role supports only ${allowed.join(", ")} selectors`);
    checkFieldSelector(field);
    checkLabelSelector(label);
  }
}

/** `path=value`, `path==value` and `path!=value`, joined by commas. */
function checkFieldSelector(field: string): void {
  for (const term of field.split(","))
    if (term !== "" && !term.includes("="))
      problem(`invalid selector: '${field}'; can't understand '${term}'`);
}

const LABEL_TERM =
  /^\s*(?:!?\s*[\w./-]+|[\w./-]+\s*(?:=|==|!=)\s*[\w.-]*|[\w./-]+\s+(?:not)?in\s+\([^()]*\)|[\w./-]+\s*[<>]\s*\d+)\s*$/;

function checkLabelSelector(label: string): void {
  // Commas inside `in (a,b)` do not separate terms.
  for (const term of label.split(/,(?![^(]*\))/))
    if (term.trim() !== "" && !LABEL_TERM.test(term))
      problem(`unable to parse requirement: ${JSON.stringify(term)}`);
}
