/** Zipkin's encodings: cases of the corpus, the same span in all of them, and input nobody should trust. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { asTriptychError, defaultLimits, type Limits } from "@triptych/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spanRows } from "../otlp/rows-for-tests.ts";
import { drain } from "../otlp/steps.ts";
import { decodeZipkin, type ZipkinEncoding } from "./decode.ts";
import { field, fixed64Field, id8, numberField, textField } from "./encode-for-tests.ts";
import { ipv6Text } from "./ip-text.ts";

const corpus = fileURLToPath(new URL("../../../../corpus/wire/zipkin/", import.meta.url));
const ARRIVAL = 1_800_000_000_000_000_000n;

interface Row {
  readonly [column: string]: unknown;
  readonly attributes: readonly string[];
}
function decode(
  body: string | Uint8Array,
  encoding: ZipkinEncoding = "json-v2",
  limits: Partial<Limits> = {},
): Row[] {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const options = { limits: { ...defaultLimits, ...limits }, arrivalNs: ARRIVAL };
  return spanRows(drain(decodeZipkin(bytes, encoding, options))) as Row[];
}
const one = (span: object, limits: Partial<Limits> = {}): Row => {
  const [row] = decode(
    JSON.stringify([{ traceId: "1", id: "2", timestamp: 1, ...span }]),
    "json-v2",
    limits,
  );
  if (row === undefined) throw new Error("no row");
  return row;
};
const failure = (run: () => unknown) => {
  try {
    run();
  } catch (thrown) {
    return asTriptychError(thrown);
  }
  throw new Error("nothing was refused");
};
const shown = (rows: object[]) =>
  `${JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value), 2)}\n`;

describe("corpus", () => {
  for (const name of readdirSync(corpus).filter((file) => /\.v[12]\.json$/.test(file)))
    test(name, async () => {
      const encoding = name.endsWith(".v1.json") ? "json-v1" : "json-v2";
      const rows = decode(readFileSync(corpus + name), encoding);
      await expect(shown(rows)).toMatchFileSnapshot(corpus + name.replace(/\.json$/, ".rows.json"));
    });
});

describe("protobuf", () => {
  test("a span has the same columns as in JSON", () => {
    const span = {
      traceId: "000000000000000a000000000000000b",
      id: "00000000000000ff",
      parentId: "8000000000000001",
      kind: "PRODUCER",
      name: "put",
      timestamp: 1_700_000_000_000_123,
      duration: 77,
      localEndpoint: { serviceName: "shop", ipv4: "10.1.2.3" },
      remoteEndpoint: { serviceName: "queue", ipv6: "2001:db8::5", port: 5672 },
      annotations: [{ timestamp: 1_700_000_000_000_124, value: "sent" }],
      tags: { topic: "orders", error: "full" },
      shared: true,
      debug: true,
    };
    const local = [...textField(1, "shop"), ...field(2, [10, 1, 2, 3])];
    const remote = [
      ...textField(1, "queue"),
      ...field(3, [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
      ...numberField(4, 5672),
    ];
    const message = field(1, [
      ...field(1, [...id8(10n), ...id8(11n)]),
      ...field(2, id8(0x8000000000000001n)),
      ...field(3, id8(255n)),
      ...numberField(4, 3),
      ...textField(5, "put"),
      ...fixed64Field(6, 1_700_000_000_000_123n),
      ...numberField(7, 77),
      ...field(8, local),
      ...field(9, remote),
      ...field(10, [...fixed64Field(1, 1_700_000_000_000_124n), ...textField(2, "sent")]),
      ...field(11, [...textField(1, "topic"), ...textField(2, "orders")]),
      ...field(11, [...textField(1, "error"), ...textField(2, "full")]),
      ...numberField(12, 1),
      ...numberField(13, 1),
      ...textField(99, "what a later version adds"),
    ]);
    const rows = decode(Uint8Array.from(message), "protobuf");
    expect(rows).toEqual(decode(JSON.stringify([span])));
    expect(rows).toMatchObject([{ kind: 4, status: "2 full", parent: "8000000000000001" }]);
  });

  const refused = (name: string, body: number[], text: RegExp) =>
    test(name, () => {
      const error = failure(() => decode(Uint8Array.from(body), "protobuf"));
      expect(error.code).toBe("wire_malformed");
      expect(error.message).toMatch(text);
    });
  refused("an id of 4 bytes", field(1, field(3, [1, 2, 3, 4])), /id of 4 bytes/);
  refused("a trace id of 12 bytes", field(1, field(1, new Uint8Array(12))), /trace_id of 12/);
  refused("no ids", field(1, []), /id is missing/);
  refused("a length that lies", [10, 99, 1], /length of 99/);
});

describe("ids and times", () => {
  test("every id comes out as it went in", () => {
    const hex = (digits: number) =>
      fc
        .bigInt({ min: 1n, max: 16n ** BigInt(digits) - 1n })
        .map((id) => id.toString(16).padStart(digits, "0"));
    const hexDigits = hex(32);
    const spanDigits = hex(16);
    fc.assert(
      fc.property(hexDigits, spanDigits, spanDigits, (traceId, id, parentId) => {
        const row = one({ traceId, id, parentId });
        const parent = parentId === id ? "0".repeat(16) : parentId;
        expect(row).toMatchObject({ traceId, spanId: id, parent });
      }),
      { numRuns: 200 },
    );
  });

  test("short ids are padded on the left", () => {
    expect(one({ traceId: "abc", id: "D" })).toMatchObject({
      traceId: `${"0".repeat(29)}abc`,
      spanId: "000000000000000d",
    });
  });

  test("any tag comes out as it went in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (key, value) => {
        expect(one({ tags: { [`tag.${key}`]: value } }).attributes[0]).toBe(
          `tag.${key}=string:${value}`,
        );
      }),
      { numRuns: 200 },
    );
  });

  test("a span without any time is that of its arrival", () => {
    expect(one({ timestamp: undefined, duration: 5 })).toMatchObject({
      start: ARRIVAL,
      end: ARRIVAL + 5_000n,
    });
  });

  test("times beyond what a column holds are kept at its end", () => {
    expect(one({ timestamp: "9223372036854775807" })).toMatchObject({ start: 2n ** 64n - 1n });
  });
});

describe("limits", () => {
  test("attributes beyond the limit are counted", () => {
    const tags = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`t${i}`, "v"]));
    const row = one({ tags }, { attributesPerItemMax: 10 });
    expect(row.attributes).toHaveLength(10);
    expect(row).toMatchObject({ dropped: [20, 0, 0] });
  });

  test("a long value is cut at a character", () => {
    const row = one({ tags: { long: "é".repeat(100) } }, { attributeValueBytesMax: 33 });
    expect(row.attributes).toEqual([`long=string:${"é".repeat(16)}`]);
  });

  test("events beyond the limit are counted", () => {
    const annotations = Array.from({ length: 10_003 }, () => ({ timestamp: 1, value: "x" }));
    expect(one({ annotations })).toMatchObject({ dropped: [0, 3, 0] });
  });

  test("too many spans are refused whole", () => {
    const body = JSON.stringify(Array.from({ length: 4 }, () => ({ traceId: "1", id: "2" })));
    const error = failure(() => decode(body, "json-v2", { spansPerRequestMax: 3 }));
    expect(error.code).toBe("wire_too_many_items");
  });

  test("a large body is decoded in steps", () => {
    const span = JSON.stringify({ traceId: "1", id: "2", tags: { text: "x".repeat(1000) } });
    const body = new TextEncoder().encode(`[${Array(2_000).fill(span).join(",")}]`);
    const options = { limits: defaultLimits, arrivalNs: ARRIVAL };
    let steps = 0;
    for (const _ of decodeZipkin(body, "json-v2", options)) steps++;
    expect(steps).toBeGreaterThan(5);
  });
});

describe("hostile input", () => {
  const seeds = readdirSync(corpus)
    .filter((file) => /\.v[12]\.json$/.test(file))
    .map((file) => readFileSync(corpus + file));
  test("damaged bodies are refused as malformed or read, never anything else", () => {
    const encodings: ZipkinEncoding[] = ["json-v1", "json-v2", "protobuf"];
    const damage = fc.record({
      seed: fc.constantFrom(...seeds),
      encoding: fc.constantFrom(...encodings),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(damage, ({ seed, encoding, cut, flips }) => {
        const body = Uint8Array.from(seed);
        for (const [at, byte] of flips) body[at % body.length] = byte;
        const size = Math.max(1, Math.round(body.length * (0.5 + cut / 2)));
        try {
          decode(body.subarray(0, size), encoding);
        } catch (thrown) {
          expect(asTriptychError(thrown).code).toMatch(/^wire_/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  const refused = (name: string, body: string, code: string) =>
    test(name, () => expect(failure(() => decode(body)).code).toBe(code));
  refused("an id that is too long", `[{"traceId":"${"1".repeat(33)}","id":"1"}]`, "wire_malformed");
  refused(
    "a tag that is an object",
    '[{"traceId":"1","id":"1","tags":{"a":{}}}]',
    "wire_malformed",
  );
  refused("a negative time", '[{"traceId":"1","id":"1","timestamp":-1}]', "wire_malformed");
  refused("text after the list", "[] x", "wire_malformed");
  refused("deep nesting", `[{"x":${"[".repeat(100)}`, "wire_too_deep");
});

describe("addresses of version 6", () => {
  const check = (groups: number[], want: string) =>
    test(want, () =>
      expect(ipv6Text(Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 255])))).toBe(want),
    );
  check([0, 0, 0, 0, 0, 0, 0, 0], "::");
  check([0, 0, 0, 0, 0, 0, 0, 1], "::1");
  check([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1], "2001:db8:0:1::1");
  check([0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1");
  check([0, 0, 0, 0, 0, 0xffff, 0x0a01, 0x0203], "10.1.2.3");
});
