/** What one filter asks of events holds for one of them, in the store as in memory; and likewise of links. */
import { parseTraceql, showStatic } from "@triptych/lang";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createReader } from "../../store/clickhouse/select/reader.ts";
import { openTestStore, spanIdOf, type TestStore } from "../../store/clickhouse/select/testing.ts";
import { searchTraceql } from "./search.ts";

const T0 = 1_700_000_040n * 1_000_000_000n;

type Fields = { readonly [key: string]: string | number };
const attributes = (fields: Fields): object[] =>
  Object.entries(fields).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: value } : { stringValue: value },
  }));

interface Given {
  readonly name: string;
  readonly events?: readonly (readonly [string, Fields])[];
  readonly links?: readonly Fields[];
}
const given: readonly Given[] = [
  {
    name: "s0",
    events: [
      ["a", { lvl: "x", q: 1 }],
      ["b", { lvl: "y" }],
    ],
  },
  {
    name: "s1",
    events: [
      ["a", { lvl: "y" }],
      ["b", { lvl: "x" }],
    ],
  },
  { name: "s2", events: [["a", { lvl: "x" }]] },
  { name: "s3", events: [["b", { lvl: "y" }]] },
  { name: "s4" },
  {
    name: "s5",
    events: [
      ["a", {}],
      ["b", { lvl: "y", q: 7 }],
    ],
  },
  {
    name: "s6",
    links: [
      { r: 1, s: 1 },
      { r: 2, s: 2 },
    ],
  },
  { name: "s7", links: [{ r: 1, s: 2 }] },
];

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
  const spans = given.map(({ name, events = [], links = [] }, i) => ({
    ...{ traceId: (i + 1).toString(16).padStart(32, "e"), spanId: spanIdOf(i + 1), name },
    ...{ startTimeUnixNano: String(T0), endTimeUnixNano: String(T0 + 5_000_000n) },
    events: events.map(([event, fields], k) => ({
      timeUnixNano: String(T0 + BigInt(k) * 1_000_000n),
      name: event,
      attributes: attributes(fields),
    })),
    links: links.map((fields, k) => ({
      traceId: "f".repeat(32),
      spanId: spanIdOf(k + 1),
      attributes: attributes(fields),
    })),
  }));
  await store.add({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
});
afterAll(() => store.close());

const check = (filter: string, wanted: string) =>
  test(filter, async () => {
    const query = parseTraceql(`{ ${filter} }`);
    if (query.kind !== "spansets") throw new Error("not a search");
    const { traces } = await searchTraceql(createReader(store.engine), query.pipeline, {
      range: { fromNs: T0 - 1n, toNs: T0 + 1n },
      limit: 100,
      spansPerSpanset: 10,
    });
    expect(traces.map(({ rootName }) => rootName).sort()).toEqual(
      wanted.split(" ").filter((name) => name !== ""),
    );
  });

check(`event:name = "a" && event.lvl = "y"`, "s1");
check(`event:name = "b" && event.lvl = "x"`, "s1");
check(`event:name = "a" && event:name = "b"`, "");
check(`event.lvl = "x" && event.lvl = "y"`, "");
check(`event:name = "a" && event.q = 1 && event.lvl = "y"`, "");
check(`event:name = "a" && name =~ "s." && event.lvl = "y"`, "s1");
check(`event:name = "a" && event.lvl = nil`, "s5");
check(`event:name != "a" && event.q != nil`, "s5");
check(`event:name =~ "a|c" && event.lvl !~ "y|z"`, "s0 s2");
check(`event:name = "b" && !(event.lvl = "x")`, "s0 s3 s5");
check(`event:name = "b" && (event.lvl = "x" || event.q > 5)`, "s1 s5");
check(`(event:name = "a" && event.lvl = "y") || name = "s4"`, "s1 s4");
check(`!(event:name = "a" && event.lvl = "y")`, "s0 s2 s3 s4 s5 s6 s7");
check(`event:timeSinceStart > 500us && event:name = "a"`, "");
check(`event:timeSinceStart > 500us && event:name = "b"`, "s0 s1 s5");
check(`"a" = event:name && event.lvl = "y"`, "s1");
check(`link.r = 1 && link.s = 2`, "s7");
check(`link:spanID = "${spanIdOf(1)}" && link.s = 2`, "s7");
check(`event:name = "a" || event.lvl = "y"`, "s0 s1 s2 s3 s5");
check(`event.q = 1`, "s0");

const standing = (query: string, wanted: readonly string[]) =>
  test(query, async () => {
    const parsed = parseTraceql(query);
    if (parsed.kind !== "spansets") throw new Error("not a search");
    const { traces } = await searchTraceql(createReader(store.engine), parsed.pipeline, {
      range: { fromNs: T0 - 1n, toNs: T0 + 1n },
      limit: 100,
      spansPerSpanset: 10,
    });
    const shown = traces.map(({ rootName, spansets: [set] }) => {
      const pairs = [...(set?.attributes ?? []), ...(set?.spans[0]?.attributes ?? [])];
      return `${rootName} ${pairs.map(([name, value]) => `${name}=${showStatic(value)}`).join(" ")}`;
    });
    expect(shown.sort()).toEqual(wanted);
  });

// What fits stands for the span, in groups and where it is shown.
standing(`{ event:name = "b" } | select(event.lvl)`, [
  "s0 event:name=b lvl=y",
  "s1 event:name=b lvl=x",
  "s3 event:name=b lvl=y",
  "s5 event:name=b lvl=y",
]);
standing(`{ event.lvl = "x" } | by(event:name)`, [
  "s0 by(event:name)=a lvl=x event:name=a",
  "s1 by(event:name)=b lvl=x event:name=b",
  "s2 by(event:name)=a lvl=x event:name=a",
]);
standing(`{ link.s = 2 } | select(link.r)`, ["s6 s=2 r=2", "s7 s=2 r=1"]);
