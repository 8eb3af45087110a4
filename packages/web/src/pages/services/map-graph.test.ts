import type { ConnectionType, DependencyEdge } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { edgeFigures, figureWords, graphOf, mapSummary } from "./map-graph.ts";
import { healthOf } from "./service-health.ts";

const none = { p50Ns: 0, p95Ns: 0, p99Ns: 0 };
const edge = (
  client: string,
  server: string,
  calls: number,
  failed = 0,
  connectionType: ConnectionType = "",
): DependencyEdge => ({
  ...{ client, server, connectionType, calls, failed, serverSide: none },
  clientSide: { ...none, p95Ns: calls * 1e6 },
});
const row = (name: string, requests: number, errors = 0) => {
  const now = { requests, errors, p95Ns: 5e6 };
  return { name, now, health: healthOf(now, undefined, 1), p50Ns: 0, p99Ns: 0, red: undefined };
};

const graph = graphOf(
  [
    edge("web", "pay", 100, 20),
    edge("pay", "orders-db", 25, 0, "database"),
    edge("pay", "acme", 4, 1, "virtual_node"),
    edge("pay", "mails", 400, 8, "messaging_system"),
  ],
  [row("pay", 100, 20), row("web", 50), row("alone", 3)],
);

test("every service is there, and what they call", () =>
  expect(graph.nodes.map(({ name, kind, word }) => `${name}: ${kind}, ${word}`)).toEqual([
    "acme: external, Fine",
    "alone: service, Fine",
    "mails: queue, Degraded",
    "orders-db: database, Fine",
    "pay: service, Critical",
    "web: service, Fine",
  ]));
test("thickness goes with the root of the calls", () =>
  expect(graph.edges.map(({ weight }) => weight)).toEqual([0.5, 0.25, 0.1, 1]));
test("states of edges", () =>
  expect(graph.edges.map(({ state }) => state)).toEqual(["critical", "ok", "ok", "warn"]));
test("summary", () =>
  expect(mapSummary(graph)).toBe(
    "Map of 6 nodes and 4 connections. mails is degraded, pay is critical.",
  ));
describe("figures in words", () => {
  const check = (given: DependencyEdge, want: string) =>
    test(want, () =>
      expect(figureWords(edgeFigures(given), 10).replaceAll("\u00a0", " ")).toBe(want),
    );
  check(edge("a", "b", 100, 20), "10/s, 20 % fail, p95 100 ms");
  check(edge("a", "b", 0), "no calls");
  check({ ...edge("a", "b", 5), clientSide: none }, "0.5/s");
});
