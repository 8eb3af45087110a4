/** Bombs, lies and damaged bodies, in the sizes that attackers use, with what they may cost. */
import { deflateSync, gzipSync } from "node:zlib";
import { asTriptychError, defaultLimits, errorCatalogue } from "@triptych/model";
import { encodeExportResponse } from "@triptych/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createOtlpReceiver, type OtlpSignal } from "./receiver.ts";
import {
  createRecordingNext,
  realClock,
  startServers,
  type TestServers,
} from "./recording-next.ts";

const MiB = 1024 * 1024;

describe("bombs against a limit of 64 MiB", () => {
  let servers: TestServers;
  beforeAll(async () => {
    servers = await startServers();
  });
  afterAll(async () => {
    await servers.close();
    expect(servers.next.heldBytes).toBe(0);
    expect(servers.bugs).toEqual([]);
  });

  // 1 GiB each, but for deflate, which cannot repeat a part that was compressed before and would be slow to make.
  const gzipDeclared = gzipSync(Buffer.alloc(160 * MiB));
  const zerosMiB = Buffer.alloc(16 * MiB);
  const gzipBomb = Buffer.concat(Array.from({ length: 64 }, () => gzipSync(zerosMiB)));
  const deflateBomb = deflateSync(Buffer.alloc(160 * MiB));
  const zstdBomb = (() => {
    const blocks: number[] = [];
    for (let i = 0; i < 8192; i++) {
      const word = (0x20000 << 3) | (1 << 1) | (i === 8191 ? 1 : 0);
      blocks.push(word & 0xff, (word >> 8) & 0xff, word >> 16, 0);
    }
    return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, ...blocks]);
  })();
  /** Declares 4 GiB of content. */
  const zstdLie = Buffer.from([
    0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 0x03, 0, 0, 0,
  ]);
  const send = (encoding: string, body: Uint8Array) =>
    fetch(`${servers.httpUrl}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf", "content-encoding": encoding },
      body: body as BodyInit,
    });

  const check = (name: string, encoding: string, body: Uint8Array) =>
    test(name, async () => {
      servers.next.heldBytesMost = 0;
      const answer = await send(encoding, body);
      expect(answer.status).toBe(413);
      // The limit itself and what was read of the body, nothing that grows with the bomb.
      expect(servers.next.heldBytesMost).toBeLessThan(64 * MiB + body.length + MiB);
    });
  check("gzip", "gzip", gzipBomb);
  check("gzip that says its size", "gzip", gzipDeclared);
  check("deflate", "deflate", deflateBomb);
  check("zstd", "zstd", zstdBomb);
  check("zstd that lies", "zstd", zstdLie);

  test("fifty at once are refused within the budget while others are served", async () => {
    const bombs = Array.from({ length: 50 }, () => send("gzip", gzipBomb));
    const healthy: number[] = [];
    const done = Promise.all(bombs);
    let running = true;
    const finished = done.then(() => {
      running = false;
    });
    while (running) healthy.push((await send("identity", Buffer.alloc(0))).status);
    await finished;
    for (const answer of await done) expect([413, 503]).toContain(answer.status);
    expect(healthy.length).toBeGreaterThan(0);
    for (const status of healthy) expect([200, 503]).toContain(status);
    expect(servers.next.heldBytesMost).toBeLessThanOrEqual(defaultLimits.inFlightBytesMax);
    expect((await send("identity", Buffer.alloc(0))).status).toBe(200);
  });
});

describe("a thousand damaged bodies each", () => {
  const traces = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [
          {
            scope: { name: "http", version: "1" },
            spans: [1, 2, 3].map((n) => ({
              traceId: "0123456789abcdef0123456789abcdef",
              spanId: `000000000000000${n}`,
              name: "GET /cart",
              kind: 2,
              startTimeUnixNano: "1700000000000000000",
              endTimeUnixNano: "1700000000500000000",
              attributes: [
                {
                  key: "list",
                  value: { arrayValue: { values: [{ intValue: "9007199254740993" }] } },
                },
                {
                  key: "map",
                  value: { kvlistValue: { values: [{ key: "k", value: { boolValue: true } }] } },
                },
              ],
              events: [{ name: "retry", timeUnixNano: "1700000000100000000" }],
              status: { code: 2, message: "declined" },
            })),
          },
        ],
      },
    ],
  };
  const logs = {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: "1700000000000000000",
                severityNumber: 9,
                body: { stringValue: "ö line" },
              },
              {
                observedTimeUnixNano: 1700000000000,
                body: { doubleValue: 1.5 },
                traceId: "ab".repeat(16),
              },
            ],
          },
        ],
      },
    ],
  };
  const point = { timeUnixNano: "1700000000000000000", asDouble: 1.5 };
  const metrics = {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              { name: "a", gauge: { dataPoints: [point] } },
              {
                name: "b",
                sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] },
              },
              {
                name: "c",
                histogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      timeUnixNano: "1700000000000000000",
                      count: "3",
                      sum: 4,
                      bucketCounts: ["1", "2"],
                      explicitBounds: [1],
                    },
                  ],
                },
              },
              {
                name: "d",
                exponentialHistogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      timeUnixNano: "1700000000000000000",
                      count: "2",
                      scale: 3,
                      zeroCount: "0",
                      positive: { offset: 1, bucketCounts: ["2"] },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  };
  /** Protobuf by hand from nested pairs of field number and value: text, small numbers, words of 64 bits, or more pairs. */
  type Field = readonly [number: number, value: string | number | bigint | readonly Field[]];
  const varint = (n: number) => {
    const out: number[] = [];
    let rest = n;
    for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
    return Buffer.from([...out, rest]);
  };
  const message = (fields: readonly Field[]): Buffer =>
    Buffer.concat(
      fields.map(([number, value]) => {
        if (typeof value === "number") return Buffer.concat([varint(number << 3), varint(value)]);
        if (typeof value === "bigint") {
          const word = Buffer.alloc(8);
          word.writeBigUInt64LE(value);
          return Buffer.concat([varint((number << 3) | 1), word]);
        }
        const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : message(value);
        return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
      }),
    );
  const time = 1_700_000_000_000_000_000n;
  const service: Field = [
    1,
    [
      [1, "service.name"],
      [2, [[1, "shop"]]],
    ],
  ];
  const nested: Field = [
    2,
    [
      [
        5,
        [
          [1, [[1, "a"]]],
          [
            1,
            [
              [
                6,
                [
                  [
                    1,
                    [
                      [1, "k"],
                      [2, [[7, "b"]]],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ],
  ];
  const protobuf: Readonly<Record<OtlpSignal, Buffer>> = {
    traces: message([
      [
        1,
        [
          [1, [service]],
          [
            2,
            [
              [1, [[1, "http"]]],
              ...[1, 2, 3].map(
                (): Field => [
                  2,
                  [
                    [1, "0123456789abcdef"],
                    [2, "01234567"],
                    [5, "GET /cart"],
                    [7, time],
                    [8, time],
                    [9, [[1, "list"], nested]],
                    [
                      11,
                      [
                        [1, time],
                        [2, "retry"],
                      ],
                    ],
                    [15, [[2, "declined"]]],
                  ],
                ],
              ),
            ],
          ],
        ],
      ],
    ]),
    logs: message([
      [
        1,
        [
          [1, [service]],
          [
            2,
            [
              [
                2,
                [
                  [1, time],
                  [5, [[1, "a line"]]],
                  [6, [[1, "k"], nested]],
                ],
              ],
              [
                2,
                [
                  [11, time],
                  [9, "0123456789abcdef"],
                ],
              ],
            ],
          ],
        ],
      ],
    ]),
    metrics: message([
      [
        1,
        [
          [1, [service]],
          [
            2,
            [
              [
                2,
                [
                  [1, "a"],
                  [
                    5,
                    [
                      [
                        1,
                        [
                          [3, time],
                          [4, 1n],
                        ],
                      ],
                    ],
                  ],
                ],
              ],
              [
                2,
                [
                  [1, "c"],
                  [
                    9,
                    [
                      [2, 2],
                      [
                        1,
                        [
                          [3, time],
                          [4, 3n],
                          [5, 1n],
                          [6, "\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"],
                          [7, "\0\0\0\0\0\0\xf0\x3f"],
                        ],
                      ],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ]),
  };
  const bodies: Readonly<Record<OtlpSignal, { protobuf: Buffer; json: Buffer }>> = {
    traces: { protobuf: protobuf.traces, json: Buffer.from(JSON.stringify(traces)) },
    logs: { protobuf: protobuf.logs, json: Buffer.from(JSON.stringify(logs)) },
    metrics: { protobuf: protobuf.metrics, json: Buffer.from(JSON.stringify(metrics)) },
  };

  /** Values that break decoders: long varints, huge lengths, deep nesting, odd JSON. */
  const dictionary = [
    "\xff\xff\xff\xff\x07",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    "\x0a\x00",
    "\x0b".repeat(50),
    "\0",
    "\x7f",
    "[[[[[[[[[[[[[[[[[",
    '{"":',
    "1e999",
    "-0",
    "\\ud800",
    "null",
    "true",
    "[]",
    "{}",
    '"__proto__":',
    "18446744073709551616",
    '"9223372036854775808"',
    ",,",
    '"',
    "NaN",
    "\xef\xbb\xbf",
    "\xc3\x28",
  ].map((text) => Buffer.from(text, "latin1"));

  function createMutator(seed: number) {
    let state = seed;
    const random = (n: number) => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
      return (state >>> 4) % Math.max(n, 1);
    };
    const once = (body: Buffer): Buffer => {
      const at = random(body.length);
      const flipped = Buffer.from(body);
      switch (random(6)) {
        case 0:
          flipped[at] = (flipped[at] ?? 0) ^ (1 << random(8));
          return flipped;
        case 1:
          flipped[at] = random(256);
          return flipped;
        case 2:
          return body.subarray(0, at);
        case 3:
          return Buffer.concat([body.subarray(0, at), body.subarray(at + 1 + random(16))]);
        case 4: {
          const word = dictionary[random(dictionary.length)] ?? Buffer.alloc(0);
          return Buffer.concat([
            body.subarray(0, at),
            word,
            body.subarray(at + random(2) * word.length),
          ]);
        }
        default:
          return Buffer.concat([body.subarray(0, at), body.subarray(random(body.length))]);
      }
    };
    return (body: Buffer): Buffer => {
      let out = body;
      for (let times = 1 + random(3); times > 0; times--) out = once(out);
      return out;
    };
  }

  const TRIES = Number(process.env["TRIPTYCH_FUZZ_TRIES"] ?? 1000);
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  beforeAll(() => void process.on("unhandledRejection", note));
  afterAll(() => {
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  for (const signal of ["traces", "logs", "metrics"] as const) {
    for (const encoding of ["protobuf", "json"] as const) {
      test(`${signal}, ${encoding}`, async () => {
        const next = createRecordingNext(defaultLimits.inFlightBytesMax);
        const receiver = createOtlpReceiver({ next, limits: defaultLimits, clock: realClock });
        const mutate = createMutator(7);
        const whole = bodies[signal][encoding];
        const request = { encoding, tenant: "default", path: `/v1/${signal}` };
        const taken = await receiver[signal]({ body: whole, ...request });
        expect(taken).toEqual(encodeExportResponse(signal, encoding, 0, ""));
        const rows = next.batches[0]?.rows ?? 0;
        expect(rows).toBeGreaterThan(1);
        for (let i = 0; i < TRIES; i++) {
          const body = mutate(whole);
          await receiver[signal]({ body, ...request }).catch((thrown: unknown) => {
            const error = asTriptychError(thrown);
            const text = `try ${i}: ${error.code} ${error.message} ${body.toString("base64")}`;
            expect(errorCatalogue[error.code].status, text).toBeGreaterThanOrEqual(400);
            expect(errorCatalogue[error.code].status, text).toBeLessThan(500);
          });
          if (i % 100 !== 99) continue;
          // A sound request is still exact; another path keeps it from being a resend.
          next.batches.splice(0);
          await receiver[signal]({ body: whole, ...request, path: `/${i}` });
          expect(next.batches[0]?.rows).toBe(rows);
        }
      });
    }
  }
});
