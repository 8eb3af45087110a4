/** The map of services as a graph: nodes with how they do, edges with theirs, and words for both. */
import type { DependencyEdge } from "@triptych/contract";
import { formatDuration, formatShare, threeDigits } from "../../charts/format.ts";
import type { State } from "../../components/icon.tsx";
import type { ServiceRow } from "./use-services.ts";

export type NodeKind = "service" | "database" | "queue" | "external";

export interface MapNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly state: State;
  /** Of the state. */
  readonly word: string;
  /** Requests it takes, as itself or its callers see it. */
  readonly calls: number;
  readonly failed: number;
  readonly p95Ns: number;
  /** Absent for what has no spans. */
  readonly row?: ServiceRow;
}

export interface MapEdge {
  readonly edge: DependencyEdge;
  readonly state: State;
  readonly word: string;
  /** From 0 to 1: how thick it is. */
  readonly weight: number;
}

export interface MapGraph {
  readonly nodes: readonly MapNode[];
  readonly edges: readonly MapEdge[];
}

const failedMin = 3;
const shareWarn = 0.01;
const shareCritical = 0.05;

export const kindWords: { readonly [kind in NodeKind]: string } = {
  service: "service",
  database: "database",
  queue: "queue",
  external: "no spans of its own",
};

/** Services without calls stand in the map too. */
export function graphOf(
  edges: readonly DependencyEdge[],
  rows: readonly ServiceRow[] = [],
): MapGraph {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const most = Math.max(1, ...edges.map(({ calls }) => calls));
  const names = new Set([...rows.map(({ name }) => name), ...edges.flatMap(endsOf)]);
  return {
    nodes: [...names].sort().map((name) => nodeOf(name, byName.get(name), edges)),
    edges: edges.map((edge) => ({
      edge,
      // Areas are compared, not lengths: a tenth of the calls is still seen.
      weight: Math.sqrt(edge.calls / most),
      ...edgeState(edge.calls, edge.failed),
    })),
  };
}

const endsOf = ({ client, server }: DependencyEdge): string[] => [client, server];

function nodeOf(
  name: string,
  row: ServiceRow | undefined,
  edges: readonly DependencyEdge[],
): MapNode {
  const incoming = edges.filter(({ server }) => server === name);
  const sum = (of: (edge: DependencyEdge) => number): number =>
    incoming.reduce((total, edge) => total + of(edge), 0);
  if (row !== undefined && row.now.requests > 0) {
    const { state, word } = row.health;
    const { requests: calls, errors: failed, p95Ns } = row.now;
    return { name, kind: "service", state, word, calls, failed, p95Ns, row };
  }
  const [calls, failed] = [sum((edge) => edge.calls), sum((edge) => edge.failed)];
  return {
    name,
    kind: kindOf(incoming),
    ...edgeState(calls, failed),
    calls,
    failed,
    p95Ns: Math.max(0, ...incoming.map(({ clientSide }) => clientSide.p95Ns)),
    ...(row !== undefined && { row }),
  };
}

function kindOf(incoming: readonly DependencyEdge[]): NodeKind {
  if (incoming.some(({ connectionType }) => connectionType === "database")) return "database";
  if (incoming.some(({ connectionType }) => connectionType === "messaging_system")) return "queue";
  return "external";
}

function edgeState(
  calls: number,
  failed: number,
): { readonly state: State; readonly word: string } {
  const share = calls === 0 ? 0 : failed / calls;
  if (calls === 0) return { state: "none", word: "No calls" };
  if (failed < failedMin || share < shareWarn) return { state: "ok", word: "Fine" };
  return share < shareCritical
    ? { state: "warn", word: "Degraded" }
    : { state: "critical", word: "Critical" };
}

/** "12/s, 4 % fail, p95 180 ms". */
export function figureWords(
  of: { readonly calls: number; readonly failed: number; readonly p95Ns: number },
  seconds: number,
): string {
  if (of.calls === 0) return "no calls";
  const failing = of.failed === 0 ? "" : `${formatShare(of.failed / of.calls)} fail`;
  const slow = of.p95Ns === 0 ? "" : `p95 ${formatDuration(of.p95Ns)}`;
  return [`${threeDigits(of.calls / seconds)}/s`, failing, slow].filter(Boolean).join(", ");
}

export function edgeFigures({ calls, failed, clientSide, serverSide }: DependencyEdge) {
  return { calls, failed, p95Ns: clientSide.p95Ns === 0 ? serverSide.p95Ns : clientSide.p95Ns };
}

/** The sentence of the map. */
export function mapSummary({ nodes, edges }: MapGraph): string {
  const bad = nodes.filter(({ state }) => state === "critical" || state === "warn");
  const worst = bad.map(({ name, word }) => `${name} is ${word.toLowerCase()}`).slice(0, 5);
  return `Map of ${nodes.length} nodes and ${edges.length} connections. ${
    worst.length === 0 ? "None is in trouble." : `${worst.join(", ")}.`
  }`;
}
