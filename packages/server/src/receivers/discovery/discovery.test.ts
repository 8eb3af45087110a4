/** Discoveries against servers on loopback that answer as their documentation says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimClock, type SimClock } from "@triptych/testkit";
import { afterEach, describe, expect, test } from "vitest";
import { compileRegex } from "../../regex/compile.ts";
import { createHttpClient } from "../../http-client/client.ts";
import { configOf, type FakeTarget, fakeTarget } from "../../http-client/testing.ts";
import { turn, until } from "../scrape/testing.ts";
import { createDiscoveredAddresses } from "./addresses.ts";
import type { DiscoveryDeps } from "./discovery-deps.ts";
import { createDiscoverySet, type DiscoverySet } from "./discovery-set.ts";
import { dns, type Resolver } from "./dns.ts";
import type { TargetGroup } from "./target-group.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0)) await one();
});

function depsOf(clock: SimClock): DiscoveryDeps {
  return {
    clock,
    random: () => 0,
    env: {},
    createClient: (config) => createHttpClient(config, { clock, env: {}, userAgent: "test" }),
    failed: () => {},
  };
}

interface Running {
  readonly clock: SimClock;
  readonly set: DiscoverySet;
  groups(): readonly TargetGroup[];
  /** Steps the clock until the groups are such. */
  wait(isSo: (groups: readonly TargetGroup[]) => boolean): Promise<readonly TargetGroup[]>;
}

function run(yaml: string): Running {
  const clock = createSimClock();
  const [job] = configOf(`scrape_configs:\n  - job_name: j\n${yaml}`).scrape_configs;
  if (job === undefined) throw new Error("no job");
  const set = createDiscoverySet(job.discovery, depsOf(clock));
  cleanup.push(() => set.close());
  let groups: readonly TargetGroup[] = [];
  set.start((given) => {
    groups = given;
  });
  return {
    clock,
    set,
    groups: () => groups,
    async wait(isSo) {
      for (let step = 0; step < 4000 && !isSo(groups); step++) {
        await clock.advance(50);
        await turn();
      }
      expect(isSo(groups), JSON.stringify(plain(groups))).toBe(true);
      return groups;
    },
  };
}

/** Labels of every target, those of its group included. */
function plain(groups: readonly TargetGroup[]): { [name: string]: string }[] {
  return groups.flatMap(({ labels, targets }) =>
    targets.map((target) => Object.fromEntries([...labels, ...target])),
  );
}

async function server(
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => void,
): Promise<FakeTarget> {
  const target = await fakeTarget((request, response) => {
    response.setHeader("content-type", "application/json");
    answer(request.url ?? "", response, request);
  });
  cleanup.push(() => target.close());
  return target;
}

const some = (groups: readonly TargetGroup[]): boolean =>
  groups.some(({ targets }) => targets.length > 0);

test("files: JSON and YAML by pattern, changed, broken and gone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-sd-"));
  cleanup.push(() => rmSync(directory, { recursive: true }));
  const json = join(directory, "a.json");
  const yaml = join(directory, "b.yml");
  writeFileSync(json, '[{"targets": ["a:1"], "labels": {"x": "1"}}]');
  writeFileSync(yaml, "- targets: [b:1, c:1]\n");
  const one = run(
    `    file_sd_configs: [{ files: ["${directory}/*.json", "${directory}/*.yml"], refresh_interval: 5s }]`,
  );
  expect(plain(await one.wait(some))).toEqual([
    { __address__: "a:1", __meta_filepath: json, x: "1" },
    { __address__: "b:1", __meta_filepath: yaml },
    { __address__: "c:1", __meta_filepath: yaml },
  ]);
  writeFileSync(yaml, "- targets: [d:1]\n");
  await one.wait((groups) => plain(groups).some((target) => target["__address__"] === "d:1"));
  writeFileSync(yaml, "- targets: d:1\n");
  for (let step = 0; one.set.problems().length === 0 && step < 100; step++) {
    await one.clock.advance(1000);
    await turn();
  }
  expect(one.set.problems()[0]?.message).toContain("b.yml");
  // What it last said well stays.
  expect(plain(one.groups())).toHaveLength(2);
  rmSync(yaml);
  await one.wait((groups) => plain(groups).length === 1);
});

