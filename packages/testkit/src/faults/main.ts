/** `npm run faults`: runs the whole-process fault cases and writes the report. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createRng } from "../rng.ts";
import { alertCases } from "./alerts.ts";
import { type FaultCase, Skipped } from "./case.ts";
import { crashCases } from "./crash.ts";
import { damageCases } from "./damage.ts";
import { hostileCases } from "./hostile.ts";
import { placeCases } from "./place.ts";
import { questionCases } from "./questions.ts";
import { receiverCases } from "./receivers.ts";
import { remoteCases } from "./remote.ts";
import { loadCases } from "./saturation.ts";
import { seedCases } from "./seeds.ts";

const cases: readonly FaultCase[] = [
  ...crashCases,
  ...placeCases,
  ...remoteCases,
  ...damageCases,
  ...hostileCases,
  ...receiverCases,
  ...alertCases,
  ...questionCases,
  ...loadCases,
  ...seedCases,
].sort((a, b) => orderOf(a) - orderOf(b));

/** Faults, then load, then security. */
function orderOf({ name }: FaultCase): number {
  return "FLS".indexOf(name[0] ?? "F") * 1_000 + Number(name.slice(1));
}

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    seed: { type: "string" },
    short: { type: "boolean", default: false },
    report: { type: "string", default: "reliability-report.json" },
    keep: { type: "boolean", default: false },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const wanted = values.case?.flatMap((names) => names.split(","));
const unknown = wanted?.find((name) => cases.every((item) => item.name !== name));
if (unknown !== undefined) {
  say(`There is no case ${unknown}; there are ${cases.map((item) => item.name).join(", ")}.`);
  process.exit(2);
}

const results: object[] = [];
let passed = 0;
let failed = 0;
for (const item of cases) {
  if (wanted !== undefined && !wanted.includes(item.name)) continue;
  if (item.isSlow === true && values.short && wanted === undefined) {
    const message = "takes a minute or more: run without --short, or by its name";
    say(`skip ${item.name} ${item.title}: ${message}`);
    results.push({ case: item.name, seed, result: "skipped", message });
    continue;
  }
  const directory = mkdtempSync(join(tmpdir(), `triptych-${item.name}-`));
  const log = (text: string): void => say(`  ${item.name} ${text}`);
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  try {
    const figures = await item.run({
      seed,
      rng: createRng(seed),
      short: values.short,
      directory,
      log,
    });
    passed++;
    const text = Object.entries(figures).map(([name, value]) => `${name}=${value}`);
    say(`pass ${item.name} ${item.title} (${seconds()} s): ${text.join(" ")}`);
    results.push({ case: item.name, seed, result: "passed", seconds: seconds(), ...figures });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof Skipped) {
      say(`skip ${item.name} ${item.title}: ${message}`);
      results.push({ case: item.name, seed, result: "skipped", message });
      continue;
    }
    failed++;
    say(`FAIL ${item.name} ${item.title} (${seconds()} s): ${message}`);
    say(
      `repro: node tools/faults.mjs --case ${item.name} --seed ${seed}${values.short ? " --short" : ""}`,
    );
    results.push({ case: item.name, seed, result: "failed", seconds: seconds(), message });
  } finally {
    if (values.keep) say(`  ${item.name} kept ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}
writeFileSync(
  values.report,
  `${JSON.stringify({ at: new Date().toISOString(), node: process.version, short: values.short, results }, null, 2)}\n`,
);
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
