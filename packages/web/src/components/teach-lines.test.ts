import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { curlLines, recipesFor, type Signal } from "./teach-lines.ts";

describe("what curl sends is JSON after the shell has read it", () => {
  const check = (signal: Signal, key: string) =>
    test(signal, () => {
      const command = curlLines(signal, "http://127.0.0.1:4318").replace(
        /^curl /,
        "printf '%s\\n' ",
      );
      const words = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim().split("\n");
      expect(words[2]).toBe(`http://127.0.0.1:4318/v1/${signal}`);
      expect(JSON.parse(words[4] ?? "")).toHaveProperty(key);
    });
  check("traces", "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano");
  check("logs", "resourceLogs[0].scopeLogs[0].logRecords[0].body");
  check("metrics", "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge");
});

test("recipes carry the address they were given", () => {
  for (const recipe of recipesFor("http://shop.example:4318", "http://shop.example:4317")) {
    expect(recipe.lines).toContain("http://shop.example:4318");
  }
});