test("http: groups, the refresh interval told, wrong types refused", async () => {
  const target = await server((_, response) =>
    response.end('[{"targets": ["a:1"], "labels": {"__meta_x": "y"}}]'),
  );
  const one = run(
    `    http_sd_configs: [{ url: "http://${target.address}/sd", refresh_interval: 30s }]`,
  );
  expect(plain(await one.wait(some))).toEqual([
    { __address__: "a:1", __meta_url: `http://${target.address}/sd`, __meta_x: "y" },
  ]);
  expect(target.requests[0]?.headers["x-prometheus-refresh-interval-seconds"]).toBe("30");
  target.answer = (_, response) => {
    response.setHeader("content-type", "text/plain");
    response.end("[]");
  };
  await one.clock.advance(31_000);
  await until(() => one.set.problems().length > 0);
  expect(one.set.problems()[0]?.message).toBe('unsupported content type "text/plain"');
  expect(plain(one.groups())).toHaveLength(1);
});

describe("dns", () => {
  const resolver: Resolver = {
    resolveSrv: (async () => [
      { name: "a.example", port: 9100, priority: 1, weight: 1 },
    ]) as Resolver["resolveSrv"],
    resolve4: (async () => ["10.0.0.1"]) as unknown as Resolver["resolve4"],
    resolve6: (async () => ["fe80::1"]) as unknown as Resolver["resolve6"],
    resolveMx: (async () => [{ exchange: "mx.example", priority: 1 }]) as Resolver["resolveMx"],
    resolveNs: (async () => ["ns.example"]) as Resolver["resolveNs"],
  };
  const check = (type: string, want: { [name: string]: string }) =>
    test(type, async () => {
      const clock = createSimClock();
      const [job] = configOf(
        `scrape_configs: [{ job_name: j, dns_sd_configs: [{ names: [n], type: ${type}, port: 80 }] }]`,
      ).scrape_configs;
      const [config] = job?.discovery.configs.dns_sd_configs ?? [];
      if (config === undefined) throw new Error("no config");
      const failing = (message: string): void => expect(message).toBe("");
      const discoverer = dns(config, { ...depsOf(clock), worked: () => {}, failing }, resolver);
      let groups: readonly TargetGroup[] = [];
      discoverer.start((given) => {
        groups = given;
      });
      await until(() => some(groups));
      discoverer.close();
      expect(plain(groups)).toEqual([{ __meta_dns_name: "n", ...want }]);
    });
  check("SRV", {
    __address__: "a.example:9100",
    __meta_dns_srv_record_target: "a.example.",
    __meta_dns_srv_record_port: "9100",
  });
  check("A", { __address__: "10.0.0.1:80" });
  check("AAAA", { __address__: "[fe80::1]:80" });
  check("MX", { __address__: "mx.example:80", __meta_dns_mx_record_target: "mx.example." });
  check("NS", { __address__: "ns.example:80", __meta_dns_ns_record_target: "ns.example." });
});

