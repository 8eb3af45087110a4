/** Remote read: requests are read, answers are what a reader takes; damaged requests end in an error of ours. */
import { TriptychError } from "@triptych/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { drain } from "../otlp/steps.ts";
import { MessageWriter } from "../remote-write/message-writer.ts";
import { decodeSnappy } from "../snappy/block.ts";
import { crc32c } from "../snappy/crc32c.ts";
import { decodeReadRequest } from "./request.ts";
import { chunkedReadFrames, encodeReadResponse, writeReadSeries } from "./response.ts";

function request(): Uint8Array {
  const out = new MessageWriter();
  const query = out.begin(1);
  out.int64(1, -5);
  out.int64(2, 1_700_000_000_000);
  for (const [type, name, value] of [
    [0, "__name__", "up"],
    [3, "job", "a|b"],
  ] as const) {
    const matcher = out.begin(3);
    out.uint(1, type);
    out.text(2, name);
    out.text(3, value);
    out.end(matcher);
  }
  out.bytesField(4, Uint8Array.of(8, 1));
  out.end(query);
  out.packedUints(2, [1, 0]);
  return out.bytes();
}

test("a request", () => {
  expect(decodeReadRequest(request())).toEqual({
    queries: [
      {
        startMs: -5,
        endMs: 1_700_000_000_000,
        matchers: [
          { name: "__name__", op: "=", value: "up" },
          { name: "job", op: "!~", value: "a|b" },
        ],
      },
    ],
    accepts: [1, 0],
  });
});

test("damaged requests end in an error of ours", () => {
  const whole = request();
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
      const broken = whole.slice();
      broken[at] = byte;
      try {
        decodeReadRequest(broken);
      } catch (error) {
        expect(error).toBeInstanceOf(TriptychError);
      }
    }),
  );
  expect(() => decodeReadRequest(whole.subarray(0, 20))).toThrow(TriptychError);
});

const series = {
  labels: [["__name__", "up"]] as const,
  timeMs: Float64Array.from({ length: 2000 }, (_, i) => i * 1000),
  valueWords: new Uint32Array(Float64Array.from({ length: 2000 }, (_, i) => i % 7).buffer),
  start: 0,
  end: 2000,
  histograms: [],
};

test("an answer of samples is one Snappy block, though it is compressed in pieces", () => {
  const out = new MessageWriter();
  for (let i = 0; i < 20; i++) writeReadSeries(out, series);
  const pieces = drain(encodeReadResponse([out.bytes(), new Uint8Array()]));
  expect(pieces.length).toBeGreaterThan(3);
  const body = drain(decodeSnappy(Buffer.concat(pieces), 1e9));
  const want = new MessageWriter();
  want.bytesField(1, out.bytes());
  want.bytesField(1, new Uint8Array());
  expect(Buffer.compare(body, want.bytes())).toBe(0);
});

test("frames carry their length and checksum, and are cut where they grow too large", () => {
  const frames = [...chunkedReadFrames(series, 1, 1000)];
  expect(frames.length).toBeGreaterThan(2);
  for (const frame of frames) {
    const size = (frame[0] as number) < 128 ? 1 : 2;
    const body = frame.subarray(size + 4);
    expect(new DataView(frame.buffer, frame.byteOffset + size, 4).getUint32(0)).toBe(crc32c(body));
  }
});
