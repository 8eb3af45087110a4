/** Which proxy a request goes through, and how to get a connection through it. */
import { BlockList, isIP } from "node:net";
import type { HttpClientConfig } from "../config/prometheus/http-client.ts";

export type Environment = { readonly [name: string]: string | undefined };

/** The proxy for an address, or undefined for none. */
export type ProxyFor = (url: URL) => URL | undefined;

export function proxyOf(config: HttpClientConfig, env: Environment): ProxyFor {
  if (config.proxy_from_environment) {
    const variable = (name: string): string =>
      env[name.toUpperCase()] ?? env[name.toLowerCase()] ?? "";
    const isExempt = exemptions(variable("no_proxy"));
    return (url) => {
      const proxy = variable(url.protocol === "https:" ? "https_proxy" : "http_proxy");
      return proxy === "" || isLoopback(url.hostname) || isExempt(url)
        ? undefined
        : new URL(proxy.includes("://") ? proxy : `http://${proxy}`);
    };
  }
  if (config.proxy_url === "") return () => undefined;
  const proxy = new URL(config.proxy_url);
  if (config.no_proxy === "") return () => proxy;
  const isExempt = exemptions(config.no_proxy);
  return (url) => (isLoopback(url.hostname) || isExempt(url) ? undefined : proxy);
}

function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function isLoopback(hostname: string): boolean {
  const host = bare(hostname);
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** `NO_PROXY`: `*`, addresses, networks, and domains with all below them; each may name a port. */
function exemptions(list: string): (url: URL) => boolean {
  const networks = new BlockList();
  const domains: { readonly suffix: string; readonly self: boolean; readonly port: string }[] = [];
  for (const entry of list.split(",").map((one) => one.trim().toLowerCase())) {
    if (entry === "") continue;
    if (entry === "*") return () => true;
    const [network = "", bits] = entry.split("/");
    const family = isIP(network) === 6 ? "ipv6" : "ipv4";
    if (bits !== undefined && isIP(network) !== 0)
      networks.addSubnet(network, Number(bits), family);
    else if (isIP(entry) !== 0) networks.addAddress(entry, family);
    else {
      const [, host = "", port = ""] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const name = host.startsWith("*.") ? host.slice(1) : host;
      const below = name.startsWith(".");
      domains.push({ suffix: below ? name : `.${name}`, self: !below, port });
    }
  }
  return (url) => {
    const host = bare(url.hostname).toLowerCase();
    const family = isIP(host);
    if (family !== 0 && networks.check(host, family === 6 ? "ipv6" : "ipv4")) return true;
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    return domains.some(
      ({ suffix, self, port: only }) =>
        (only === "" || only === port) &&
        (host.endsWith(suffix) || (self && `.${host}` === suffix)),
    );
  };
}