describe("docker", () => {
  const containers = [
    {
      Id: "c1",
      Names: ["/web"],
      Image: "web:1",
      ImageID: "sha256:1",
      Labels: { "com.example/role": "front" },
      Ports: [
        { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
        { PrivatePort: 53, Type: "udp" },
      ],
      HostConfig: { NetworkMode: "net" },
      NetworkSettings: {
        Networks: {
          b: { NetworkID: "n2", IPAddress: "10.2.0.2" },
          a: { NetworkID: "n1", IPAddress: "10.1.0.2" },
        },
      },
    },
    {
      Id: "c2",
      Names: ["/side"],
      Ports: [],
      HostConfig: { NetworkMode: "container:c1" },
      NetworkSettings: { Networks: {} },
    },
    {
      Id: "c3",
      Names: ["/host"],
      Ports: [],
      HostConfig: { NetworkMode: "host" },
      NetworkSettings: { Networks: { host: { NetworkID: "n3", IPAddress: "" } } },
    },
  ];
  const networks = [
    { Id: "n1", Name: "a", Scope: "local", Internal: false, Ingress: false, Labels: { k: "v" } },
  ];
  const answer = (path: string, response: ServerResponse): void => {
    response.end(JSON.stringify(path.startsWith("/networks") ? networks : containers));
  };
  test("containers, networks, ports", async () => {
    const target = await server(answer);
    const one = run(`    docker_sd_configs:
      - { host: "tcp://${target.address}", port: 9323, filters: [{ name: status, values: [running] }] }`);
    const found = plain(await one.wait(some));
    const network = {
      __meta_docker_network_id: "n1",
      __meta_docker_network_ingress: "false",
      __meta_docker_network_internal: "false",
      __meta_docker_network_ip: "10.1.0.2",
      __meta_docker_network_label_k: "v",
      __meta_docker_network_name: "a",
      __meta_docker_network_scope: "local",
    };
    expect(found).toEqual([
      {
        __address__: "10.1.0.2:80",
        __meta_docker_container_id: "c1",
        __meta_docker_container_image: "web:1",
        __meta_docker_container_image_id: "sha256:1",
        __meta_docker_container_label_com_example_role: "front",
        __meta_docker_container_name: "/web",
        __meta_docker_container_network_mode: "net",
        ...network,
        __meta_docker_port_private: "80",
        __meta_docker_port_public: "8080",
        __meta_docker_port_public_ip: "0.0.0.0",
      },
      {
        __address__: "10.1.0.2:9323",
        __meta_docker_container_id: "c2",
        __meta_docker_container_name: "/side",
        __meta_docker_container_network_mode: "container:c1",
        ...network,
      },
      {
        __address__: "localhost",
        __meta_docker_container_id: "c3",
        __meta_docker_container_name: "/host",
        __meta_docker_container_network_mode: "host",
        __meta_docker_network_ip: "",
      },
    ]);
    expect(decodeURIComponent(target.requests[0]?.url ?? "")).toBe(
      '/containers/json?filters={"status":["running"]}',
    );
  });
});

test("docker by its socket", async () => {
  const directory = mkdtempSync(join(tmpdir(), "triptych-docker-"));
  const socket = join(directory, "docker.sock");
  const daemon = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(
      '[{"Id":"c","Names":["/x"],"HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":{"host":{}}}}]',
    );
  });
  await new Promise<void>((resolve) => daemon.listen(socket, resolve));
  cleanup.push(() => {
    daemon.closeAllConnections();
    daemon.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const one = run(`    docker_sd_configs: [{ host: "unix://${socket}", host_networking_host: h }]`);
  expect(plain(await one.wait(some))[0]).toMatchObject({
    __address__: "h",
    __meta_docker_container_name: "/x",
  });
});

test("dockerswarm: nodes and tasks", async () => {
  const node = {
    ID: "n",
    Spec: { Role: "manager", Availability: "active", Labels: { zone: "a" } },
    Description: {
      Hostname: "h",
      Platform: { Architecture: "x86_64", OS: "linux" },
      Engine: { EngineVersion: "27" },
    },
    Status: { State: "ready", Addr: "10.0.0.1" },
    ManagerStatus: { Leader: true, Reachability: "reachable", Addr: "10.0.0.1:2377" },
  };
  const lists: { [path: string]: unknown } = {
    "/nodes": [node],
    "/services": [{ ID: "s", Spec: { Name: "web", Mode: { Replicated: {} } } }],
    "/networks": [],
    "/tasks": [
      {
        ID: "t",
        ServiceID: "s",
        NodeID: "n",
        Slot: 2,
        DesiredState: "running",
        Status: { State: "running" },
        NetworksAttachments: [{ Network: { ID: "x" }, Addresses: ["10.5.0.3/24"] }],
      },
    ],
  };
  const target = await server((path, response) => response.end(JSON.stringify(lists[path])));
  const nodes = run(
    `    dockerswarm_sd_configs: [{ host: "http://${target.address}", role: nodes, port: 9100 }]`,
  );
  expect(plain(await nodes.wait(some))[0]).toMatchObject({
    __address__: "10.0.0.1:9100",
    __meta_dockerswarm_node_hostname: "h",
    __meta_dockerswarm_node_label_zone: "a",
    __meta_dockerswarm_node_manager_leader: "true",
    __meta_dockerswarm_node_role: "manager",
  });
  const tasks = run(
    `    dockerswarm_sd_configs: [{ host: "http://${target.address}", role: tasks, port: 80 }]`,
  );
  expect(plain(await tasks.wait(some))[0]).toMatchObject({
    __address__: "10.5.0.3:80",
    __meta_dockerswarm_service_mode: "replicated",
    __meta_dockerswarm_service_name: "web",
    __meta_dockerswarm_task_slot: "2",
    __meta_dockerswarm_node_id: "n",
  });
});

test("consul: services and instances by blocking queries", async () => {
  const held: ServerResponse[] = [];
  let index = 1;
  const instances = {
    index: 10,
    list: [
      {
        Node: {
          Node: "node1",
          Address: "10.0.0.9",
          Meta: { rack: "7" },
          TaggedAddresses: { lan: "10.0.0.9" },
        },
        Service: {
          ID: "web-1",
          Service: "web",
          Address: "",
          Port: 8080,
          Tags: ["v1", "canary"],
          Meta: { "a.b": "c" },
        },
        Checks: [
          { CheckID: "x", Status: "passing" },
          { CheckID: "y", Status: "warning" },
        ],
      },
    ],
  };
  const target = await server((path, response) => {
    const query = new URLSearchParams(path.split("?")[1] ?? "");
    if (path.startsWith("/v1/agent/self")) return response.end('{"Config": {"Datacenter": "dc1"}}');
    const now = path.startsWith("/v1/catalog") ? index : instances.index;
    response.setHeader("x-consul-index", String(now));
    // Nothing is new: a real server holds the question.
    if (query.get("index") === String(now)) return held.push(response);
    return response.end(
      JSON.stringify(
        path.startsWith("/v1/catalog")
          ? { web: ["v1", "canary"], db: [], other: ["v1"] }
          : instances.list,
      ),
    );
  });
  const one = run(`    consul_sd_configs:
      - { server: "${target.address}", tags: [canary], refresh_interval: 1s, token: secret }`);
  expect(plain(await one.wait(some))).toEqual([
    {
      __address__: "10.0.0.9:8080",
      __meta_consul_address: "10.0.0.9",
      __meta_consul_dc: "dc1",
      __meta_consul_health: "warning",
      __meta_consul_metadata_rack: "7",
      __meta_consul_node: "node1",
      __meta_consul_service: "web",
      __meta_consul_service_id: "web-1",
      __meta_consul_service_metadata_a_b: "c",
      __meta_consul_service_port: "8080",
      __meta_consul_tagged_address_lan: "10.0.0.9",
      __meta_consul_tags: ",v1,canary,",
    },
  ]);
  expect(target.requests[0]?.headers["x-consul-token"]).toBe("secret");
  for (let step = 0; step < 100 && held.length < 2; step++) {
    await one.clock.advance(1000);
    await turn();
  }
  expect(held.length).toBeGreaterThanOrEqual(2);
  index = 2;
  instances.index = 11;
  instances.list = [];
  for (const response of held.splice(0)) {
    response.setHeader("x-consul-index", "11");
    response.end("[]");
  }
  await one.wait((groups) => plain(groups).length === 0);
});

test("alertmanagers: addresses by the same discoveries", async () => {
  const clock = createSimClock();
  const { alerting } = configOf(`alerting:
  alertmanagers:
    - scheme: https
      path_prefix: /am/
      static_configs: [{ targets: [a:9093, b:9093] }]
      relabel_configs: [{ source_labels: [__address__], regex: b.*, action: drop }]
`);
  const [config] = alerting.alertmanagers;
  if (config === undefined) throw new Error("no config");
  const addresses = createDiscoveredAddresses(config, { ...depsOf(clock), compileRegex });
  addresses.start();
  await clock.advance(0);
  expect(addresses.active()).toEqual(["https://a:9093/am/api/v2/alerts"]);
  expect(addresses.dropped()).toEqual(["https://b:9093/am/api/v2/alerts"]);
  addresses.close();
});
