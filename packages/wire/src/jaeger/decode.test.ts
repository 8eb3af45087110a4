/** Jaeger's encodings: one span the same in all of them, the mapping's rules, and input nobody should trust. */
import { fileURLToPath } from "node:url";
import { asTriptychError, defaultLimits, type Limits } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spanRows } from "../otlp/rows-for-tests.ts";
import { drain } from "../otlp/steps.ts";
import {
  bool,
  double,
  i32,
  i64,
  list,
  struct,
  type ThriftValue,
  text,
  writeCall,
  writeStruct,
} from "../thrift/encode-for-tests.ts";
import { field, id8, numberField, textField } from "../zipkin/encode-for-tests.ts";
import { decodeJaeger, type JaegerEncoding } from "./decode.ts";

interface Row {
  readonly [column: string]: unknown;
  readonly attributes: readonly string[];
}
function decode(
  body: readonly number[] | Uint8Array,
  encoding: JaegerEncoding = "thrift-batch",
  limits: Partial<Limits> = {},
): Row[] {
  const options = { limits: { ...defaultLimits, ...limits } };
  return spanRows(drain(decodeJaeger(Uint8Array.from(body), encoding, options))) as Row[];
}
const failure = (run: () => unknown) => {
  try {
    run();
  } catch (thrown) {
    return asTriptychError(thrown);
  }
  throw new Error("nothing was refused");
};

const tag = (key: string, value: string | boolean | bigint | number | Uint8Array): ThriftValue => {
  const name = [1, text(key)] as const;
  if (typeof value === "string") return struct(name, [2, i32(0)], [3, text(value)]);
  if (typeof value === "number") return struct(name, [2, i32(1)], [4, double(value)]);
  if (typeof value === "boolean") return struct(name, [2, i32(2)], [5, bool(value)]);
  if (typeof value === "bigint") return struct(name, [2, i32(3)], [6, i64(value)]);
  return struct(name, [2, i32(4)], [7, text(value)]);
};
const reference = (isChild: boolean, trace: bigint, span: bigint) =>
  struct([1, i32(isChild ? 0 : 1)], [2, i64(trace)], [3, i64(0n)], [4, i64(span)]);

interface Parts {
  readonly traceLow?: bigint;
  readonly traceHigh?: bigint;
  readonly spanId?: bigint;
  readonly parentId?: bigint;
  readonly references?: readonly ThriftValue[];
  readonly tags?: readonly ThriftValue[];
  readonly logs?: readonly ThriftValue[];
}
const spanOf = (parts: Parts): ThriftValue =>
  struct(
    [1, i64(parts.traceLow ?? 1n)],
    [2, i64(parts.traceHigh ?? 0n)],
    [3, i64(parts.spanId ?? 2n)],
    [4, i64(parts.parentId ?? 0n)],
    [5, text("op")],
    [6, list(...(parts.references ?? []))],
    [7, i32(1)],
    [8, i64(1_700_000_000_000_001n)],
    [9, i64(250n)],
    [10, list(...(parts.tags ?? []))],
    [11, list(...(parts.logs ?? []))],
    [12, bool(false)],
  );
const batchOf = (...spans: ThriftValue[]) =>
  struct(
    [1, struct([1, text("shop")], [2, list(tag("hostname", "node-1"), tag("pid", 7n))])],
    [2, list(...spans)],
  );
const bare = (batch: ThriftValue) =>
  batch.type === "struct" ? writeStruct(batch.value, "binary") : [];
const one = (parts: Parts, limits: Partial<Limits> = {}): Row => {
  const [row] = decode(bare(batchOf(spanOf(parts))), "thrift-batch", limits);
  if (row === undefined) throw new Error("no row");
  return row;
};

