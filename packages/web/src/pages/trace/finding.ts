/** Where the time of a trace went, in the terms of its first sentence. */
import { criticalTimes, type PathPart } from "@triptych/lang";
import type { TraceTree } from "./trace-tree.ts";

export interface TraceFinding {
  /** Service with the most time on the critical path. */
  readonly service: string;
  /** The service that called it there, when it is another one. */
  readonly caller: string | undefined;
  /** Its span with the most. */
  readonly span: number;
  readonly criticalNs: number;
  /** How many spans of that name share the service's time. */
  readonly alike: number;
  readonly failed: readonly number[];
}

export function findWhereTimeWent(
  tree: TraceTree,
  parts: readonly PathPart[],
): TraceFinding | undefined {
  const { spans } = tree.trace;
  const times = criticalTimes(parts, spans.length);
  const byService = new Map<string, number>();
  spans.forEach((span, i) => {
    if ((times[i] ?? 0) > 0)
      byService.set(span.service, (byService.get(span.service) ?? 0) + (times[i] ?? 0));
  });
  const [service, criticalNs] = [...byService].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (service === undefined || criticalNs === undefined) return undefined;
  let top = -1;
  spans.forEach((span, i) => {
    if (span.service === service && (times[i] ?? 0) > (times[top] ?? 0)) top = i;
  });
  const name = spans[top]?.name;
  const alike = spans.filter(
    (span, i) => span.service === service && span.name === name && (times[i] ?? 0) > 0,
  ).length;
  const failed = spans.flatMap((span, i) => (span.status === "error" ? [i] : []));
  return { service, caller: callerOf(tree, top), span: top, criticalNs, alike, failed };
}

function callerOf(tree: TraceTree, span: number): string | undefined {
  const own = tree.trace.spans[span]?.service;
  for (let at = tree.parent[span] ?? -1; at >= 0; at = tree.parent[at] ?? -1) {
    const service = tree.trace.spans[at]?.service;
    if (service !== own) return service;
  }
  return undefined;
}
