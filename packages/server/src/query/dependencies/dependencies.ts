/** The map of services in a time range: calls between services and those to what has no spans, in one list. */
import type { ConnectionType, DependencyEdge, EdgeDurations } from "@triptych/contract";
import {
  type EdgeOptions,
  type StoredEdge,
  selectCalls,
  selectVirtualCalls,
} from "../../store/clickhouse/select/dependencies.ts";
import type { Reader } from "../../store/clickhouse/select/reader.ts";
import type { NsRange } from "../../store/clickhouse/select/traces-filter.ts";

export interface Dependencies {
  readonly edges: readonly DependencyEdge[];
  readonly sampledOneIn: number;
}

/** At most `limit` edges, those with the most calls first. */
export async function readDependencies(
  reader: Reader,
  range: NsRange,
  options: EdgeOptions & { readonly limit: number },
): Promise<Dependencies> {
  const [calls, virtual] = await Promise.all([
    selectCalls(reader, range, options),
    selectVirtualCalls(reader, range, options),
  ]);
  const edges = [...calls.edges, ...virtual.edges].map(edgeOf);
  edges.sort((a, b) => b.calls - a.calls);
  return {
    edges: edges.slice(0, options.limit),
    sampledOneIn: Math.max(calls.every, virtual.every),
  };
}

function edgeOf({ connection, clientNs, serverNs, ...edge }: StoredEdge): DependencyEdge {
  return {
    client: edge.client,
    server: edge.server,
    connectionType: connection as ConnectionType,
    calls: edge.calls,
    failed: edge.failed,
    clientSide: durations(clientNs),
    serverSide: durations(serverNs),
  };
}

function durations([p50 = 0, p95 = 0, p99 = 0]: readonly number[]): EdgeDurations {
  const finite = (value: number): number => (Number.isFinite(value) ? Math.round(value) : 0);
  return { p50Ns: finite(p50), p95Ns: finite(p95), p99Ns: finite(p99) };
}
