/** `triptych test logql FILE…`: runs Loki's test scripts. */
import { readFileSync } from "node:fs";
import { runLogqlScript } from "../query/logql/run-script.ts";
import { reportScript, type ScriptOutput, type Verdict } from "./script-report.ts";

export function testLogql(file: string, deps: ScriptOutput): Promise<Verdict> {
  return reportScript(file, deps, () => runLogqlScript(readFileSync(file, "utf8")));
}
