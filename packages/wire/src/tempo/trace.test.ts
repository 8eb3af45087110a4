import { describe, expect, test } from "vitest";
import { type TempoSpan, tempoTraceJson, tempoTraceProtobuf } from "./trace.ts";

const none = { entries: [], kinds: "" };
const span = (id: number, service: string, scopeName = "lib"): TempoSpan => ({
  ...{ traceId: "1".repeat(32), spanId: String(id).padStart(16, "0"), parentSpanId: "" },
  ...{ traceState: "", name: String(id), kind: "Server", status: "Unset", statusMessage: "" },
  ...{ startNs: 1n, durationNs: 1, scopeName, scopeVersion: "", scope: none, attributes: none },
  resource: { entries: [["service.name", service]], kinds: "" },
  ...{ events: [], links: [], dropped: { attributes: 0, events: 0, links: 0 } },
});

interface Answer {
  readonly resource: { readonly attributes: readonly { readonly value: object }[] };
  readonly scopeSpans: readonly {
    readonly scope: { readonly name?: string };
    readonly spans: readonly { readonly name: string }[];
  }[];
}
const shapeOf = (spans: readonly TempoSpan[]): string =>
  (JSON.parse(`[${[...tempoTraceJson(spans)].join("")}]`) as Answer[])
    .map(({ resource, scopeSpans }) => {
      const scopes = scopeSpans.map(
        ({ scope, spans: own }) => `${scope.name}(${own.map(({ name }) => name).join(" ")})`,
      );
      const [service] = resource.attributes.map(({ value }) => Object.values(value)[0]);
      return `${service}: ${scopes.join(" ")}`;
    })
    .join("; ");

/** Sizes of the messages that stand one after another, without a look inside. */
function messages(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    let size = 0;
    let shift = 0;
    let byte = 0x80;
    for (at++; byte >= 0x80; shift += 7) {
      byte = bytes[at++] as number;
      size += (byte & 0x7f) << shift;
    }
    at += size;
  }
  return count;
}

describe("spans of one resource and scope stand together", () => {
  const check = (want: string, ...spans: TempoSpan[]) =>
    test(want, () => {
      expect(shapeOf(spans)).toBe(want);
      const bytes = Buffer.concat([...tempoTraceProtobuf(spans)]);
      expect(messages(bytes)).toBe(want === "" ? 0 : want.split(";").length);
    });
  check("");
  check("a: lib(1)", span(1, "a"));
  check(
    "a: lib(1 3 5); b: lib(2 4)",
    ...[span(1, "a"), span(2, "b"), span(3, "a"), span(4, "b"), span(5, "a")],
  );
  check("a: x(1 3) y(2)", span(1, "a", "x"), span(2, "a", "y"), span(3, "a", "x"));
});

test("of more spans than are held at once a resource comes again", () => {
  const spans = Array.from({ length: 10_002 }, (_, i) => span(i, i % 2 === 0 ? "a" : "b"));
  const pieces = [...tempoTraceJson(spans)];
  const parts = JSON.parse(`[${pieces.join("")}]`) as Answer[];
  expect(parts.map(({ scopeSpans }) => scopeSpans[0]?.spans.length)).toEqual([5000, 5000, 1, 1]);
  // While spans are put together the caller gets to do something else.
  expect(pieces.filter((piece) => piece === "").length).toBeGreaterThan(150);
});
