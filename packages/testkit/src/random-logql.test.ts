import { parseLogql } from "@triptych/lang";
import { describe, expect, test } from "vitest";
import { randomLogStreams } from "./random-log-lines.ts";
import { createRandomLogql } from "./random-logql.ts";
import { createRng } from "./rng.ts";

describe("random LogQL", () => {
  const parses = (query: string): boolean => {
    try {
      parseLogql(query);
      return true;
    } catch {
      return false;
    }
  };
  test("the same seed gives the same queries, nearly all of them right", () => {
    const queriesOf = (seed: number): string[] => {
      const random = createRandomLogql(createRng(seed));
      return Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0 ? random.lines() : random.numbers(),
      );
    };
    const queries = queriesOf(7);
    expect(queriesOf(7)).toEqual(queries);
    expect(queries.filter(parses).length).toBeGreaterThan(180);
  });
  test("streams have lines in order of time", () => {
    const size = { streams: 6, entriesPerStream: 20, fromNs: 0n, toNs: 600_000_000_000n };
    const streams = randomLogStreams(createRng(1), size);
    expect(streams.map(({ labels }) => labels["app"])).toContain("packed");
    for (const { entries } of streams)
      for (const [i, { timeNs }] of entries.entries())
        expect(timeNs).toBeGreaterThan(entries[i - 1]?.timeNs ?? -1n);
  });
});
