import { describe, expect, test } from "vitest";
import type { Interval } from "../query/traces/self-time.ts";
import { attribute, type CallSpan, type SlowSample, waitsOf } from "./attribution.ts";

const S = 1e9;
const over = (service: string, p95 = 3, requests = 100, slow = 20) => ({
  service,
  requests,
  slow,
  p95Ns: p95 * S,
});
const sample = (
  service: string,
  seconds: number,
  waits: { readonly [callee: string]: readonly (readonly [number, number])[] } = {},
): SlowSample => ({
  service,
  durationNs: seconds * S,
  waits: new Map(
    Object.entries(waits).map(([callee, list]) => [
      callee,
      list.map(([from, to]): Interval => [from * S, to * S]),
    ]),
  ),
});

describe("who is guilty", () => {
  const check = (
    name: string,
    input: {
      over: ReturnType<typeof over>[];
      samples: SlowSample[];
      open?: string[];
    },
    want: { guilty: string[]; unsure?: string[] },
  ) =>
    test(name, () => {
      const verdict = attribute({
        over: input.over,
        samples: input.samples,
        open: new Set(input.open ?? []),
        thresholdNs: 2 * S,
      });
      expect([...verdict.guilty].sort()).toEqual(want.guilty);
      expect([...verdict.unsure].sort()).toEqual(want.unsure ?? []);
    });

  check(
    "slow by itself",
    { over: [over("pay")], samples: [sample("pay", 3)] },
    { guilty: ["pay"] },
  );
  check(
    "slow by itself, its traces unknown",
    { over: [over("pay")], samples: [] },
    { guilty: ["pay"] },
  );
  check(
    "waits for a slow service",
    {
      over: [over("order"), over("pay")],
      samples: [sample("order", 3, { pay: [[0.1, 2.9]] }), sample("pay", 2.8)],
    },
    { guilty: ["pay"] },
  );
  check(
    "a chain ends at its last link",
    {
      over: [over("gateway"), over("order"), over("pay")],
      samples: [
        sample("gateway", 3.2, { order: [[0, 3.1]] }),
        sample("order", 3, { pay: [[0.1, 2.9]] }),
        sample("pay", 2.8),
      ],
    },
    { guilty: ["pay"] },
  );
  check(
    "waits for a service whose incident is open though it is no longer above the threshold",
    { over: [over("order")], open: ["pay"], samples: [sample("order", 3, { pay: [[0, 2.5]] })] },
    { guilty: [] },
  );
  check(
    "is slow itself and also calls a slow service",
    {
      over: [over("order"), over("pay")],
      samples: [sample("order", 6, { pay: [[0, 2.5]] }), sample("pay", 2.5)],
    },
    { guilty: ["order", "pay"] },
  );
  check(
    "without the waiting it would not be slow",
    {
      over: [over("order"), over("pay")],
      samples: [sample("order", 4.2, { pay: [[0, 2.3]] }), sample("pay", 2.3)],
    },
    // 1.9 s of its own are below the threshold, although it is nearly half of the time.
    { guilty: ["pay"] },
  );
  check(
    "parallel calls are counted once",
    {
      over: [over("order"), over("pay"), over("stock")],
      samples: [
        sample("order", 6, { pay: [[0, 2.5]], stock: [[0, 2.5]] }),
        sample("pay", 2.5),
        sample("stock", 2.5),
      ],
    },
    { guilty: ["order", "pay", "stock"] },
  );
  check(
    "most requests wait, too few are slow by themselves",
    {
      over: [over("order", 3, 100, 20), over("pay")],
      samples: [
        ...Array.from({ length: 9 }, () => sample("order", 3, { pay: [[0, 2.8]] })),
        sample("order", 3),
        sample("pay", 2.8),
      ],
    },
    { guilty: ["pay"] },
  );
  check(
    "waits for something of which nothing is known yet",
    { over: [over("order")], samples: [sample("order", 3, { "": [[0, 2.8]] })] },
    { guilty: ["order"], unsure: ["order"] },
  );
  check(
    "waits for a service that is not slow so far",
    { over: [over("order")], samples: [sample("order", 3, { pay: [[0, 2.8]] })] },
    { guilty: ["order"], unsure: ["order"] },
  );
  check(
    "two that wait for each other: the slower one",
    {
      over: [over("a", 3), over("b", 4)],
      samples: [sample("a", 3, { b: [[0, 2.9]] }), sample("b", 4, { a: [[0, 3.9]] })],
    },
    { guilty: ["b"] },
  );
});

describe("when a request waits", () => {
  const span = (
    id: string,
    service: string,
    kind: string,
    [from, to]: [number, number],
  ): CallSpan => ({
    spanId: id,
    service,
    kind,
    startNs: BigInt(from),
    durationNs: to - from,
  });
  const request = span("r", "order", "Server", [100, 200]);
  const check = (
    name: string,
    children: { readonly [parent: string]: readonly CallSpan[] },
    want: { readonly [callee: string]: readonly Interval[] },
  ) =>
    test(name, () =>
      expect(Object.fromEntries(waitsOf(request, new Map(Object.entries(children))))).toEqual(want),
    );
  check("no spans below", {}, {});
  check(
    "a call and its other side",
    { r: [span("c", "order", "Client", [110, 150])], c: [span("s", "pay", "Server", [112, 148])] },
    { pay: [[10, 50]] },
  );
  check(
    "a call below inner spans",
    {
      r: [span("i", "order", "Internal", [105, 190])],
      i: [span("c", "order", "Client", [110, 150])],
      c: [span("s", "pay", "Server", [112, 148])],
    },
    { pay: [[10, 50]] },
  );
  check(
    "a call with no other side",
    { r: [span("c", "order", "Client", [110, 150])] },
    { "": [[10, 50]] },
  );
  check(
    "another service without a client span",
    { r: [span("s", "pay", "Server", [112, 148])] },
    { pay: [[12, 48]] },
  );
  check(
    "nested client spans count once",
    {
      r: [span("c", "order", "Client", [110, 150])],
      c: [span("d", "order", "Client", [111, 149])],
      d: [span("s", "pay", "Server", [112, 148])],
    },
    { pay: [[10, 50]] },
  );
  check(
    "nobody waits for messages",
    {
      r: [span("p", "order", "Producer", [110, 111]), span("k", "mail", "Consumer", [120, 900])],
      p: [span("k2", "mail", "Consumer", [120, 900])],
    },
    {},
  );
  check(
    "spans that are their own ancestors",
    {
      r: [span("i", "order", "Internal", [105, 190])],
      i: [span("r", "order", "Internal", [100, 200]), span("i", "order", "Internal", [105, 190])],
    },
    {},
  );
});
