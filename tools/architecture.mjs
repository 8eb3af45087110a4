/** Writes the layer picture of ARCHITECTURE.md from layers.json. With `--check` it only compares and exits 1. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const layers = JSON.parse(readFileSync(join(root, "layers.json"), "utf8"));
const begin = "<!-- layers:begin -->";
const end = "<!-- layers:end -->";

const line = layers.join(" ─▶ ");
const picture = ["```", "packages  model · wire · lang · contract", "             ▲", `server    ${line}`, "          ◀── imports", "```"].join("\n");

const file = join(root, "ARCHITECTURE.md");
const text = readFileSync(file, "utf8");
const updated = `${text.slice(0, text.indexOf(begin) + begin.length)}\n${picture}\n${text.slice(text.indexOf(end))}`;
if (process.argv.includes("--check")) {
  if (updated !== text) {
    process.stderr.write("ARCHITECTURE.md does not show layers.json: run node tools/architecture.mjs\n");
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, updated);
}
