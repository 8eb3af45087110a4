/** Arguments for a server that computes every answer anew: what is asked again and again is what is measured. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function nothingKept(): { readonly args: readonly string[]; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "triptych-bench-config-"));
  const file = join(directory, "triptych.yaml");
  writeFileSync(file, "limits: { keptStepsBytes: 0 }\n");
  return {
    args: ["--config", file],
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