const full = spanOf({
  traceHigh: -2n,
  spanId: -1n,
  parentId: 9n,
  references: [reference(true, 1n, 9n), reference(false, 5n, 6n)],
  tags: [
    tag("span.kind", "client"),
    tag("error", true),
    tag("retries", -3n),
    tag("ratio", 0.25),
    tag("cached", false),
    tag("raw", Uint8Array.of(1, 2, 255)),
    tag("otel.scope.name", "lib"),
    tag("otel.scope.version", "2"),
    tag("otel.status_description", "no money"),
  ],
  logs: [struct([1, i64(1_700_000_000_000_010n)], [2, list(tag("event", "retry"), tag("n", 1n))])],
});

describe("encodings", () => {
  const body = bare(batchOf(full));

  test("every column of a thrift span", async () => {
    const shown = JSON.stringify(
      decode(body),
      (_, value: unknown) => (typeof value === "bigint" ? String(value) : value),
      2,
    );
    const corpus = new URL("../../../../corpus/wire/jaeger/span.rows.json", import.meta.url);
    await expect(`${shown}\n`).toMatchFileSnapshot(fileURLToPath(corpus));
  });

  test("calls in both encodings carry the same", () => {
    const args = [[1, batchOf(full)]] as const;
    const want = decode(body);
    expect(decode(writeCall("emitBatch", args, "binary"), "thrift-call-binary")).toEqual(want);
    expect(decode(writeCall("emitBatch", args, "compact"), "thrift-call-compact")).toEqual(want);
  });

  test("protobuf carries the same", () => {
    const time = (number: number, seconds: bigint, nanos: number) =>
      field(number, [...numberField(1, seconds), ...numberField(2, nanos)]);
    const doubleBytes = new Uint8Array(8);
    new DataView(doubleBytes.buffer).setFloat64(0, 0.25, true);
    const ref = (isChild: boolean, high: bigint, low: bigint, span: bigint) =>
      field(4, [
        ...field(1, [...id8(high), ...id8(low)]),
        ...field(2, id8(span)),
        ...(isChild ? [] : numberField(3, 1)),
      ]);
    const kv = (number: number, key: string, rest: number[]) =>
      field(number, [...textField(1, key), ...rest]);
    const span = field(1, [
      ...field(1, [...id8(2n ** 64n - 2n), ...id8(1n)]),
      ...field(2, id8(2n ** 64n - 1n)),
      ...textField(3, "op"),
      ...ref(true, 2n ** 64n - 2n, 1n, 9n),
      ...ref(false, 0n, 5n, 6n),
      ...numberField(5, 1),
      ...time(6, 1_700_000_000n, 1_000),
      ...time(7, 0n, 250_000),
      ...kv(8, "span.kind", textField(3, "client")),
      ...kv(8, "error", [...numberField(2, 1), ...numberField(4, 1)]),
      ...kv(8, "retries", [...numberField(2, 2), ...numberField(5, -3)]),
      ...kv(8, "ratio", [...numberField(2, 3), 49, ...doubleBytes]),
      ...kv(8, "cached", numberField(2, 1)),
      ...kv(8, "raw", [...numberField(2, 4), ...field(7, [1, 2, 255])]),
      ...kv(8, "otel.scope.name", textField(3, "lib")),
      ...kv(8, "otel.scope.version", textField(3, "2")),
      ...kv(8, "otel.status_description", textField(3, "no money")),
      ...field(9, [
        ...time(1, 1_700_000_000n, 10_000),
        ...kv(2, "event", textField(3, "retry")),
        ...kv(2, "n", [...numberField(2, 2), ...numberField(5, 1)]),
      ]),
    ]);
    const process = field(2, [
      ...textField(1, "shop"),
      ...kv(2, "hostname", textField(3, "node-1")),
      ...kv(2, "pid", [...numberField(2, 2), ...numberField(5, 7)]),
    ]);
    expect(decode(field(1, [...span, ...process]), "protobuf")).toEqual(decode(body));
  });

  test("ids come out as they went in", () => {
    const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
    const hex = (value: bigint) => value.toString(16).padStart(16, "0");
    fc.assert(
      fc.property(id, id, id, (high, low, spanId) => {
        const signed = (value: bigint) => BigInt.asIntN(64, value);
        const span = spanOf({
          traceHigh: signed(high),
          traceLow: signed(low),
          spanId: signed(spanId),
        });
        const call = writeCall("emitBatch", [[1, batchOf(span)]], "compact");
        expect(decode(call, "thrift-call-compact")).toMatchObject([
          { traceId: hex(high) + hex(low), spanId: hex(spanId) },
        ]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("mapping", () => {
  const status = (name: string, tags: ThriftValue[], want: string) =>
    test(name, () => expect(one({ tags })).toMatchObject({ status: want }));
  status("nothing said", [], "0 ");
  status("error false", [tag("error", false)], "0 ");
  status("error as text", [tag("error", "true")], "2 ");
  status("a status code", [tag("otel.status_code", "OK")], "1 ");
  status("HTTP 500", [tag("http.status_code", 500n)], "2 ");
  status("HTTP 404 of a client", [tag("http.status_code", 404n)], "2 ");
  const server = tag("span.kind", "server");
  status("HTTP 404 of a server", [server, tag("http.status_code", 404n)], "0 ");

  test("a reference into the same trace is the parent", () => {
    const references = [reference(false, 1n, 8n), reference(true, 1n, 7n)];
    expect(one({ references })).toMatchObject({
      parent: "0000000000000007",
      links: [{ spanId: "0000000000000008" }],
    });
  });
});

describe("hostile input", () => {
  const good = bare(batchOf(full));
  const refused = (name: string, body: number[], code: string, encoding?: JaegerEncoding) =>
    test(name, () => expect(failure(() => decode(body, encoding)).code).toBe(code));
  refused("nothing", [], "wire_malformed");
  refused("a span without an id", bare(batchOf(spanOf({ spanId: 0n }))), "wire_malformed");
  refused("spans before their process", [15, 0, 2, 12, 0, 0, 0, 0, 0], "wire_malformed");
  refused("a list that lies", [12, 0, 1, 15, 0, 2, 12, 127, 255, 255, 255], "wire_malformed");
  const nested = Array.from({ length: 100 }, () => [12, 0, 9]).flat();
  refused("deep nesting", nested, "wire_too_deep");
  const call = writeCall("emitZipkinBatch", [], "compact");
  refused("another call", call, "wire_malformed", "thrift-call-compact");
  const unknown = [15, 0, 9, 3, 0, 3, 13, 64, ...new Uint8Array(200_000)];
  refused("much that is not known", unknown, "wire_too_many_items");

  test("every cut of a message is refused", () => {
    for (let size = 0; size < good.length; size++)
      expect(failure(() => decode(good.slice(0, size))).code).toBe("wire_malformed");
  });

  test("damaged messages are refused or read, never anything else", () => {
    const args = [[1, batchOf(full)]] as const;
    const seeds: readonly (readonly [JaegerEncoding, number[]])[] = [
      ["thrift-batch", good],
      ["thrift-call-binary", writeCall("emitBatch", args, "binary")],
      ["thrift-call-compact", writeCall("emitBatch", args, "compact")],
      ["protobuf", good],
    ];
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...seeds), flips, ([encoding, seed], changes) => {
        const body = Uint8Array.from(seed);
        for (const [at, byte] of changes) body[at % body.length] = byte;
        try {
          decode(body, encoding);
        } catch (thrown) {
          expect(asTriptychError(thrown).code).toMatch(/^wire_/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("attributes beyond the limit are counted", () => {
    const tags = Array.from({ length: 30 }, (_, i) => tag(`t${i}`, "v"));
    expect(one({ tags }, { attributesPerItemMax: 10 })).toMatchObject({ dropped: [20, 0, 0] });
  });
});
