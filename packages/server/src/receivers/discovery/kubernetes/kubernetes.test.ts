/** A small API server: lists in pages, watches as lines of JSON, selectors remembered. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock } from "@triptych/testkit";
import { afterEach, expect, test } from "vitest";
import { createHttpClient } from "../../../http-client/client.ts";
import { configOf, fakeTarget } from "../../../http-client/testing.ts";
import { turn } from "../../scrape/testing.ts";
import { createDiscoverySet } from "../discovery-set.ts";
import type { TargetGroup } from "../target-group.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

const controller = (kind: string, name: string) => ({
  ownerReferences: [{ kind, name, controller: true }],
});

const pod = {
  metadata: {
    name: "web-1",
    namespace: "shop",
    uid: "u1",
    labels: { "app.kubernetes.io/name": "web" },
    annotations: { "prometheus.io/scrape": "true" },
    ...controller("ReplicaSet", "web-abc"),
  },
  spec: {
    nodeName: "node1",
    containers: [
      {
        name: "main",
        image: "web:1",
        ports: [
          { name: "http", containerPort: 8080, protocol: "TCP" },
          { name: "metrics", containerPort: 9100, protocol: "TCP" },
        ],
      },
      { name: "side", image: "side:1" },
    ],
    initContainers: [{ name: "init", image: "init:1" }],
  },
  status: {
    phase: "Running",
    podIP: "10.1.0.5",
    hostIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "main", containerID: "containerd://m" }],
  },
};
const node = {
  metadata: { name: "node1", labels: { zone: "a" } },
  spec: { providerID: "p://1" },
  status: {
    addresses: [
      { type: "Hostname", address: "node1" },
      { type: "InternalIP", address: "10.0.0.1" },
    ],
    conditions: [{ type: "Ready", status: "True" }],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
  },
};
const service = {
  metadata: { name: "web", namespace: "shop", labels: { team: "x" } },
  spec: {
    type: "ClusterIP",
    clusterIP: "10.9.0.1",
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  },
};
const reference = { kind: "Pod", name: "web-1", namespace: "shop" };
const lists: { [path: string]: unknown[] } = {
  "/api/v1/pods": [pod],
  "/api/v1/namespaces/shop/pods": [pod],
  "/api/v1/nodes": [node],
  "/api/v1/services": [service],
  "/api/v1/namespaces": [{ metadata: { name: "shop", labels: { env: "prod" } } }],
  "/apis/apps/v1/replicasets": [
    { metadata: { name: "web-abc", namespace: "shop", ...controller("Deployment", "web") } },
  ],
  "/api/v1/endpoints": [
    {
      metadata: { name: "web", namespace: "shop" },
      subsets: [
        {
          addresses: [{ ip: "10.1.0.5", nodeName: "node1", targetRef: reference }],
          notReadyAddresses: [{ ip: "10.1.0.6" }],
          ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        },
      ],
    },
  ],
  "/apis/discovery.k8s.io/v1/endpointslices": [
    {
      metadata: {
        name: "web-x",
        namespace: "shop",
        labels: { "kubernetes.io/service-name": "web" },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      endpoints: [
        {
          addresses: ["10.1.0.5"],
          conditions: { ready: true },
          nodeName: "node1",
          zone: "a",
          targetRef: reference,
        },
      ],
    },
  ],
  "/apis/networking.k8s.io/v1/ingresses": [
    {
      metadata: { name: "front", namespace: "shop" },
      spec: {
        ingressClassName: "nginx",
        tls: [{ hosts: ["*.example.com"] }],
        rules: [
          { host: "a.example.com", http: { paths: [{ path: "/x" }, {}] } },
          { host: "b.example.org" },
        ],
      },
    },
  ],
};

async function cluster() {
  const watches = new Map<string, ServerResponse>();
  const target = await fakeTarget((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const params = new URLSearchParams(query);
    const items = lists[path];
    if (items === undefined) return response.writeHead(404).end("{}");
    response.setHeader("content-type", "application/json");
    if (params.has("watch")) {
      watches.set(path, response);
      response.writeHead(200);
      return response.flushHeaders();
    }
    // Two pages, when there is anything to page.
    const isFirst = !params.has("continue");
    const next = isFirst ? { continue: "more" } : {};
    return response.end(
      JSON.stringify({ metadata: { resourceVersion: "5", ...next }, items: isFirst ? [] : items }),
    );
  });
  cleanup.push(() => target.close());
  return { target, watches };
}

function discover(yaml: string) {
  const clock = createSimClock();
  const [job] = configOf(
    `scrape_configs:\n  - job_name: j\n    kubernetes_sd_configs:\n      - ${yaml}`,
  ).scrape_configs;
  if (job === undefined) throw new Error("no job");
  const set = createDiscoverySet(job.discovery, {
    clock,
    random: () => 0,
    env: {},
    createClient: (config) => createHttpClient(config, { clock, env: {}, userAgent: "test" }),
    failed: () => {},
  });
  cleanup.push(() => set.close());
  let groups: readonly TargetGroup[] = [];
  set.start((given) => {
    groups = given;
  });
  return {
    set,
    async wait(isSo: (groups: readonly TargetGroup[]) => boolean) {
      for (let step = 0; step < 4000 && !isSo(groups); step++) {
        await clock.advance(50);
        await turn();
      }
      expect(isSo(groups), JSON.stringify(set.problems())).toBe(true);
      return groups.flatMap(({ labels, targets }) =>
        targets.map((one) => Object.fromEntries([...labels, ...one]) as { [name: string]: string }),
      );
    },
  };
}

const some = (groups: readonly TargetGroup[]): boolean => groups.length > 0;
const K = "__meta_kubernetes_";
const podLabels = {
  [`${K}pod_name`]: "web-1",
  [`${K}pod_ip`]: "10.1.0.5",
  [`${K}pod_ready`]: "true",
  [`${K}pod_phase`]: "Running",
  [`${K}pod_node_name`]: "node1",
  [`${K}pod_host_ip`]: "10.0.0.1",
  [`${K}pod_uid`]: "u1",
  [`${K}pod_controller_kind`]: "ReplicaSet",
  [`${K}pod_controller_name`]: "web-abc",
  [`${K}pod_label_app_kubernetes_io_name`]: "web",
  [`${K}pod_labelpresent_app_kubernetes_io_name`]: "true",
  [`${K}pod_annotation_prometheus_io_scrape`]: "true",
  [`${K}pod_annotationpresent_prometheus_io_scrape`]: "true",
};
const serviceLabels = {
  [`${K}service_name`]: "web",
  [`${K}service_label_team`]: "x",
  [`${K}service_labelpresent_team`]: "true",
};

test("pods: containers and ports, with what is attached, selectors and namespaces", async () => {
  const { target } = await cluster();
  lists["/apis/apps/v1/namespaces/shop/replicasets"] = lists["/apis/apps/v1/replicasets"] ?? [];
  const found = await discover(`role: pod
        api_server: "http://${target.address}"
        namespaces: { names: [shop] }
        selectors: [{ role: pod, label: "a=b", field: "status.phase=Running" }]
        attach_metadata: { node: true, namespace: true, deployment: true }`).wait(some);
  const all = {
    ...podLabels,
    [`${K}namespace`]: "shop",
    [`${K}namespace_label_env`]: "prod",
    [`${K}namespace_labelpresent_env`]: "true",
    [`${K}node_name`]: "node1",
    [`${K}node_label_zone`]: "a",
    [`${K}node_labelpresent_zone`]: "true",
    [`${K}pod_deployment_name`]: "web",
  };
  const main = {
    [`${K}pod_container_name`]: "main",
    [`${K}pod_container_id`]: "containerd://m",
    [`${K}pod_container_image`]: "web:1",
    [`${K}pod_container_init`]: "false",
    [`${K}pod_container_port_protocol`]: "TCP",
  };
  const port = (name: string, number: string) => ({
    __address__: `10.1.0.5:${number}`,
    [`${K}pod_container_port_name`]: name,
    [`${K}pod_container_port_number`]: number,
  });
  const other = (name: string, init: string) => ({
    __address__: "10.1.0.5",
    [`${K}pod_container_name`]: name,
    [`${K}pod_container_image`]: `${name}:1`,
    [`${K}pod_container_init`]: init,
  });
  expect(found).toEqual([
    { ...all, ...main, ...port("http", "8080") },
    { ...all, ...main, ...port("metrics", "9100") },
    { ...all, ...other("side", "false") },
    { ...all, ...other("init", "true") },
  ]);
  const [list] = target.requests.filter(({ url }) => url?.includes("/pods?"));
  expect(decodeURIComponent(list?.url ?? "")).toContain(
    "labelSelector=a=b&fieldSelector=status.phase=Running",
  );
});

test("pods come and go by the watch", async () => {
  const { target, watches } = await cluster();
  const one = discover(`{ role: pod, api_server: "http://${target.address}" }`);
  await one.wait(some);
  await one.wait(() => watches.has("/api/v1/pods"));
  const watch = watches.get("/api/v1/pods");
  const second = { ...pod, metadata: { ...pod.metadata, name: "web-2", resourceVersion: "6" } };
  watch?.write(`${JSON.stringify({ type: "ADDED", object: second })}\n{"type":"BOOK`);
  await one.wait((groups) => groups.length === 2);
  watch?.write(`MARK","object":{"metadata":{"resourceVersion":"7"}}}\n`);
  watch?.write(`${JSON.stringify({ type: "DELETED", object: second })}\n`);
  await one.wait((groups) => groups.length === 1);
  // The watch ends: the next goes on from where it was.
  watches.clear();
  watch?.end();
  await one.wait(() => watches.has("/api/v1/pods"));
  expect(target.requests.at(-1)?.url).toContain("resourceVersion=6");
  // The server forgot: all is listed again.
  const before = target.requests.length;
  watches.get("/api/v1/pods")?.write('{"type":"ERROR","object":{"code":410}}\n');
  await one.wait(() => target.requests.slice(before).some(({ url }) => url?.includes("limit=")));
});

test("nodes", async () => {
  const { target } = await cluster();
  const [found] = await discover(`{ role: node, api_server: "http://${target.address}" }`).wait(
    some,
  );
  expect(found).toEqual({
    __address__: "10.0.0.1:10250",
    instance: "node1",
    [`${K}node_name`]: "node1",
    [`${K}node_provider_id`]: "p://1",
    [`${K}node_condition_ready`]: "true",
    [`${K}node_label_zone`]: "a",
    [`${K}node_labelpresent_zone`]: "true",
    [`${K}node_address_Hostname`]: "node1",
    [`${K}node_address_InternalIP`]: "10.0.0.1",
  });
});

test("services", async () => {
  const { target } = await cluster();
  const found = await discover(`{ role: service, api_server: "http://${target.address}" }`).wait(
    some,
  );
  expect(found).toEqual([
    {
      __address__: "web.shop.svc:80",
      [`${K}namespace`]: "shop",
      ...serviceLabels,
      [`${K}service_cluster_ip`]: "10.9.0.1",
      [`${K}service_port_name`]: "http",
      [`${K}service_port_number`]: "80",
      [`${K}service_port_protocol`]: "TCP",
      [`${K}service_type`]: "ClusterIP",
    },
  ]);
});

test("endpoints, and the other ports of the pods behind them", async () => {
  const { target } = await cluster();
  const found = await discover(`{ role: endpoints, api_server: "http://${target.address}" }`).wait(
    some,
  );
  const group = { [`${K}namespace`]: "shop", ...serviceLabels, [`${K}endpoints_name`]: "web" };
  const container = {
    ...podLabels,
    [`${K}pod_container_name`]: "main",
    [`${K}pod_container_image`]: "web:1",
    [`${K}pod_container_init`]: "false",
    [`${K}pod_container_port_protocol`]: "TCP",
  };
  const port = { [`${K}endpoint_port_name`]: "http", [`${K}endpoint_port_protocol`]: "TCP" };
  expect(found).toEqual([
    {
      ...group,
      ...container,
      ...port,
      __address__: "10.1.0.5:8080",
      [`${K}endpoint_ready`]: "true",
      [`${K}endpoint_node_name`]: "node1",
      [`${K}endpoint_address_target_kind`]: "Pod",
      [`${K}endpoint_address_target_name`]: "web-1",
      [`${K}pod_container_port_name`]: "http",
      [`${K}pod_container_port_number`]: "8080",
    },
    { ...group, ...port, __address__: "10.1.0.6:8080", [`${K}endpoint_ready`]: "false" },
    {
      ...group,
      ...container,
      __address__: "10.1.0.5:9100",
      [`${K}pod_container_port_name`]: "metrics",
      [`${K}pod_container_port_number`]: "9100",
    },
  ]);
});

test("endpoint slices", async () => {
  const { target } = await cluster();
  const found = await discover(
    `{ role: endpointslice, api_server: "http://${target.address}" }`,
  ).wait(some);
  expect(found[0]).toMatchObject({
    __address__: "10.1.0.5:8080",
    ...serviceLabels,
    [`${K}endpointslice_name`]: "web-x",
    [`${K}endpointslice_address_type`]: "IPv4",
    [`${K}endpointslice_port`]: "8080",
    [`${K}endpointslice_endpoint_conditions_ready`]: "true",
    [`${K}endpointslice_endpoint_zone`]: "a",
    [`${K}pod_name`]: "web-1",
  });
  expect(found).toHaveLength(2);
});

test("ingresses", async () => {
  const { target } = await cluster();
  const found = await discover(`{ role: ingress, api_server: "http://${target.address}" }`).wait(
    some,
  );
  const group = {
    [`${K}namespace`]: "shop",
    [`${K}ingress_name`]: "front",
    [`${K}ingress_class_name`]: "nginx",
  };
  const of = (host: string, scheme: string, path: string) => ({
    ...group,
    __address__: host,
    [`${K}ingress_host`]: host,
    [`${K}ingress_scheme`]: scheme,
    [`${K}ingress_path`]: path,
  });
  expect(found).toEqual([
    of("a.example.com", "https", "/x"),
    of("a.example.com", "https", "/"),
    of("b.example.org", "http", "/"),
  ]);
});

test("a kubeconfig says where and who", async () => {
  const { target } = await cluster();
  const directory = mkdtempSync(join(tmpdir(), "triptych-kube-"));
  cleanup.push(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "config");
  writeFileSync(
    file,
    `current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "http://${target.address}" } }]
users: [{ name: u, user: { token: tok } }]
`,
  );
  await discover(`{ role: node, kubeconfig_file: "${file}" }`).wait(some);
  expect(target.requests[0]?.headers.authorization).toBe("Bearer tok");
});

test("without a cluster it says so", async () => {
  const one = discover("{ role: pod }");
  await one.wait(() => one.set.problems().length > 0);
  expect(one.set.problems()[0]?.message).toContain("unable to load in-cluster configuration");
});
