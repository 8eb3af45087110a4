import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.ts";
import { configSchema, parseBytes } from "./schema.ts";

const message = (text: string): string => {
  try {
    parseConfig(text, "triptych.yaml");
    return "accepted";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe("good", () => {
  const check = (
    name: string,
    text: string,
    read: (config: ReturnType<typeof parseConfig>) => unknown,
    want: unknown,
  ) => test(name, () => expect(read(parseConfig(text, "triptych.yaml"))).toEqual(want));
  check("nothing is the defaults", "", (config) => config, configSchema.parse({}));
  check("a size with a unit", "memory: 2GiB", (config) => config.memory, 2 ** 31);
  check(
    "a nested key keeps its neighbours' defaults",
    "otlp: {grpcPort: 1}",
    (config) => config.otlp,
    {
      grpcPort: 1,
      httpPort: 4318,
      cors: ["*"],
    },
  );
  check(
    "retention",
    "retention: {logs: {days: 3, bytes: 1GB}}",
    (config) => config.retention.logs,
    { days: 3, bytes: 1e9 },
  );
  test("flags win over the file", () => {
    expect(
      parseConfig("data: /a\nhttp: {port: 1}", "f", { data: "/b", "http.port": 2 }),
    ).toMatchObject({
      data: "/b",
      http: { port: 2 },
    });
  });
});

describe("bad", () => {
  const check = (text: string, want: string) =>
    test(JSON.stringify(text), () => expect(message(text)).toContain(want));
  check("http:\n  prot: 1", 'triptych.yaml:2:3: unknown key "http.prot"; did you mean "port"?');
  check("dta: x", 'triptych.yaml:1:1: unknown key "dta"; did you mean "data"?');
  check("http: {port: 70000}", "triptych.yaml:1:8: http.port: ");
  check("memory: lots", "memory: ");
  check("store: somewhere", "store: ");
  check("a: [", "triptych.yaml:1:");
  check("- 1", "triptych.yaml: the file: ");
  check("__proto__: {a: 1}", "unknown key");
});

describe("sizes", () => {
  const check = (text: string, want: number) =>
    test(text, () => expect(parseBytes(text)).toBe(want));
  check("512MiB", 512 * 1024 * 1024);
  check("1.5 GB", 1.5e9);
  check("7", 7);
  check("-1", Number.NaN);
  check("1 parsec", Number.NaN);
});
