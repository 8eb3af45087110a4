/** `npm run bench`: measures, prints, and with `--save` keeps the figures as the baseline. It judges nothing. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../start-server.ts";
import { benchDay } from "./day.ts";
import { benchIngest } from "./ingest.ts";
import { benchPromql } from "./promql.ts";
import { benchRules } from "./rules.ts";
import { benchStart } from "./start.ts";
import { type Baseline, type Row, renderTable } from "./table.ts";
import { benchWire } from "./wire.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "20" },
    connections: { type: "string", default: "8" },
    rows: { type: "string", default: "500" },
    only: { type: "string" },
    /** Spans or lines of `traces` and `logs`. */
    day: { type: "string", default: "10000000" },
    /** Directory that is filled and left for a look. */
    keep: { type: "string" },
    save: { type: "boolean", default: false },
    /** Arguments of the server's Node, for profiles: `--node-args="--cpu-prof --cpu-prof-dir=/tmp"`. */
    "node-args": { type: "string", default: "" },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = Number(values.seconds);
const nodeArgs = values["node-args"].split(" ").filter((part) => part !== "");
const benches: { readonly [name: string]: () => Promise<Row[]> } = {
  ingest: () =>
    benchIngest({
      seconds,
      connections: Number(values.connections),
      rows: Number(values.rows),
      nodeArgs,
      only: values.only,
    }),
  start: () => benchStart(nodeArgs),
  promql: () => benchPromql(nodeArgs),
  traces: () =>
    benchDay({ signal: "traces", rows: Number(values.day), nodeArgs, keep: values.keep }),
  logs: () => benchDay({ signal: "logs", rows: Number(values.day), nodeArgs, keep: values.keep }),
  rules: () => benchRules(seconds, nodeArgs),
  wire: async () => benchWire(Math.min(seconds, 5)),
};
const names = positionals.length === 0 ? Object.keys(benches) : positionals;
const file = join(repositoryRoot, "bench/baseline.json");
const baseline = existsSync(file)
  ? (JSON.parse(readFileSync(file, "utf8")) as { readonly [name: string]: Baseline })
  : {};
const saved: { [name: string]: Baseline } = { ...baseline };

say(
  `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
for (const name of names) {
  const run = benches[name];
  if (run === undefined) {
    say(`There is no benchmark ${name}; there are ${Object.keys(benches).join(", ")}.`);
    process.exit(2);
  }
  const rows = await run();
  say(`\n${name}\n${renderTable(rows, baseline[name] ?? {})}`);
  saved[name] = Object.fromEntries(
    rows.map((row) => [row.name, Math.round(row.value * 100) / 100]),
  );
}
if (values.save) writeFileSync(file, `${JSON.stringify(saved, null, 2)}\n`);
process.exit(0);
