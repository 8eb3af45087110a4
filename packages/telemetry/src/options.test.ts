import { describe, expect, test } from "vitest";
import { isSignalOn, readNumber, resolveProtocol, resolveUrl, type Signal } from "./options.ts";

describe("resolveUrl", () => {
  const check = (
    endpoint: string | undefined,
    env: Record<string, string>,
    [signal, protocol, want]: [Signal, "grpc" | "http/protobuf", string | undefined],
  ) =>
    test(`${endpoint} ${JSON.stringify(env)} ${signal} ${protocol}`, () => {
      const options = endpoint === undefined ? {} : { endpoint };
      expect(resolveUrl(options, env, { signal, protocol })).toBe(want);
    });
  check(undefined, {}, ["traces", "http/protobuf", "http://127.0.0.1:4318/v1/traces"]);
  check(undefined, {}, ["traces", "grpc", "http://127.0.0.1:4317/"]);
  check("http://h:1", {}, ["logs", "http/protobuf", "http://h:1/v1/logs"]);
  check("http://h:1/base/", {}, ["metrics", "http/protobuf", "http://h:1/base/v1/metrics"]);
  check("http://h:1", {}, ["logs", "grpc", "http://h:1/"]);
  // The exporters read these themselves.
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://e:2" };
  check(undefined, base, ["logs", "http/protobuf", undefined]);
  check("http://h:1", base, ["logs", "http/protobuf", "http://h:1/v1/logs"]);
  const own = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://e:2/x" };
  check(undefined, own, ["logs", "http/protobuf", undefined]);
  check(undefined, own, ["traces", "http/protobuf", "http://127.0.0.1:4318/v1/traces"]);
  check(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: " " }, [
    "logs",
    "http/protobuf",
    "http://127.0.0.1:4318/v1/logs",
  ]);
});

describe("resolveProtocol", () => {
  const check = (env: Record<string, string>, want: string) =>
    test(JSON.stringify(env), () => expect(resolveProtocol({}, env, "traces")).toBe(want));
  check({}, "http/protobuf");
  check({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "grpc");
  check(
    { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json" },
    "http/json",
  );
  test("an unknown one is refused", () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "thrift" };
    expect(() => resolveProtocol({}, env, "traces")).toThrow('OTLP protocol "thrift" is none of');
    expect(resolveProtocol({ protocol: "grpc" }, env, "traces")).toBe("grpc");
  });
});

test("readNumber takes positive numbers only", () => {
  const env = { a: "250", b: "-1", c: "x", d: "", e: " 5 " };
  const all = [..."abcdef"].map((name) => readNumber(env, name));
  expect(all).toEqual([250, undefined, undefined, undefined, 5, undefined]);
});

test("a signal is switched off by its exporter variable", () => {
  expect(isSignalOn({ OTEL_LOGS_EXPORTER: "none" }, "logs")).toBe(false);
  expect(isSignalOn({ OTEL_LOGS_EXPORTER: "none" }, "traces")).toBe(true);
});
