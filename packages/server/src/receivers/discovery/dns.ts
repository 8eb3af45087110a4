/** `dns_sd_configs`: SRV records name hosts and ports; A, AAAA, MX and NS name hosts, and the port is configured. */
import { promises as nodeDns } from "node:dns";
import type { DiscoveryConfig } from "../../config/prometheus/discovery-config.ts";
import type { DiscovererDeps } from "./discovery-deps.ts";
import { refreshed } from "./refresh.ts";
import {
  type Discoverer,
  hostPort,
  type LabelSet,
  labelSet,
  type TargetGroup,
} from "./target-group.ts";

/** The part of Node's resolver that is used; names that do not exist give no records. */
export type Resolver = Pick<
  typeof nodeDns,
  "resolveSrv" | "resolve4" | "resolve6" | "resolveMx" | "resolveNs"
>;

type DnsConfig = DiscoveryConfig<"dns_sd_configs">;

const SEARCHED_CODES = ["ENODATA", "ENOTFOUND"];

export function dns(
  config: DnsConfig,
  deps: DiscovererDeps,
  resolver: Resolver = nodeDns,
): Discoverer {
  const last = new Map<string, TargetGroup>();
  return refreshed(config.refresh_interval, deps, async () => {
    const wrong: string[] = [];
    await Promise.all(
      config.names.map(async (name) => {
        try {
          const targets = await lookUp(name, config, resolver);
          last.set(name, { source: name, labels: new Map(), targets });
        } catch (error) {
          wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }),
    );
    // Names that could be looked up count, also when others could not.
    if (wrong.length > 0 && last.size === 0) throw new Error(wrong.join("; "));
    if (wrong.length > 0) deps.failing(wrong.join("; "));
    return [...last.values()];
  });
}

async function lookUp(name: string, config: DnsConfig, resolver: Resolver): Promise<LabelSet[]> {
  try {
    return await records(name, config, resolver);
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    // No records is an answer.
    if (SEARCHED_CODES.includes(String(code))) return [];
    throw error;
  }
}

async function records(
  name: string,
  { type, port }: DnsConfig,
  resolver: Resolver,
): Promise<LabelSet[]> {
  const target = (
    host: string,
    ofPort: number,
    more: { readonly [label: string]: string | number },
  ): LabelSet =>
    labelSet({
      __address__: hostPort(host.replace(/\.+$/, ""), ofPort),
      __meta_dns_name: name,
      ...more,
    });
  // Node leaves the final dot out; with it the labels are what Prometheus gives.
  const rooted = (host: string): string => (host.endsWith(".") ? host : `${host}.`);
  switch (type) {
    case "SRV":
      return (await resolver.resolveSrv(name)).map((one) =>
        target(one.name, one.port, {
          __meta_dns_srv_record_target: rooted(one.name),
          __meta_dns_srv_record_port: one.port,
        }),
      );
    case "MX":
      return (await resolver.resolveMx(name)).map(({ exchange }) =>
        target(exchange, port, { __meta_dns_mx_record_target: rooted(exchange) }),
      );
    case "NS":
      return (await resolver.resolveNs(name)).map((host) =>
        target(host, port, { __meta_dns_ns_record_target: rooted(host) }),
      );
    case "A":
      return (await resolver.resolve4(name)).map((host) => target(host, port, {}));
    case "AAAA":
      return (await resolver.resolve6(name)).map((host) => target(host, port, {}));
    default:
      return type satisfies never;
  }
}
