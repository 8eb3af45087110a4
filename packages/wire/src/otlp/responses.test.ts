/** Bodies of answers, byte for byte. */
import { describe, expect, test } from "vitest";
import { encodeExportResponse, encodeStatus, type StatusFields } from "./responses.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("export responses", () => {
  test("full success is empty", () => {
    expect(text(encodeExportResponse("traces", "json", 0, ""))).toBe("{}");
    expect(encodeExportResponse("traces", "protobuf", 0, "")).toHaveLength(0);
  });
  const check = (signal: "traces" | "logs" | "metrics", name: string) =>
    test(signal, () => {
      expect(JSON.parse(text(encodeExportResponse(signal, "json", 3, "no")))).toEqual({
        partialSuccess: { [name]: "3", errorMessage: "no" },
      });
      expect([...encodeExportResponse(signal, "protobuf", 300, "no")]).toEqual([
        0x0a, 7, 0x08, 0xac, 0x02, 0x12, 2, 0x6e, 0x6f,
      ]);
    });
  check("traces", "rejectedSpans");
  check("logs", "rejectedLogRecords");
  check("metrics", "rejectedDataPoints");
  test("a long message is shortened", () => {
    for (const encoding of ["json", "protobuf"] as const)
      expect(encodeExportResponse("logs", encoding, 1, "💥".repeat(5_000_000)).length).toBeLessThan(
        20_000,
      );
  });
});

describe("status", () => {
  const check = (status: StatusFields, want: { json: object; protobuf: string }) =>
    test(JSON.stringify(status), () => {
      expect(JSON.parse(text(encodeStatus("json", status)))).toEqual(want.json);
      expect(Buffer.from(encodeStatus("protobuf", status)).toString("latin1")).toBe(want.protobuf);
    });
  check(
    { code: 3, message: "bad" },
    { json: { code: 3, message: "bad" }, protobuf: "\x08\x03\x12\x03bad" },
  );
  check(
    { code: 14, message: "full", retryAfterSeconds: 2.5 },
    {
      json: {
        code: 14,
        message: "full",
        details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "2.5s" }],
      },
      protobuf:
        "\x08\x0e\x12\x04full\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x0a\x0a\x08\x08\x02\x10\x80\xca\xb5\xee\x01",
    },
  );
  check(
    { code: 3, message: "bad", fieldViolation: "why" },
    {
      json: {
        code: 3,
        message: "bad",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            fieldViolations: [{ field: "body", description: "why" }],
          },
        ],
      },
      protobuf:
        "\x08\x03\x12\x03bad\x1a\x3a\x0a\x29type.googleapis.com/google.rpc.BadRequest\x12\x0d\x0a\x0b\x0a\x04body\x12\x03why",
    },
  );
});
