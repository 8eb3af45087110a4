/** F3, F4: the journal under power loss and damage, in one process: its unit tests with many more seeds. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { repositoryRoot } from "../start-server.ts";
import { type FaultCase, Skipped } from "./case.ts";

const run = promisify(execFile);

function seeds(name: string, title: string, what: { file: string; seeds: number }): FaultCase {
  return {
    name,
    title,
    async run({ short }) {
      if (short) throw new Skipped("its short form is one of the unit tests");
      const file = `packages/server/src/journal/${what.file}`;
      // A seed that fails is named in the output, which is the error's.
      await run("npx", ["--no-install", "vitest", "run", file, "--testTimeout=600000"], {
        cwd: repositoryRoot,
        env: { ...process.env, TRIPTYCH_SEEDS: String(what.seeds) },
        maxBuffer: 64 * 1024 * 1024,
      });
      return { seeds: what.seeds };
    },
  };
}

export const seedCases: readonly FaultCase[] = [
  seeds("F3", "the power goes at a random call", { file: "power-loss.test.ts", seeds: 20_000 }),
  seeds("F4", "random damage to the journal's files", { file: "corruption.test.ts", seeds: 5_000 }),
];
