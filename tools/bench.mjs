/**
 * `npm run bench -- [ingest|start|promql|wire] [--seconds N] [--save]`: named benchmarks of the built server. They
 * are TypeScript of the test kit; this file only starts them with what reads it.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./setup.mjs";

const child = spawn(
  process.execPath,
  [
    "--conditions=triptych:source",
    "--import",
    "tsx",
    join(root, "packages/testkit/src/bench/main.ts"),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)));
