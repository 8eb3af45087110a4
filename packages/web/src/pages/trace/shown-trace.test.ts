import type { TraceOutline } from "@triptych/contract";
import { describe, expect, test } from "vitest";
import { detailsFrom, ownDetails, shownTrace } from "./shown-trace.ts";
import { traceOf } from "./trace-fixture.ts";

const outline: TraceOutline = {
  traceId: "1".padStart(32, "0"),
  startNs: "1773325385000000000",
  durationNs: 100,
  rootMissing: false,
  services: ["shop", "cart"],
  names: ["GET /", "add"],
  columns: {
    spanId: ["a", "b", "c"],
    parent: [-1, 0, -1],
    name: [0, 1, 1],
    service: [0, 1, 1],
    kind: "241",
    status: "020",
    offsetNs: [0, 10, 20],
    durationNs: [100, 5, 6],
  },
  orphans: [[2, "gone"]],
  statusMessages: [[1, "broke"]],
  skewNs: [[1, -3]],
  dropped: [[2, { attributes: 1, events: 0, links: 0 }]],
  tookMs: 1,
  rowsRead: 3,
  bytesRead: 0,
  marks: [],
};

describe("an outline", () => {
  const { spans, isOutline } = shownTrace(outline);
  test("has its spans", () => {
    expect(isOutline).toBe(true);
    expect(spans.map((span) => [span.spanId, span.parentSpanId, span.name, span.service])).toEqual([
      ["a", "", "GET /", "shop"],
      ["b", "a", "add", "cart"],
      ["c", "gone", "add", "cart"],
    ]);
    expect(spans.map((span) => `${span.kind} ${span.status} ${span.statusMessage}`)).toEqual([
      "server unset ",
      "producer error broke",
      "internal unset ",
    ]);
    expect(spans[1]?.skewNs).toBe(-3);
    expect(spans[2]?.dropped?.attributes).toBe(1);
  });
  test("has no details, and takes them from another answer at its own times", () => {
    const shown = spans[1];
    if (shown === undefined) throw new Error("there are three spans");
    expect(ownDetails(shownTrace(outline), shown)).toBeUndefined();
    const answer = traceOf([["b", "a", 0, 5]], (span) => ({
      ...span,
      attributes: [["k", "string", "v"]],
      events: [{ name: "e", offsetNs: 2, attributes: [] }],
    }));
    const details = detailsFrom(answer, shown);
    expect(details?.span.attributes).toEqual([["k", "string", "v"]]);
    expect(details?.span.offsetNs).toBe(10);
    expect(details?.span.events[0]?.offsetNs).toBe(12);
  });
});
test("a whole trace has the details", () => {
  const trace = shownTrace(traceOf([["a", "", 0, 5]]));
  expect(trace.isOutline).toBe(false);
  const [span] = trace.spans;
  expect(span && ownDetails(trace, span)?.span.attributes).toEqual([]);
});
