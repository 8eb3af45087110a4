import { defineConfig } from "vitest/config";
import { limits, shared } from "./vitest.shared.ts";

// One file at a time: each starts real servers.
export default defineConfig({
  ...shared,
  test: {
    ...limits,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
    passWithNoTests: true,
    include: ["packages/*/src/**/*.integration.test.ts", "examples/*/src/**/*.integration.test.ts"],
  },
});
