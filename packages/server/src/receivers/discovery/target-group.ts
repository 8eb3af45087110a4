/** What every discovery gives: groups of targets with labels. */

export type LabelSet = ReadonlyMap<string, string>;

export interface TargetGroup {
  /** Names the group within its discovery: a later group with the same source takes its place. */
  readonly source: string;
  /** Of all its targets. */
  readonly labels: LabelSet;
  /** Each has at least `__address__`. */
  readonly targets: readonly LabelSet[];
}

/** A discovery that runs. It gives all of its groups each time anything changed. */
export interface Discoverer {
  /** Begins; `emit` is called whenever the groups changed, never after `close`. */
  start(emit: (groups: readonly TargetGroup[]) => void): void;
  close(): void;
}

/** Names of labels from names of other systems: what is no letter, digit or underscore becomes an underscore. */
export function labelNameOf(text: string): string {
  return text.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}

/** Labels without those that are empty. */
export function labelSet(entries: {
  readonly [name: string]: string | number | boolean | undefined;
}): Map<string, string> {
  const out = new Map<string, string>();
  for (const [name, value] of Object.entries(entries))
    if (value !== undefined && value !== "") out.set(name, String(value));
  return out;
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number | string): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
