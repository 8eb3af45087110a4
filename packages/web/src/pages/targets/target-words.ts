/** What the error of a scrape means, and the way out. */

export interface Trouble {
  readonly what: string;
  readonly fix: string;
}

interface Knowledge {
  readonly pattern: RegExp;
  readonly what: (found: RegExpExecArray, url: string) => string;
  readonly fix: string;
}

const known: readonly Knowledge[] = [
  {
    pattern: /connection refused|ECONNREFUSED/i,
    what: (_, url) => `Nothing listens at ${hostOf(url)}`,
    fix: "Is the process running, and on this port? In a container, the address must be one that this process can reach.",
  },
  {
    pattern: /no such host|ENOTFOUND|EAI_AGAIN/i,
    what: (_, url) => `The name ${hostOf(url)} is not known`,
    fix: "Correct the name under targets, or make it known to the DNS of this machine.",
  },
  {
    pattern: /no route to host|EHOSTUNREACH|network is unreachable|ENETUNREACH/i,
    what: (_, url) => `There is no way to ${hostOf(url)}`,
    fix: "Check the network and the firewall between this process and the target.",
  },
  {
    pattern: /deadline exceeded|timed? ?out|ETIMEDOUT/i,
    what: () => "It did not answer in time",
    fix: "Raise scrape_timeout (at most the interval), expose less, or see why the target is slow.",
  },
  {
    pattern: /HTTP status (401|403)/i,
    what: ([, status]) => `It wants other credentials (${status})`,
    fix: "Set basic_auth, authorization or oauth2 of the job.",
  },
  {
    pattern: /HTTP status 404/i,
    what: (_, url) => `There is nothing at ${pathOf(url)}`,
    fix: "Set metrics_path of the job to where the target exposes its metrics.",
  },
  {
    pattern: /HTTP status (5\d\d)/i,
    what: ([, status]) => `It failed itself (${status})`,
    fix: "Look into the target's own log.",
  },
  {
    pattern: /HTTP status (\d+)/i,
    what: ([, status]) => `It answered ${status}`,
    fix: "Open its address and see what it says.",
  },
  {
    pattern: /x509|certificate|tls:|SSL|EPROTO/i,
    what: () => "Its certificate or its TLS is not accepted",
    fix: "Set tls_config of the job: ca_file for an own authority, server_name for another name.",
  },
  {
    pattern:
      /sample_limit|sample limit|label_limit|label_name_length|label_value_length|bucket_limit/i,
    what: () => "It exposes more than the job's limits allow",
    fix: "Expose less, drop some with metric_relabel_configs, or raise the limit.",
  },
  {
    pattern: /body_size_limit|body size|too large/i,
    what: () => "Its answer is larger than allowed",
    fix: "Expose less, or raise body_size_limit.",
  },
  {
    pattern: /unsupported content-type|content type|Content-Type/i,
    what: () => "What it sends does not say that it is metrics",
    fix: "Is it the right path? For old exporters set fallback_scrape_protocol: PrometheusText0.0.4.",
  },
  {
    pattern: /EOF|socket hang up|ECONNRESET|connection reset/i,
    what: () => "It closed the connection before the answer was whole",
    fix: "Look into the target's own log; it may restart, or speak TLS where http is configured.",
  },
  {
    pattern: /expected|unexpected|invalid|malformed|parse|wire_/i,
    what: () => "What it sends is no metrics format",
    fix: "Open its address and look at the line that is named. Is it the right path?",
  },
];

/** Undefined when the target is well. */
export function troubleOf(lastError: string, url: string): Trouble | undefined {
  if (lastError === "") return undefined;
  for (const { pattern, what, fix } of known) {
    const found = pattern.exec(lastError);
    if (found !== null) return { what: what(found, url), fix };
  }
  return { what: "The scrape failed", fix: "" };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}

export interface PoolCounts {
  readonly name: string;
  readonly up: number;
  readonly down: number;
  readonly unknown: number;
}

export type TargetsFinding =
  | { readonly kind: "none" }
  | {
      readonly kind: "down";
      readonly down: number;
      readonly all: number;
      readonly jobs: readonly string[];
    }
  | { readonly kind: "waiting"; readonly waiting: number; readonly all: number }
  | { readonly kind: "up"; readonly all: number };

export function findingOf(pools: readonly PoolCounts[]): TargetsFinding {
  const sum = (of: (pool: PoolCounts) => number): number =>
    pools.reduce((total, pool) => total + of(pool), 0);
  const all = sum(({ up, down, unknown }) => up + down + unknown);
  const down = sum((pool) => pool.down);
  const waiting = sum((pool) => pool.unknown);
  if (all === 0) return { kind: "none" };
  if (down > 0) {
    const jobs = pools.filter((pool) => pool.down > 0).sort((a, b) => b.down - a.down);
    return { kind: "down", down, all, jobs: jobs.map(({ name }) => name) };
  }
  return waiting > 0 ? { kind: "waiting", waiting, all } : { kind: "up", all };
}
