/**
 * `npm test`: every check, in order of how quickly it tells. Prints one line per step and, as its last line,
 * `N passed, N failed`. `npm test -- unit` (or any step's name) runs that step alone, after set-up.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./setup.mjs";

const only = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "triptych-test-"));
const totals = { passed: 0, failed: 0, skipped: 0 };

function command(name, args, env = {}) {
  const result = spawnSync(name, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return result.status === 0;
}

/** A check that passes or fails as a whole. */
const check = (name, args) => () => {
  if (command("npx", ["--no-install", name, ...args])) totals.passed++;
  else totals.failed++;
};

/** A vitest run; its own counts are added. */
const tests = (config) => () => {
  const report = join(scratch, `${config}.json`);
  const ok = command("npx", [
    "--no-install",
    "vitest",
    "run",
    "--config",
    config,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  let counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  try {
    counts = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    // No report: the run itself broke, which `ok` says.
  }
  totals.passed += counts.numPassedTests;
  totals.skipped += counts.numPendingTests ?? 0;
  totals.failed += counts.numFailedTests || (ok ? 0 : 1);
};

const steps = [
  ["format", check("biome", ["format"])],
  ["lint", check("biome", ["lint", "--diagnostic-level=error"])],
  ["types", check("tsc", ["-p", "tsconfig.json"])],
  ["layers", check("depcruise", ["packages", "--config", ".dependency-cruiser.mjs"])],
  [
    "pictures",
    () => {
      if (command(process.execPath, ["tools/architecture.mjs", "--check"])) totals.passed++;
      else totals.failed++;
    },
  ],
  ["unit", tests("vitest.config.ts")],
  [
    "build",
    async () => {
      const { build } = await import("./build.mjs");
      await build();
      totals.passed++;
    },
  ],
  ["integration", tests("vitest.integration.config.ts")],
  [
    "browser",
    async () => {
      const { ensureChromium } = await import("./ensure-chromium.mjs");
      const browser = ensureChromium();
      if (browser === undefined) {
        totals.skipped++;
        return;
      }
      process.env.TRIPTYCH_CHROMIUM = browser;
      tests("vitest.browser.config.ts")();
    },
  ],
  [
    "faults",
    () => {
      if (command(process.execPath, ["tools/faults.mjs", "--short"])) totals.passed++;
      else totals.failed++;
    },
  ],
];

try {
  ensureInstalled();
  for (const [name, run] of steps) {
    if (only.length > 0 && !only.includes(name)) continue;
    const started = Date.now();
    process.stdout.write(`\n== ${name}\n`);
    const before = totals.failed;
    try {
      await run();
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      totals.failed++;
    }
    const verdict = totals.failed > before ? "failed" : "ok";
    process.stdout.write(`== ${name}: ${verdict} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  totals.failed++;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed > 0 ? 1 : 0;
